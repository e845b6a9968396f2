"""
How an event is written, for those who read it: subscribers, or other hubs.

A representation belongs to an audience, never to a connection.  It knows nothing
of the transport; the bytes that it makes are framed afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted_sse.events import codec
from twisted_sse.events.ending import Outcome
from twisted_sse.events.preamble import (
    Priming,
    StreamStart,
    first_frames,
    replicated_first_frames,
)
from twisted_sse.events.publication import Position, Record
from twisted_sse.events.replication import annotate

__all__ = ["PLAIN", "REPLICATED", "EncodedRecord", "Representation", "encode_record"]


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


class Representation(Protocol):
    """
    Writes events for one kind of reader.
    """

    #: Whether readers may read every event, and so be shown every ID.
    shows_everything: bool

    def frames(self, entries: Sequence[EncodedRecord]) -> list[bytes]:
        """
        The frames of *entries*, in their order.
        """

    def encode(self, record: Record) -> bytes:
        """
        The frame of *record*.
        """

    def preamble(
        self, start: StreamStart, head: Position, retry: int | None, priming: Priming
    ) -> bytes:
        """
        What a stream begins with.

        Args:
            start: Where the stream begins, as the reader is shown it.

            head: The position of the newest publication of this hub.

            retry: The reconnection time in milliseconds; ``None`` leaves it to
                the reader.

            priming: How the stream tells its position before the first event.
        """


class _Plain:
    shows_everything = False

    def frames(self, entries: Sequence[EncodedRecord]) -> list[bytes]:
        return [entry.frame for entry in entries]

    def encode(self, record: Record) -> bytes:
        return encode_record(record)

    def preamble(
        self, start: StreamStart, head: Position, retry: int | None, priming: Priming
    ) -> bytes:
        return first_frames(start, retry, priming)


class _Replicated:
    shows_everything = True

    def frames(self, entries: Sequence[EncodedRecord]) -> list[bytes]:
        return [
            annotate(
                *(one.frame, one.number, one.topics, one.private),
                *(one.has_publisher_id, one.outcome),
            )
            for one in entries
        ]

    def encode(self, record: Record) -> bytes:
        publication = record.publication
        has_publisher_id = publication.event.id is not None
        return annotate(
            encode_record(record),
            record.number,
            publication.topics,
            publication.private,
            has_publisher_id,
            publication.outcome,
        )

    def preamble(
        self, start: StreamStart, head: Position, retry: int | None, priming: Priming
    ) -> bytes:
        return replicated_first_frames(start, head)


#: What subscribers read.
PLAIN: Representation = _Plain()

#: What other hubs read: each event with its position and all its topics, as
#: `twisted_sse.events.replication` writes them.
REPLICATED: Representation = _Replicated()


def encode_record(record: Record) -> bytes:
    """
    Write *record* as subscribers read it: with its event ID.
    """
    return codec.encode(record.publication.event, id=record.id)
