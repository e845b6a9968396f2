"""
Writes to the request: works over every transport, TLS and HTTP/2 included.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from typing import Any

from h2.errors import ErrorCodes
from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.web import _http2
from twisted.web.http_headers import Headers
from twisted.web.server import Request
from zope.interface import implementer

from twisted_sse.transport.framing import Framing, raw
from twisted_sse.transport.sink import Stream, limited_by_site
from twisted_sse.transport.sockets import is_closing, limit_sending, server_under

__all__ = ["RequestSink"]

# Replaces response headers that have been sent.
_NO_HEADERS = Headers()


@implementer(IPushProducer)
class RequestSink:
    """
    Writes to the request, over whatever Twisted serves it.
    """

    _log = Logger()

    __slots__ = ("_paused", "_request", "_stream", "framing")

    def __init__(self, request: Request) -> None:
        self.framing: Framing = raw
        self._request = request
        self._paused = False
        self._stream: Stream | None = None

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`: unknown, since the request does not tell.
        """
        return 0

    def limit(self, send_timeout: float | None) -> None:
        """
        See `Sink.limit`.
        """
        channel: Any = self._request.channel
        server = None if limited_by_site(channel) else server_under(channel)
        if server is not None:
            limit_sending(server.getHandle(), send_timeout)

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        self._stream = stream
        # They have been sent, and take 1 KB (benchmarks, memory).
        self._request.responseHeaders = _NO_HEADERS
        self._request.notifyFinish().addBoth(self._gone)
        self._request.registerProducer(self, True)
        # A channel pauses its producer only when it begins to wait for the transport,
        # and it may have begun at the previous request, or at this one's headers.
        if getattr(self._request.channel, "_waitingForTransport", False):
            self._paused = True
        if not self._paused:
            stream.unblock()

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.  Accepts everything; a full transport pauses this sink.
        """
        try:
            self._request.write(payload)
        except Exception:
            # Twisted raises various errors for an HTTP/2 stream that has ended, and
            # one broken stream must not keep the event from the others.
            self._log.failure("An event could not be written")
        return len(payload)

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        self._request.write(rest)

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """
        self._stream = None
        self._request.unregisterProducer()
        self._request.finish()

    def truncate(self) -> None:
        """
        See `Sink.truncate`.

        Over HTTP/1.0, and over Twisted's own HTTP/2, it is aborted, and what was not sent
        is lost.
        """
        channel: Any = self._request.channel
        self._stream = None
        self._request.unregisterProducer()
        if hasattr(channel, "truncate") and self._request.clientproto != b"HTTP/1.0":
            channel.truncate()
        elif self._request.clientproto == b"HTTP/1.1":
            channel.loseConnection()
        else:
            self.abort()

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """
        channel: Any = self._request.channel
        # An HTTP/2 stream is aborted alone, without its connection.
        if type(channel) is _http2.H2Stream:
            _reset(channel)
        elif hasattr(channel, "abortConnection"):
            channel.abortConnection()
        else:
            channel.transport.abortConnection()

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`: the buffers below are full.
        """
        self._paused = True
        if self._stream is not None:
            self._stream.block()

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`: the buffers below have room.
        """
        self._paused = False
        if self._stream is None:
            return
        if is_closing(self._request.channel):
            self.abort()
        else:
            self._stream.unblock()

    def stopProducing(self) -> None:
        """
        See `IProducer.stopProducing`: `notifyFinish` fires next, and ends the stream.
        """

    def _gone(self, _: object) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.gone()


def _reset(stream: Any) -> None:
    """
    Abort a stream of Twisted's own HTTP/2 with an error.

    Twisted resets it with NO_ERROR, which clients take for the end of the response.
    """
    connection = stream._conn
    connection.conn.reset_stream(stream.streamID, ErrorCodes.INTERNAL_ERROR)
    if connection._tryToWriteControlData():
        connection._requestDone(stream.streamID)
