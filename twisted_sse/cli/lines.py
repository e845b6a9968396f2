"""
Formats events as lines: for a terminal, for a pipe, or as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from twisted_sse.cli.console import Line, Span
from twisted_sse.cli.printable import printable
from twisted_sse.events.event import ServerSentEvent

__all__ = ["as_json", "as_lines"]

# The indent of all lines but the first, in columns.
_INDENT = 4


def as_json(event: ServerSentEvent, now: float, *, control: bool = False) -> str:
    """
    Format an event as one line of JSON.

    Args:
        now: When the event came, in seconds since 1970.

        control: Whether it is a control event of the hub.
    """
    value: dict[str, object] = {
        "id": event.id,
        "event": event.event or "message",
        "data": event.data,
        "time": _utc(now),
    }
    if control:
        value = {"control": event.event, "id": event.id, "data": event.data, "time": _utc(now)}
    return json.dumps(value, ensure_ascii=False)


def as_lines(
    event: ServerSentEvent, now: float, width: int | None, *, control: bool = False
) -> Iterator[Line]:
    """
    Format an event: time, type, ID, and the data on the same line if it fits.

    Args:
        width: The width of the terminal; ``None`` if there is none: the time is
            in UTC then, and the data is not reformatted.

        control: As in `as_json`.
    """
    time = _utc(now) if width is None else _local(now)
    head = [time, event.event or "message", *([event.id] if event.id else [])]
    # Also for a pipe, which often ends in a terminal.
    head = [printable(text) for text in head]
    room = None if width is None else width - len("  ".join(head)) - 2
    data, style = _laid_out(event.data or "", room)
    data = printable(data)
    styles = ["dim", "dim" if control else "type", "dim"]
    spans = [Span(text + "  ", name) for text, name in zip(head, styles, strict=False)]
    if control:
        style = "dim"
    if "\n" in data or (room is not None and len(data) > room):
        yield Line((*spans[:-1], Span(head[-1], styles[len(head) - 1])))
        for text in data.split("\n"):
            yield Line((Span(text, style),), _INDENT)
    else:
        yield Line((*spans, Span(data, style)))


def _laid_out(data: str, room: int | None) -> tuple[str, str]:
    """
    Return the data and its style; JSON that does not fit on one line is indented.
    """
    if room is None or data[:1] not in ("{", "["):
        return data, ""
    try:
        value = json.loads(data)
        if "\n" not in data and len(data) <= room:
            return data, "json"
        return json.dumps(value, ensure_ascii=False, indent=2), "json"
    except (ValueError, RecursionError):
        return data, ""


def _utc(now: float) -> str:
    moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


def _local(now: float) -> str:
    return datetime.fromtimestamp(now).strftime("%H:%M:%S.%f")[:-3]
