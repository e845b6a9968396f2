"""
Kill hubs or Redis while events are published, and check that no acknowledged event is lost:
`python -m tests.chaos --help`.  For tests of the client see
`python -m tests.chaos client --help`, for those of runs `python -m tests.chaos runs --help`.
"""

import argparse
import random
import sys
from collections import Counter
from collections.abc import Callable, Sequence

from tests.chaos import clientrun, runs
from tests.chaos.outages import DiskFullStage, RedisFullStage
from tests.chaos.postgres import PostgresStage, TransactionsStage
from tests.chaos.run import Outcome, Settings, run_stage
from tests.chaos.sentinel import SentinelStage, WaitingSentinelStage
from tests.chaos.stages import STAGES as KILLING_STAGES
from tests.chaos.stages import Stage
from tests.chaos.standby import AsynchronousStandbyStage, SynchronousStandbyStage
from tests.chaos.workers import WorkersStage, WorkersWithRedisStage

__all__ = ["STAGES", "main"]

#: All stages, by their names on the command line.
STAGES: dict[str, Callable[[], Stage]] = {
    **KILLING_STAGES,
    "disk-full": DiskFullStage,
    "redis-full": RedisFullStage,
    "postgres": PostgresStage,
    "postgres-sql": TransactionsStage,
    "postgres-standby": SynchronousStandbyStage,
    "postgres-async": AsynchronousStandbyStage,
    "sentinel": SentinelStage,
    "sentinel-wait": WaitingSentinelStage,
    "workers": WorkersStage,
    "workers-redis": WorkersWithRedisStage,
}

# Always printed, even if their count is 0.
_KINDS = ("reset", "lost", "doubled", "out of order", "invented")

# How many faults of each kind are printed in full.
_SHOWN = 5


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Run once, and print the result.

    Returns:
        The exit status: 1 if the rule was broken.
    """
    given = sys.argv[1:] if arguments is None else arguments
    if given[:1] == ["client"]:
        return clientrun.main(given[1:])
    if given[:1] == ["runs"]:
        return runs.main(given[1:])
    stage, settings = _read(given)
    _say(f"python -m tests.chaos {stage}, seed {settings.seed}")
    outcome = run_stage(settings, STAGES[stage]())
    _report(outcome)
    return 1 if outcome.faults else 0


def _read(arguments: Sequence[str]) -> tuple[str, Settings]:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("stage", choices=list(STAGES), help="what is killed: see README.md")
    parser.add_argument("--rounds", type=int, default=10, help="how many kills; default: 10")
    parser.add_argument(
        "--clients", type=int, default=8, help="how many clients subscribe; default: 8"
    )
    parser.add_argument(
        "--seed", type=int, help="repeats the choices of a run; default: a random one"
    )
    parser.add_argument(
        "--seconds",
        nargs=2,
        type=float,
        default=(0.1, 1.0),
        metavar=("LEAST", "MOST"),
        help="the time between two kills; default: 0.1 1.0",
    )
    given = parser.parse_args(arguments)
    if given.rounds < 0 or given.clients < 1:
        parser.error("--rounds must be at least 0, and --clients at least 1")
    seed = random.randrange(1_000_000) if given.seed is None else given.seed
    return given.stage, Settings(given.rounds, given.clients, seed, tuple(given.seconds))


def _report(outcome: Outcome) -> None:
    kinds = Counter(fault.kind for fault in outcome.faults)
    rows = {**outcome.counts, **{kind: kinds[kind] for kind in _KINDS}, **kinds}
    for name, count in rows.items():
        _say(f"{name:<20}{count:>10,}")
    shown: Counter[str] = Counter()
    for fault in outcome.faults:
        shown[fault.kind] += 1
        if shown[fault.kind] <= _SHOWN:
            _say(f"{fault.kind}: {fault.sentence}")
    if outcome.faults:
        _say("At least one rule was broken.")
    else:
        _say("Every subscriber received every acknowledged event once and in order.")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
