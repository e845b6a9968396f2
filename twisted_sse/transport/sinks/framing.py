"""
How the bytes of a flush are framed for a kind of transport.

A flush is framed once for all connections of an audience, so nothing here knows a
connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Protocol

from twisted_sse.events import codec
from twisted_sse.events.publication import Record
from twisted_sse.events.replication import annotate

__all__ = [
    "Annotating",
    "Framed",
    "Framing",
    "annotated",
    "chunked",
    "frame",
    "frame_in",
    "kept_in",
    "raw",
]

#: Turns the joined frames of a flush into the bytes to write.
Framing = Callable[[bytes], bytes]


class Framed(Protocol):
    """
    What is kept, with its frame: see `twisted_sse.broker.audiences.window.Entry`.
    """

    number: int
    topics: tuple[str, ...]
    private: bool
    has_publisher_id: bool
    frame: bytes


@dataclass(frozen=True, slots=True)
class Annotating:
    """
    The framing of those who are told of each event where it stands, and all its
    topics: other hubs.

    Equal for equal ones, so that such readers share an audience, too.

    Attributes:
        framing: What it is on top of.
    """

    framing: Framing

    def __call__(self, payload: bytes) -> bytes:
        """
        See `Framing`.
        """
        return self.framing(payload)


def chunked(payload: bytes) -> bytes:
    """
    Write *payload* as one chunk of an HTTP/1.1 body.

    RFC 9112: "chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF".
    """
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def raw(payload: bytes) -> bytes:
    """
    Return *payload* unchanged: for HTTP/1.0, and where Twisted does the framing.
    """
    return payload


def frame(kept: Record) -> bytes:
    """
    Write *kept* as subscribers see it: with its event ID.
    """
    return codec.encode(kept.publication.event, id=kept.id)


def frame_in(framing: Framing) -> Callable[[Framed], bytes]:
    """
    How an entry of the window is written for those who have *framing*.
    """
    return _annotated_entry if isinstance(framing, Annotating) else _FRAME


def kept_in(framing: Framing) -> Callable[[Record], bytes]:
    """
    How what history has found is written for those who have *framing*.
    """
    return annotated if isinstance(framing, Annotating) else frame


def annotated(kept: Record) -> bytes:
    """
    Write *kept* as other hubs see it.
    """
    publication = kept.publication
    has_publisher_id = publication.event.id is not None
    return annotate(
        frame(kept), kept.number, publication.topics, publication.private, has_publisher_id
    )


def _annotated_entry(entry: Framed) -> bytes:
    return annotate(entry.frame, entry.number, entry.topics, entry.private, entry.has_publisher_id)


_FRAME: Callable[[Framed], bytes] = attrgetter("frame")
