"""
HTTP/2 as bytes: frames that may be wrong, requests and responses.
"""

import struct
from collections.abc import Sequence

from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["PREFACE", "Fields", "Response", "raw_frame", "request_fields"]

#: RFC 9113, 3.4: the bytes that every client sends first.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Fields = Sequence[tuple[str, str]]


def raw_frame(kind: int, flags: int, stream: int, body: bytes = b"", length: int = -1) -> bytes:
    """
    Make a frame that may be wrong.

    Args:
        length: The length in its header; by default that of *body*.
    """
    size = len(body) if length < 0 else length
    return size.to_bytes(3, "big") + struct.pack(">BBL", kind, flags, stream) + body


def request_fields(path: str = "/healthz", method: str = "GET", *others: tuple[str, str]) -> Fields:
    """
    Return a request's pseudo-headers and *others*.
    """
    return [
        (":method", method),
        (":scheme", "https"),
        (":authority", "localhost"),
        (":path", path),
        *others,
    ]


class Response:
    """
    The response on one HTTP/2 stream, as far as it was received.

    Attributes:
        headers: The headers that were received last.

        body: The whole body so far.

        ended: Whether END_STREAM was received.

        reset: The code of its RST_STREAM, or ``None``.
    """

    def __init__(self) -> None:
        self.headers: dict[str, str] = {}
        self.body = bytearray()
        self.ended = False
        self.reset: int | None = None

    @property
    def status(self) -> str:
        """
        The status code; empty until it is received.
        """
        return self.headers.get(":status", "")

    @property
    def events(self) -> list[ServerSentEvent]:
        """
        The body, read as an event stream.
        """
        return Decoder().feed(bytes(self.body))

    @property
    def data(self) -> list[str]:
        """
        The data of published events.
        """
        ours = ("stream-open", "stream-reset")
        return [one.data for one in self.events if one.data is not None and one.event not in ours]
