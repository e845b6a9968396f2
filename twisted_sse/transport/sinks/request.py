"""
The way to the wire that is open to every request: TLS, HTTP/2, and the rest.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.logger import Logger
from twisted.web.http_headers import Headers
from twisted.web.server import Request
from zope.interface import implementer

from twisted_sse.transport.sinks.framing import Framing, raw
from twisted_sse.transport.sinks.sink import Stream, limited_by_site
from twisted_sse.transport.sockets import is_closing, limit_sending, server_under

__all__ = ["RequestSink"]

# In the place of response headers that are needed no more.
_SENT = Headers()


@implementer(IPushProducer)
class RequestSink:
    """
    Writes to the request: TLS, HTTP/2, and whatever else Twisted can serve.
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
        See `Sink.unsent`: nobody between here and the socket can say.
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
        self._request.responseHeaders = _SENT
        self._request.notifyFinish().addBoth(self._gone)
        self._request.registerProducer(self, True)
        # A channel tells it when it begins to wait for the transport, and may
        # have begun with the request before, or with the headers of this one.
        if getattr(self._request.channel, "_waitingForTransport", False):
            self._paused = True
        if not self._paused:
            stream.unblock()

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.  All is always taken; who is full says so by pausing.
        """
        try:
            self._request.write(payload)
        except Exception:
            # An HTTP/2 stream that was cut raises what its queues raise, and
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

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """
        channel: Any = self._request.channel
        # An HTTP/2 stream is aborted by itself, not with its connection.
        stream = channel if hasattr(channel, "abortConnection") else channel.transport
        stream.abortConnection()

    def pauseProducing(self) -> None:
        """
        What is buffered on the way has reached its bound.
        """
        self._paused = True
        if self._stream is not None:
            self._stream.block()

    def resumeProducing(self) -> None:
        """
        There is room again.
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
        The network connection is lost; the request says so next.
        """

    def _gone(self, _: object) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.gone()
