"""
The bytes of a flush, as one kind of connection wants them.

A framing is made once for all connections of an audience, so nothing here
knows a connection.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted_sse import wire
from twisted_sse.publication import Kept

__all__ = ["Framing", "chunked", "frame", "raw"]

#: Turns the frames of a flush, joined, into what is written.
Framing = Callable[[bytes], bytes]


def chunked(payload: bytes) -> bytes:
    """
    One chunk of an HTTP/1.1 body.

    RFC 9112: "chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF".
    """
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def raw(payload: bytes) -> bytes:
    """
    The payload itself: HTTP/1.0, or what Twisted frames for us.
    """
    return payload


def frame(kept: Kept) -> bytes:
    """
    Write *kept* as subscribers see it: with its event ID.
    """
    return wire.encode(kept.publication.event, id=kept.id)
