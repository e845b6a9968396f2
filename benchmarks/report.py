"""
The Markdown table, and its place in the docs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure
from benchmarks.results import Median, Results

__all__ = [
    "BEGIN",
    "END",
    "FLOOR",
    "OURS",
    "TIMES",
    "circumstances",
    "number",
    "replace_between",
    "row",
    "table",
]

OURS = "hub"
FLOOR = "floor"

BEGIN = "<!-- benchmarks: begin -->"
END = "<!-- benchmarks: end -->"

NOTHING = "\u2013"  # an en dash
TIMES = "\u00d7"

_HEAD = ("figure", "ours", "floor", "ratio", "at most", "met", "peers")


def number(value: float) -> str:
    """
    Three significant digits, thousands with separators, never an exponent.
    """
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3f}"


@dataclass(frozen=True)
class _Cells:
    results: Results
    figure: Figure

    def median(self, server: str) -> Median | None:
        return self.results.median(server, self.figure.kind, self.figure.key)

    def base(self) -> Median | None:
        if self.figure.base is None:
            return None
        server, kind = self.figure.base
        return self.results.median(server, kind, self.figure.key)

    def ratio(self, server: str) -> float | None:
        if self.figure.base is None:
            return None
        return self.results.ratio((server, self.figure.kind), self.figure.base, self.figure.key)

    def value(self, median: Median | None) -> str:
        if median is None:
            return NOTHING
        if median.problem:
            return f"failed ({_one_line(median.problem)})"
        noisy = " (noisy)" if median.noisy else ""
        return f"{number(median.value / self.figure.scale)} {self.figure.unit}{noisy}"

    def floor(self) -> str:
        if self.figure.base is None or self.figure.base[0] != FLOOR:
            return NOTHING
        return self.value(self.base())

    def target(self) -> str:
        target = self.figure.target
        if target is None:
            return NOTHING
        unit = TIMES if target.of == "ratio" else self.figure.unit
        return f"{'at least ' if target.least else ''}{target.limit:g} {unit}"

    def met(self) -> str:
        target, median = self.figure.target, self.median(self.figure.server)
        if target is None or median is None:
            return NOTHING
        ratio = self.ratio(self.figure.server)
        reached = median.value / self.figure.scale if target.of == "value" else ratio
        if median.problem or reached is None:
            return "no" if median.problem else NOTHING
        return "yes" if target.met(reached) else "**no**"

    def peers(self, titles: Mapping[str, str]) -> str:
        shown = []
        for server in self.results.servers():
            median = self.median(server)
            if server in (self.figure.server, FLOOR) or median is None:
                continue
            ratio = self.ratio(server) if self.floor() != NOTHING else None
            times = "" if ratio is None else f" ({number(ratio)} {TIMES})"
            shown.append(f"{titles.get(server, server)} {self.value(median)}{times}")
        return ", ".join(shown) or NOTHING


def _one_line(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[:120]


def row(results: Results, figure: Figure, titles: Mapping[str, str]) -> tuple[str, ...] | None:
    """
    One row of the table, or None if no server was measured.

    Args:
        titles: The title of each server.
    """
    cells = _Cells(results, figure)
    ours, ratio = cells.median(figure.server), cells.ratio(figure.server)
    peers, floor = cells.peers(titles), cells.floor()
    if ours is None and peers == floor == NOTHING:
        return None
    times = NOTHING if ratio is None else f"{number(ratio)} {TIMES}"
    return figure.title, cells.value(ours), floor, times, cells.target(), cells.met(), peers


def table(results: Results, figures: list[Figure], titles: Mapping[str, str]) -> str:
    """
    All rows that have figures.
    """
    rows = [row(results, figure, titles) for figure in figures]
    lines = [_HEAD, ("---",) * len(_HEAD), *(r for r in rows if r is not None)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def circumstances(about: Mapping[str, Any]) -> str:
    """
    The date, machine and versions of a run, one sentence a line.
    """
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"Measured on {about['date']}, medians of {about['rounds']} rounds, servers in turn.\n"
        f"Machine: {about['cores']} cores, {about['cpu']}, {about['kernel']}.\n"
        f"Versions: {versions}.\n"
    )


def replace_between(path: Path, text: str) -> None:
    """
    Put *text* between the markers in *path*.

    Raises:
        ValueError: A marker is missing.
    """
    before, begin, rest = path.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path.name} must contain {BEGIN} and, after it, {END}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
