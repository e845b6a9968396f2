"""
Writes to the socket directly, bypassing request, channel and transport.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import tcp
from twisted.web.server import Request

from twisted_sse.transport.sinks.direct import DirectSink

__all__ = ["SocketSink"]


class SocketSink(DirectSink):
    """
    Writes to the socket of a plain TCP connection.

    ``benchmarks``: 6 microseconds of CPU for each delivered event instead of 16
    by ``Request.write`` (fanout).
    """

    __slots__ = ("send",)

    def __init__(self, request: Request, transport: tcp.Server) -> None:
        super().__init__(request, transport)
        self.send: Callable[[bytes], int] = transport.getHandle().send
