"""
Shows what a store holds, as a table or as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from twisted_sse.cli.console import Line, Span
from twisted_sse.cli.dates import describe_date
from twisted_sse.cli.history.lines import utc
from twisted_sse.events.holdings import Holdings, StoredPosition

__all__ = ["summary_json", "summary_table"]

# The width of the first column.
_COLUMN: Final = 9


def summary_table(holdings: Holdings, counted: int, now: float) -> Iterator[Line]:
    """
    Write a line for each thing that is known.

    Args:
        counted: The most topics that were counted.
    """
    for name, text in _rows(holdings, counted, now):
        yield Line((Span(name.ljust(_COLUMN), "dim"), Span(text)))


def summary_json(holdings: Holdings, counted: int) -> str:
    """
    Write one JSON object, without what is unknown.

    Args:
        counted: As for `summary_table`; with more topics, their number is left out.
    """
    topics = holdings.topics
    value: dict[str, Any] = {
        "events": holdings.events,
        "bytes": holdings.bytes,
        "topics": None if topics is None or topics > counted else topics,
        "oldest": _object(holdings.oldest),
        "newest": _object(holdings.newest),
        "bounds": holdings.bounds,
    }
    return json.dumps({name: one for name, one in value.items() if one is not None})


def _rows(holdings: Holdings, counted: int, now: float) -> Iterator[tuple[str, str]]:
    if holdings.events is not None:
        yield "events", f"{holdings.events:,}"
    if holdings.bytes is not None:
        yield "bytes", f"{holdings.bytes:,}"
    if holdings.topics is not None:
        many = holdings.topics > counted
        yield "topics", f"more than {counted:,}" if many else f"{holdings.topics:,}"
    for name, position in (("oldest", holdings.oldest), ("newest", holdings.newest)):
        if position is not None:
            date = "" if position.kept_at is None else describe_date(position.kept_at, now)
            yield name, ", ".join(filter(None, [position.id, date]))
    if holdings.bounds:
        bounds = ",".join(f"{name}={_plain(value)}" for name, value in holdings.bounds.items())
        yield "bounds", f"{bounds}, if a hub has the same --history"


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else str(number)


def _object(position: StoredPosition | None) -> dict[str, str] | None:
    if position is None:
        return None
    time = utc(position.kept_at)
    return {"id": position.id} if time is None else {"id": position.id, "time": time}
