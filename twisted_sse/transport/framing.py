"""
How a transport frames the bytes of an event stream.

A framing is applied once for all connections of an audience, so it knows no
connection.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Framing", "chunked", "raw"]

#: Takes the joined frames of a write, and returns the bytes to send.
Framing = Callable[[bytes], bytes]


def chunked(payload: bytes) -> bytes:
    """
    One chunk of an HTTP/1.1 body.

    RFC 9112: "chunk = chunk-size [ chunk-ext ] CRLF chunk-data CRLF".
    """
    return b"%x\r\n%b\r\n" % (len(payload), payload)


def raw(payload: bytes) -> bytes:
    """
    The payload itself: for HTTP/1.0, and where Twisted does the framing.
    """
    return payload
