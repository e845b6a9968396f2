"""
Samples, saved as one JSON object a line, and their medians over the rounds.
"""

import json
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

__all__ = ["Median", "Results", "Sample", "append", "load"]

# Cores used by processes other than the server and the generator.  A round with more is noisy:
# the server did not have its CPU caches and its core to itself.
QUIET = 0.4

MOST_ROUNDS = 1_000


@dataclass(frozen=True)
class Sample:
    """
    One run of one server.

    Args:
        server: The server's name.

        kind: The kind of run, such as `few-1`.

        values: Figures by name, which includes the unit.

        others: Cores that other programs used meanwhile.

        round: The number of the round.  Samples of one round were taken in succession.

        problem: Why the run does not count: events lost, doubled or out of order, streams closed,
            a server that died.  Empty if all went well.
    """

    server: str
    kind: str
    values: Mapping[str, float] = field(default_factory=dict)
    others: float = 0.0
    round: int = 0
    problem: str = ""


@dataclass(frozen=True)
class Median:
    """
    One figure over the rounds: its median, its range, and its defects.

    A figure with a *problem* is not shown.  A *noisy* one had no quiet round.
    """

    value: float
    low: float
    high: float
    rounds: int
    noisy: bool = False
    problem: str = ""


class Results:
    """
    All samples of a run, and the circumstances of the run.
    """

    def __init__(self, about: Mapping[str, Any], samples: Iterable[Sample] = ()) -> None:
        self.about = dict(about)
        self.samples = list(samples)

    def median(self, server: str, kind: str, key: str) -> Median | None:
        """
        The median of *key* over the quiet rounds, or over all if none was quiet.

        Returns:
            None if nothing was measured.  A failed round is not averaged away: the median then
            says what went wrong.
        """
        rounds = self._rounds(server, kind)
        problem = next((s.problem for s in rounds if s.problem), "")
        if problem:
            return Median(0.0, 0.0, 0.0, len(rounds), problem=problem)
        rounds = [s for s in rounds if key in s.values]
        quiet = [s for s in rounds if s.others <= QUIET]
        values = [s.values[key] for s in quiet or rounds]
        if not values:
            return None
        middle = statistics.median(values)
        return Median(middle, min(values), max(values), len(values), noisy=not quiet)

    def ratio(self, of: tuple[str, str], to: tuple[str, str], key: str) -> float | None:
        """
        The value of *of* divided by that of *to*: the median of the rounds' ratios.

        A machine that slows down for a minute slows both runs of a round, so the median of
        ratios is steadier than a ratio of medians.

        Args:
            of, to: Server and kind.

        Returns:
            None if no round measured both, or if a run of either failed.
        """
        ours, theirs = self._rounds(*of), self._rounds(*to)
        if any(s.problem for s in [*ours, *theirs]):
            return None
        bases = {s.round: s for s in theirs if s.values.get(key)}
        pairs = [(s, bases[s.round]) for s in ours if s.round in bases and key in s.values]
        quiet = [pair for pair in pairs if max(s.others for s in pair) <= QUIET]
        ratios = [s.values[key] / base.values[key] for s, base in quiet or pairs]
        return statistics.median(ratios) if ratios else None

    def _rounds(self, server: str, kind: str) -> list[Sample]:
        return [s for s in self.samples if (s.server, s.kind) == (server, kind)]

    def servers(self) -> list[str]:
        """
        The servers that were measured, in the order of first appearance.
        """
        return list(dict.fromkeys(s.server for s in self.samples))


def append(path: Path, record: Sample | Mapping[str, Any]) -> None:
    """
    Append one line to *path*: a sample, or the circumstances of the run.
    """
    line = {"sample": asdict(record)} if isinstance(record, Sample) else {"about": dict(record)}
    with path.open("a") as f:
        f.write(json.dumps(line) + "\n")


def load(paths: Iterable[Path]) -> Results:
    """
    Read what `append` wrote.  With several files, the last one's circumstances are kept.
    """
    results = Results({})
    for number, path in enumerate(paths):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            results.about.update(record.get("about", {}))
            if "sample" in record:
                made = Sample(**record["sample"])
                # Rounds of different files must not be paired.
                results.samples.append(replace(made, round=made.round + number * MOST_ROUNDS))
    return results
