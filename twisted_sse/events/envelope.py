"""
Envelopes: how an event tells the topics that it came from.

Some readers, such as a page that several parts share a stream in, need to know it; the
event-stream format has no field for it.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

from twisted_sse.events import codec
from twisted_sse.events.control import CONTROL_EVENTS
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.trace import TRACEPARENT, trace_line

__all__ = ["ENVELOPES", "TopicEnvelope", "put_into"]

#: ``topic``: the data is JSON with the topics and the event's own data.
#: ``type``: the event type is ``TYPE@TOPIC``; no control event has an ``@`` in its type.
TopicEnvelope = Literal["topic", "type"]

#: All of them.
ENVELOPES: Final[tuple[TopicEnvelope, ...]] = get_args(TopicEnvelope)

# HTML: the type of an event without one.
_DEFAULT_TYPE = "message"


def put_into(
    envelope: TopicEnvelope, frame: bytes, topics: Sequence[str], trace: str | None = None
) -> bytes:
    """
    Write the event in *frame* again, so that it tells *topics*.

    A block without data, which clients do not take for an event, stays as it is, and so
    does a control event, which no publisher can make: clients know it by its type.

    Args:
        frame: As `codec.encode` has written it.

        topics: May be empty.  A type has room for one, so it tells the first.

        trace: The trace that the event belongs to, if that is told: in the data too, or
            by a comment.
    """
    (event,) = codec.Decoder(None).feed(frame)
    if event.data is None or event.event in CONTROL_EVENTS:
        return frame
    if envelope == "topic":
        told = {} if trace is None else {TRACEPARENT: trace}
        made = ServerSentEvent.json(
            {"topics": list(topics), "data": event.data, **told},
            event=event.event,
            id=event.id,
            retry=event.retry,
            comment=event.comment,
        )
        return codec.encode(made)
    if not topics:
        return trace_line(trace) + frame
    type = f"{event.event or _DEFAULT_TYPE}@{topics[0]}"
    typed = ServerSentEvent(event.data, type, event.id, event.retry, event.comment)
    return trace_line(trace) + codec.encode(typed)
