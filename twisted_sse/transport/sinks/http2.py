"""
The way to the wire of an HTTP/2 stream: into the frames that leave in this turn.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.server import Request

from twisted_sse.transport.http2.stream import H2Stream
from twisted_sse.transport.sinks.request import RequestSink

__all__ = ["H2Sink"]


class H2Sink(RequestSink):
    """
    Writes to a stream of our `H2Connection`, past the request.

    All streams share the bytes of a flush, and what goes over one connection
    leaves in one write (benchmarks, http2).
    """

    __slots__ = ("_channel", "send")

    def __init__(self, request: Request, channel: H2Stream) -> None:
        super().__init__(request)
        self._channel = channel
        self.send: Callable[[bytes], int] = channel.send  # type: ignore[assignment]

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`.
        """
        return self._channel.queued

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        self._channel.spill(rest)
