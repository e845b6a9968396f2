"""
HTTP/2 as bytes: frames that may be wrong, requests, and what comes back.
"""

import struct
from collections.abc import Sequence

from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["PREFACE", "Fields", "Response", "raw_frame", "request_fields"]

#: RFC 9113, 3.4: what every client sends first.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

Fields = Sequence[tuple[str, str]]


def raw_frame(kind: int, flags: int, stream: int, body: bytes = b"", length: int = -1) -> bytes:
    """
    A frame that may be wrong.

    Args:
        length: What its header says; by default how long *body* is.
    """
    size = len(body) if length < 0 else length
    return size.to_bytes(3, "big") + struct.pack(">BBL", kind, flags, stream) + body


def request_fields(path: str = "/healthz", method: str = "GET", *others: tuple[str, str]) -> Fields:
    """
    A request's pseudo-headers, and *others*.
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
    What has come on one HTTP/2 stream.

    Attributes:
        headers: The last ones.

        body: All of it.

        ended: Whether END_STREAM has come.

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
        The status code; nothing until it has come.
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
        What somebody has published.
        """
        ours = ("stream-open", "stream-reset")
        return [one.data for one in self.events if one.data is not None and one.event not in ours]
