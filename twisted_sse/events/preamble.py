"""
The preamble of a stream: the frames it begins with; and the frame that tells of a gap.

Control events have an event type, so no ``message`` listener of a browser's
`EventSource` gets them, but a listener for their type does.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from twisted_sse.events import codec
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import EARLIEST, Position
from twisted_sse.events.replication import write_note, write_position

__all__ = [
    "LOST",
    "OLDEST",
    "UNLOCATED",
    "UNNAMED",
    "Introduction",
    "Priming",
    "ResetReason",
    "StreamStart",
    "first_frames",
    "replicated_first_frames",
    "reset_frame",
]

#: The position before everything that is kept, wherever that begins.
OLDEST = Position(-1, EARLIEST)

#: The number of a position of which only the ID is known, because history has begun
#: anew since.
LOST = -2

#: How a stream tells its position before the first event: by a ``stream-open`` event,
#: by a block that has only an ID, or not at all.
Priming = Literal["event", "block"] | None

#: The position of a stream that is open, but whose position is not known yet.
UNLOCATED = Position(-3, "")

# All subscribers of another hub wait while that hub reconnects.  This also replaces
# the reconnection time that the hub was sent when this one drained.
_SOON = codec.encode(ServerSentEvent(retry=200))


class ResetReason(enum.Enum):
    """
    The reasons why missed events cannot be found.
    """

    #: The requested ID is not kept, or never was.
    UNKNOWN = "unknown-id"
    #: The reader was so slow that history has forgotten what comes next.
    BEHIND = "fell-behind"
    #: A shared history lost what came next, or forgot it before it was sent.
    LOST = "history-lost"


class StreamStart(NamedTuple):
    """
    Where a stream begins.

    Attributes:
        position: The position that the stream begins after.  Its ID is empty if
            there is none that the subscriber may be shown.

        resumed: Whether that is the position that the subscriber asked for, so
            that it misses nothing.

        asked: The last event ID of the subscriber, if that is not known.
    """

    position: Position
    resumed: bool = False
    asked: str | None = None


class Introduction(NamedTuple):
    """
    What a stream tells about itself when it begins.

    Attributes:
        connection: The name of the connection, in ASCII; ``None`` if its topics cannot be
            changed.

        keepalive: After how many seconds of silence a keepalive follows; ``None`` if
            none does.
    """

    connection: str | None = None
    keepalive: float | None = None


#: Tells nothing.
UNNAMED = Introduction()


def first_frames(
    start: StreamStart,
    retry: int | None,
    priming: Priming,
    introduction: Introduction = UNNAMED,
) -> bytes:
    """
    The preamble of a subscriber's stream: one block.

    The reconnection time is part of the first event, because some clients (htmx 4)
    ignore a block that has nothing else.

    Args:
        retry: The reconnection time in milliseconds; ``None`` leaves it to
            the browser.

        introduction: Told by a control event, and not at all by a quiet block.
    """
    name, keepalive = introduction
    if start.asked is not None:
        data = _reset_data(ResetReason.UNKNOWN, start.asked) | _told(keepalive)
        frame = codec.encode(ServerSentEvent.json(data, event=RESET, retry=retry))
    elif start.resumed:
        # An ID of a client may be long, and the next one is another.
        frame = _opening(start, retry, priming, keepalive)
    else:
        frame = _remembered_opening(start, retry, priming, keepalive)
    return frame if name is None or priming != "event" else _with_name(frame, name)


def _opening(
    start: StreamStart, retry: int | None, priming: Priming, keepalive: float | None
) -> bytes:
    event_id = start.position.id or None
    if priming == "event" and start.position != UNLOCATED:
        data = {"resumed": start.resumed} | _told(keepalive)
        return codec.encode(ServerSentEvent.json(data, event=OPEN, id=event_id, retry=retry))
    if priming is None:
        event_id = None
    if event_id is None and retry is None:
        return b""
    return codec.encode(ServerSentEvent(id=event_id, retry=retry))


# benchmarks (memory, accept): subscribers that come between two events start alike.
_remembered_opening = lru_cache(maxsize=256)(_opening)


def _told(keepalive: float | None) -> dict[str, Any]:
    if keepalive is None:
        return {}
    return {"keepalive": int(keepalive) if keepalive == int(keepalive) else keepalive}


def _with_name(frame: bytes, name: str) -> bytes:
    """
    Add the name of a connection to *frame*, whose data are a JSON object or missing.
    """
    end = b"}\n\n"
    if not frame.endswith(end):
        return frame
    return b'%b,"connection":"%b"%b' % (frame.removesuffix(end), name.encode("ascii"), end)


def replicated_first_frames(start: StreamStart, head: Position) -> bytes:
    """
    The preamble of a stream that another hub reads.

    Args:
        head: The position of the newest publication of this hub.  The stream may
            begin ahead of it, if another hub has been further.
    """
    if start.asked is not None:
        return reset_frame(ResetReason.UNKNOWN, start.asked)
    # A history that is not shared may not know the number of an old ID.
    known = start.position.number >= 0
    note = {"number": start.position.number} if known else {}
    newest = write_position(max(head, start.position))
    frames = first_frames(start, None, "event")
    return _SOON + write_note({**note, "newest": newest}) + frames


def reset_frame(reason: ResetReason, last_event_id: str | None) -> bytes:
    """
    The frame that says that the events after *last_event_id* cannot be found.

    It has no ID, so the subscriber keeps its own until the next event comes.  If the
    connection is lost before that, the subscriber is told of the gap again.

    Args:
        last_event_id: ``None`` if the subscriber must not be shown it.
    """
    return codec.encode(ServerSentEvent.json(_reset_data(reason, last_event_id), event=RESET))


def _reset_data(reason: ResetReason, last_event_id: str | None) -> dict[str, Any]:
    data = {"reason": reason.value}
    if last_event_id is not None:
        data["lastEventID"] = last_event_id
    return data
