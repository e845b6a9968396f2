"""
Run the benchmarks, print the table, save raw results, update docs: `python -m benchmarks --help`.
"""

import argparse
import os
import resource
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import build, chart, machine, report
from benchmarks.figures import all_figures
from benchmarks.measures import MEASURES, Case, Measure
from benchmarks.results import Results, Sample, append, load
from benchmarks.servers import SERVERS, Server
from benchmarks.sizes import FULL, QUICK, Sizes, sizes_of

__all__ = ["main"]

LOAD_CORE = 1
DOCS = build.ROOT / "docs"
TITLES = {server.name: server.title for server in SERVERS}


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """
    Read the command line; exit if it is wrong.
    """
    names = [measure.name for measure in MEASURES]
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("measures", nargs="*", metavar="MEASURE", help=f"of {', '.join(names)}")
    parser.add_argument("--servers", help="names with commas; default: all that are installed")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--quick", action="store_true", help="sizes that only show that it works")
    parser.add_argument(
        "--docs", action="store_true", help="write the docs after a partial run too"
    )
    parser.add_argument("--report", nargs="+", type=Path, metavar="FILE", help="of earlier results")
    parser.add_argument("--install-peers", action="store_true", help="from PyPI and npm, then end")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.measures) - set(names):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}")
    if unknown := set((chosen.servers or "floor").split(",")) - set(TITLES):
        parser.error(f"no such server: {', '.join(sorted(unknown))} (of {', '.join(TITLES)})")
    return chosen


def installed(wanted: str | None) -> list[Server]:
    """
    Return the servers that can run, and name the others on standard error.
    """
    names = wanted.split(",") if wanted else list(TITLES)
    able = []
    for server in SERVERS:
        if server.name not in names:
            continue
        if missing := server.missing():
            say(f"{server.name} is left out: {missing}")
        else:
            able.append(server)
    return able


def say(text: str) -> None:
    """
    Report progress on standard error.
    """
    sys.stderr.write(f"{text}\n")


def take(case: Case, server: Server) -> Sample:
    """
    Take one sample; if that fails, the sample has a problem.
    """
    try:
        return case.take(server)
    except Exception as error:  # an hour's run continues without it
        return Sample(server.name, case.kind, problem=f"{type(error).__name__}: {error}")


def samples(
    measures: Sequence[Measure], servers: Sequence[Server], sizes: Sizes, rounds: int
) -> Iterator[Sample]:
    """
    Take all samples: for each case all rounds, in each round all servers in turn.
    """
    for measure in measures:
        for case in measure.cases(sizes):
            all_rounds = max(rounds, case.least_rounds)
            for number in range(all_rounds):
                for server in filter(case.suits, servers):
                    made = replace(take(case, server), round=number)
                    noisy = f", {made.others:.1f} cores used by others" if made.others > 0.1 else ""
                    say(
                        f"{case.kind} {number + 1}/{all_rounds} {server.name}: "
                        f"{made.problem or 'ok'}{noisy}"
                    )
                    yield made


def measured(chosen: argparse.Namespace) -> Results:
    """
    Measure what was chosen, and save each sample at once.
    """
    sizes = QUICK if chosen.quick else FULL
    measures = [m for m in MEASURES if not chosen.measures or m.name in chosen.measures]
    results = Results(machine.about(sizes, chosen.rounds))
    build.generator()
    kept = build.BUILD / "results" / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.jsonl"
    kept.parent.mkdir(parents=True, exist_ok=True)
    append(kept, results.about)
    for made in samples(measures, installed(chosen.servers), sizes, chosen.rounds):
        append(kept, made)
        results.samples.append(made)
    say(f"raw results: {kept.relative_to(build.ROOT)}")
    return results


def write_docs(results: Results, text: str) -> None:
    """
    Write the table into the docs, and draw the chart if there are figures for it.
    """
    report.replace_between(DOCS / "benchmarks.md", text)
    if all_bars := chart.bars(results, TITLES):
        about = results.about
        connections = about["sizes"]["few"]
        title = f"CPU per delivered event, {connections:,} connections, relative to a C floor"
        notes = report.circumstances(about).splitlines()
        (DOCS / "benchmarks.svg").write_text(chart.draw(all_bars, title, notes))


def prepare() -> None:
    """
    Move off the server's core, and allow as many open files as the system does.
    """
    cores = os.cpu_count() or 1
    if cores < 2:
        say("there is one core: generator and server will disturb each other")
    os.sched_setaffinity(0, {LOAD_CORE if cores > 1 else 0})
    # The `with` block around a running server must end, or the server stays.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit("terminated"))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main(arguments: Sequence[str]) -> int:
    """
    Run the command line.

    Returns:
        The exit status: 1 if a run failed, else 0.
    """
    chosen = options(arguments)
    if chosen.install_peers:
        build.install_peers()
        return 0
    prepare()
    results = load(chosen.report) if chosen.report else measured(chosen)
    figures = all_figures(sizes_of(results.about["sizes"]))
    text = report.circumstances(results.about) + "\n" + report.table(results, figures, TITLES)
    sys.stdout.write(text)
    if chosen.docs or not (chosen.quick or chosen.measures or chosen.servers or chosen.report):
        write_docs(results, text)
    return int(any(made.problem for made in results.samples))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
