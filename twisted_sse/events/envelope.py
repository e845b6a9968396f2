"""
Envelopes: how an event tells the topics that it came from.

Some readers, such as a page that several parts share a stream in, need to know it; the
event-stream format has no field for it.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, get_args

from twisted_sse.events import codec
from twisted_sse.events.control import BEGUN, CONTROL_EVENTS, ENDED
from twisted_sse.events.ending import Outcome
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


# The control events that are about topics; those about the stream are not published.
_ABOUT_TOPICS = frozenset({BEGUN, ENDED})


def put_into(
    envelope: TopicEnvelope,
    frame: bytes,
    topics: Sequence[str],
    trace: str | None = None,
    outcome: Outcome | None = None,
) -> bytes:
    """
    Write the event in *frame* again, so that it tells *topics*.

    A block without data, which clients do not take for an event, stays as it is.  A
    control event, which no publisher can make, keeps its type, by which clients know it;
    if it is about topics, its data tells them.

    Args:
        frame: As `codec.encode` has written it.

        topics: May be empty.  A type has room for one, so it tells the first.

        trace: The trace that the event belongs to, if that is told: in the data too, or
            by a comment.

        outcome: How its topics have ended, if it is their last event.  A type has no
            room for it, so only data that is in an envelope tells it.
    """
    (event,) = codec.Decoder(None).feed(frame)
    if event.data is None or event.event in CONTROL_EVENTS - _ABOUT_TOPICS:
        return frame
    if event.event in _ABOUT_TOPICS:
        return _with_data(event, event.json() | {"topics": list(topics)})
    if envelope == "topic":
        told = {} if trace is None else {TRACEPARENT: trace}
        if outcome is not None:
            told["end"] = outcome
        return _with_data(event, {"topics": list(topics), "data": event.data, **told})
    if not topics:
        return trace_line(trace) + frame
    type = f"{event.event or _DEFAULT_TYPE}@{topics[0]}"
    typed = ServerSentEvent(event.data, type, event.id, event.retry, event.comment)
    return trace_line(trace) + codec.encode(typed)


def _with_data(event: ServerSentEvent, data: dict[str, Any]) -> bytes:
    made = ServerSentEvent.json(
        data, event=event.event, id=event.id, retry=event.retry, comment=event.comment
    )
    return codec.encode(made)
