"""
What a stream begins with, and how it tells of a gap.

Control events are typed, so no ``message`` listener hears them, and a plain
browser `EventSource` that wants to know can.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import Literal, NamedTuple

from twisted_sse.events import codec
from twisted_sse.events.control import OPEN, RESET
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import EARLIEST, Position
from twisted_sse.events.replication import write_note, write_position

__all__ = [
    "LOST",
    "OLDEST",
    "Priming",
    "ResetReason",
    "StreamStart",
    "first_frames",
    "replicated_first_frames",
    "reset_frame",
]

#: Before everything that is kept, wherever that begins.
OLDEST = Position(-1, EARLIEST)

#: The number of a position that nothing is known of but its ID: history has
#: begun anew since.
LOST = -2

#: How a stream tells its position before the first event: by a typed event, by
#: a block that has nothing but the ID, or not at all.
Priming = Literal["event", "block"] | None

# All subscribers of another hub wait as long as it does.  It replaces what it was
# told when this hub drained, too.
_SOON = codec.encode(ServerSentEvent(retry=200))


class ResetReason(enum.Enum):
    """
    Why missed events cannot be found.
    """

    #: The ID that was asked for is not kept, or never was.
    UNKNOWN = "unknown-id"
    #: The reader was so slow that history has forgotten what comes next.
    BEHIND = "fell-behind"
    #: A shared history lost what came next, or forgot it before it was sent.
    LOST = "history-lost"


class StreamStart(NamedTuple):
    """
    Where a stream begins.

    Attributes:
        position: What the subscriber is taken to have seen.

        resumed: Whether that is what it asked for, so that it misses nothing.

        asked: The last event ID that it asked for and that is not known.
    """

    position: Position
    resumed: bool = False
    asked: str | None = None


# benchmarks (memory, accept): who comes between two events starts alike.
@lru_cache(maxsize=256)
def first_frames(start: StreamStart, retry: int | None, priming: Priming) -> bytes:
    """
    The reconnection time, then how the stream begins.

    Args:
        retry: The reconnection time in milliseconds; ``None`` leaves it to
            the browser.
    """
    first = b"" if retry is None else codec.encode(ServerSentEvent(retry=retry))
    if start.asked is not None:
        return first + reset_frame(ResetReason.UNKNOWN, start.asked)
    if priming == "event":
        data = '{"resumed":true}' if start.resumed else '{"resumed":false}'
        event = ServerSentEvent(data, event=OPEN, id=start.position.id)
        return first + codec.encode(event)
    if priming == "block":
        return first + codec.encode(ServerSentEvent(id=start.position.id))
    return first


def replicated_first_frames(start: StreamStart, head: Position) -> bytes:
    """
    How a stream begins that another hub reads.

    Args:
        head: The newest that this hub has.  The stream may begin ahead of it,
            where another hub was.
    """
    if start.asked is not None:
        return reset_frame(ResetReason.UNKNOWN, start.asked)
    # A history that is not shared does not tell where an old ID stands.
    known = start.position.number >= 0
    note = {"number": start.position.number} if known else {}
    newest = write_position(max(head, start.position))
    opening = first_frames(start, None, "event")
    return _SOON + write_note({**note, "newest": newest}) + opening


def reset_frame(gap: ResetReason, last_event_id: str) -> bytes:
    """
    Say that what followed *last_event_id* cannot be found.

    It has no ID: the subscriber keeps its own until the next event comes, so if
    it is lost before that, it is told of the gap again.
    """
    data = {"reason": gap.value, "lastEventID": last_event_id}
    return codec.encode(ServerSentEvent.json(data, event=RESET))
