"""
How an event is written, for those who read it: subscribers, or other hubs.

A representation belongs to an audience, never to a connection.  It knows nothing
of the transport; the bytes that it makes are framed afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted_sse.events import codec
from twisted_sse.events.control import HEARTBEAT
from twisted_sse.events.ending import Outcome
from twisted_sse.events.envelope import TopicEnvelope, put_into
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import (
    UNNAMED,
    Introduction,
    Priming,
    StreamStart,
    first_frames,
    replicated_first_frames,
)
from twisted_sse.events.publication import Position, Record
from twisted_sse.events.replication import annotate
from twisted_sse.events.trace import split_trace, trace_line
from twisted_sse.topics import Interest

__all__ = [
    "PLAIN",
    "REPLICATED",
    "EncodedRecord",
    "EnvelopeKey",
    "Representation",
    "encode_record",
    "representation_for",
    "trace_of",
]

# A page can only see an event, and browsers fire none for a block without data.
_HEARTBEAT = codec.encode(ServerSentEvent("{}", event=HEARTBEAT))


#: The envelope, the topics that are told, and the trace, if that is told.
EnvelopeKey = tuple[TopicEnvelope, tuple[str, ...], str | None]


class EncodedRecord(Protocol):
    """
    A record with its frame; see `twisted_sse.broker.audiences.window.Entry`.
    """

    number: int
    topics: tuple[str, ...]
    private: bool
    has_publisher_id: bool
    outcome: Outcome | None
    frame: bytes
    trace: str | None
    enveloped: dict[EnvelopeKey, bytes] | None


class Representation(Protocol):
    """
    Writes events for one kind of reader.
    """

    #: Whether readers may read every event, and so be shown every ID.
    shows_everything: bool

    #: The frame that is written after an interval of silence; ``None`` for a comment.
    keepalive: bytes | None

    def within(self, interest: Interest) -> Representation:
        """
        The same for readers with *interest*.
        """

    def frames(self, entries: Sequence[EncodedRecord]) -> list[bytes]:
        """
        The frames of *entries*, in their order.
        """

    def encode(self, record: Record) -> bytes:
        """
        The frame of *record*.
        """

    def preamble(
        self,
        start: StreamStart,
        head: Position,
        retry: int | None,
        priming: Priming,
        introduction: Introduction = UNNAMED,
    ) -> bytes:
        """
        What a stream begins with.

        Args:
            start: Where the stream begins, as the reader is shown it.

            head: The position of the newest publication of this hub.

            retry: The reconnection time in milliseconds; ``None`` leaves it to
                the reader.

            priming: How the stream tells its position before the first event.

            introduction: What the stream tells about itself.
        """


class _Plain:
    shows_everything = False

    def __init__(self, keepalive: bytes | None = None) -> None:
        self.keepalive = keepalive

    def within(self, interest: Interest) -> Representation:
        return self

    def frames(self, entries: Sequence[EncodedRecord]) -> list[bytes]:
        return [entry.frame for entry in entries]

    def encode(self, record: Record) -> bytes:
        return encode_record(record)

    def preamble(
        self,
        start: StreamStart,
        head: Position,
        retry: int | None,
        priming: Priming,
        introduction: Introduction = UNNAMED,
    ) -> bytes:
        return first_frames(start, retry, priming, introduction)


class _Traced(_Plain):
    """
    Tells with each event which trace it belongs to, by a comment.
    """

    def frames(self, entries: Sequence[EncodedRecord]) -> list[bytes]:
        return [trace_line(entry.trace) + entry.frame for entry in entries]

    def encode(self, record: Record) -> bytes:
        return trace_line(trace_of(record)) + encode_record(record)


class _Enveloped(_Plain):
    """
    Tells with each event which topics it came from: those that its readers want and may
    read.

    An event of one topic is the same for all readers; one of several topics is encoded
    once for each set of them that is told.
    """

    def __init__(
        self,
        envelope: TopicEnvelope,
        keepalive: bytes | None,
        traced: bool = False,
        interest: Interest | None = None,
    ) -> None:
        super().__init__(keepalive)
        self._envelope = envelope
        self._traced = traced
        self._interest = interest
        self._key = envelope, keepalive, traced, interest
        # Audiences are looked up by it for every batch.
        self._hash = hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Enveloped) and self._key == other._key

    def __hash__(self) -> int:
        return self._hash

    def within(self, interest: Interest) -> Representation:
        return _Enveloped(self._envelope, self.keepalive, self._traced, interest)

    def frames(self, entries: Sequence[EncodedRecord]) -> list[bytes]:
        return [self._frame_of(entry) for entry in entries]

    def encode(self, record: Record) -> bytes:
        publication = record.publication
        told = self._told(publication.topics, publication.private)
        trace = trace_of(record) if self._traced else None
        frame = encode_record(record)
        return put_into(self._envelope, frame, told, trace, publication.outcome)

    def _frame_of(self, entry: EncodedRecord) -> bytes:
        told = self._told(entry.topics, entry.private)
        key = self._envelope, told, entry.trace if self._traced else None
        if entry.enveloped is None:
            entry.enveloped = {}
        frame = entry.enveloped.get(key)
        if frame is None:
            frame = put_into(key[0], entry.frame, *key[1:], entry.outcome)
            entry.enveloped[key] = frame
        return frame

    def _told(self, topics: tuple[str, ...], private: bool) -> tuple[str, ...]:
        interest = self._interest
        assert interest is not None
        # Whoever receives it wants its topic, and may read it.
        if len(topics) == 1:
            return topics
        return tuple(topic for topic in topics if interest.matches((topic,), private))


class _Replicated:
    shows_everything = True
    keepalive: bytes | None = None

    def within(self, interest: Interest) -> Representation:
        return self

    def frames(self, entries: Sequence[EncodedRecord]) -> list[bytes]:
        return [
            annotate(
                *(trace_line(one.trace) + one.frame, one.number, one.topics, one.private),
                *(one.has_publisher_id, one.outcome),
            )
            for one in entries
        ]

    def encode(self, record: Record) -> bytes:
        publication = record.publication
        has_publisher_id = publication.event.id is not None
        return annotate(
            trace_line(trace_of(record)) + encode_record(record),
            record.number,
            publication.topics,
            publication.private,
            has_publisher_id,
            publication.outcome,
        )

    def preamble(
        self,
        start: StreamStart,
        head: Position,
        retry: int | None,
        priming: Priming,
        introduction: Introduction = UNNAMED,
    ) -> bytes:
        return replicated_first_frames(start, head)


#: What subscribers read.
PLAIN: Representation = _Plain()

#: What other hubs read: each event with its position and all its topics, as
#: `twisted_sse.events.replication` writes them.
REPLICATED: Representation = _Replicated()


_WITH_HEARTBEAT: Representation = _Plain(_HEARTBEAT)


_TRACED: Representation = _Traced()

_TRACED_WITH_HEARTBEAT: Representation = _Traced(_HEARTBEAT)


def representation_for(
    envelope: TopicEnvelope | None, *, heartbeat: bool, traced: bool = False
) -> Representation:
    """
    The representation that a subscriber asks for.

    Args:
        envelope: How each event tells which topics it came from; ``None`` if it does not.

        heartbeat: Whether keepalives are events that a page can see.

        traced: Whether each event tells which trace it belongs to.
    """
    if envelope is None and traced:
        return _TRACED_WITH_HEARTBEAT if heartbeat else _TRACED
    if envelope is None:
        return _WITH_HEARTBEAT if heartbeat else PLAIN
    return _Enveloped(envelope, _HEARTBEAT if heartbeat else None, traced)


def encode_record(record: Record) -> bytes:
    """
    Write *record* as subscribers read it: with its event ID, and without its trace.
    """
    event, _ = split_trace(record.publication.event)
    return codec.encode(event, id=record.id)


def trace_of(record: Record) -> str | None:
    """
    The trace that *record* belongs to, if that was told.
    """
    return split_trace(record.publication.event)[1]
