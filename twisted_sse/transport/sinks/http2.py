"""
Writes to an HTTP/2 stream: into the frames that are sent in this turn.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.server import Request

from twisted_sse.transport.http2.stream import H2Stream
from twisted_sse.transport.sinks.request import RequestSink

__all__ = ["H2Sink"]


class H2Sink(RequestSink):
    """
    Writes to our `H2Stream`, bypassing the request.

    All streams share the bytes of a flush, and one write sends what all streams of
    a connection have written (benchmarks, http2).
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
