"""
Connections, runs and numbers as people read them.  Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from twisted_sse.cli.console import Line, Span
from twisted_sse.cli.printable import printable

__all__ = ["connection_lines", "number_line", "number_lines", "run_lines"]

_CONNECTION_HEADS = (
    *("user", "address", "topics", "protocol", "age"),
    *("state", "lag", "events", "bytes"),
)
_RUN_HEADS = ("name", "user", "age", "state", "readers", "events", "bytes", "source")
_NUMBERS = ("age", "lag", "readers", "events", "bytes")

# The most columns of a cell; of topics there are often many.
_WIDEST = {"name": 40, "user": 24, "address": 39, "topics": 40}

_STYLES = {
    **dict.fromkeys(("behind", "cancelled"), "warning"),
    **dict.fromkeys(("blocked", "failed", "interrupted"), "problem"),
}


def connection_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """
    Write a line of heads, and a line for each of *rows*.
    """
    return _lines(_CONNECTION_HEADS, [_connection_texts(row) for row in rows])


def run_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    """
    Write a line of heads, and a line for each of *rows*.
    """
    return _lines(_RUN_HEADS, [_run_texts(row) for row in rows])


def number_lines(point: Mapping[str, Any]) -> Iterator[Line]:
    """
    Write the numbers of one second, some on each line.
    """
    for pairs in _numbers(point):
        spans: list[Span] = []
        for name, text in pairs:
            spans += [Span(f"{name} ", "dim"), Span(text.ljust(14))]
        yield Line(tuple(spans))


def number_line(point: Mapping[str, Any]) -> Line:
    """
    Write the numbers of one second on one line.
    """
    pairs = [pair for several in _numbers(point) for pair in several]
    return Line((Span(", ".join(f"{name} {text}" for name, text in pairs)),))


def _numbers(point: Mapping[str, Any]) -> list[list[tuple[str, str]]]:
    return [
        [
            ("connections", f"{point['connections']:,}"),
            ("opened/s", _rate(point["opened"])),
            ("closed/s", _rate(point["closed"])),
            ("behind", f"{point['lagging']:,}"),
            ("lag", f"{point['largest_lag']:,}"),
        ],
        [
            ("published/s", _rate(point["published"])),
            ("delivered/s", _rate(point["delivered"])),
            ("sent/s", _size(point["bytes"])),
            ("write 50 %", _time(point["latency_p50"])),
            ("99 %", _time(point["latency_p99"])),
        ],
        [
            ("processes", f"{point['processes']}"),
            ("cpu", f"{point['cpu']:.0%}"),
            ("memory", _size(point["memory"])),
            ("stalls 99 %", _time(point["stall_p99"])),
            ("history", _count(point["history_events"])),
        ],
    ]


def _connection_texts(row: Mapping[str, Any]) -> dict[str, str]:
    more = row["topic_count"] - len(row["topics"])
    return {
        "user": row["user"] or "-",
        "address": row["address"],
        "topics": ", ".join(row["topics"]) + (f" and {more} more" if more else ""),
        "protocol": row["protocol"] or "-",
        "age": _age(row["seconds"]),
        "state": row["state"],
        "lag": f"{row['lag']:,}",
        "events": f"{row['events']:,}",
        "bytes": _size(row["bytes"]),
    }


def _run_texts(row: Mapping[str, Any]) -> dict[str, str]:
    events, size = row["events"], row["bytes"]
    place = "this hub" if row["here"] else "another hub"
    return {
        "name": row["name"],
        "user": row["user"] or "-",
        "age": _age(row["seconds"]),
        "state": row["state"],
        "readers": f"{row['readers']:,}",
        "events": "-" if events is None else f"{events:,}",
        "bytes": "-" if size is None else _size(size),
        "source": place if row["state"] == "running" else "-",
    }


def _lines(heads: Sequence[str], rows: Sequence[Mapping[str, str]]) -> Iterator[Line]:
    # Users, topics and names come from clients.
    cells = [[_cut(printable(row[head]), _WIDEST.get(head)) for head in heads] for row in rows]
    widths = [
        max([len(head), *(len(one[index]) for one in cells)]) for index, head in enumerate(heads)
    ]
    yield Line((Span(_joined(heads, widths, heads), "dim"),))
    state = heads.index("state")
    for row, one in zip(rows, cells, strict=True):
        style = _STYLES.get(row["state"], "")
        before = _joined(one[:state], widths[:state], heads)
        after = _joined(one[state + 1 :], widths[state + 1 :], heads[state + 1 :])
        middle = f"  {one[state].ljust(widths[state])}  "
        yield Line((Span(before), Span(middle, style), Span(after)))


def _cut(text: str, most: int | None) -> str:
    return text if most is None or len(text) <= most else f"{text[: most - 1]}…"


def _joined(cells: Sequence[str], widths: Sequence[int], heads: Sequence[str]) -> str:
    return "  ".join(
        cell.rjust(width) if head in _NUMBERS else cell.ljust(width)
        for cell, width, head in zip(cells, widths, heads, strict=False)
    ).rstrip()


def _rate(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 or number == int(number) else f"{number:.1f}"


def _count(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _size(number: float | None) -> str:
    if number is None:
        return "?"
    for unit in ("B", "KiB", "MiB"):
        if number < 1024:
            return f"{number:.0f} {unit}"
        number /= 1024
    return f"{number:.1f} GiB"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _age(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
