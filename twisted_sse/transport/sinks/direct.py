"""
What the sinks have in common that bypass request, channel and transport.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import IPullProducer
from twisted.python.failure import Failure
from twisted.web.server import Request
from zope.interface import implementer

from twisted_sse.transport.framing import Framing, chunked, raw
from twisted_sse.transport.sink import Stream, limited_by_site
from twisted_sse.transport.sockets import limit_sending

__all__ = ["DirectSink"]

# RFC 9112: "last-chunk = 1*("0") [ chunk-ext ] CRLF", and no trailers.
_LAST_CHUNK = b"0\r\n\r\n"


@implementer(IPullProducer)
class DirectSink:
    """
    Writes to the socket of an HTTP/1.1 connection, bypassing all buffers.

    That is safe while the buffer of the TCP connection is empty.  It asks a pull
    producer for more exactly when its buffer has become empty, so this replaces
    the HTTP channel as the producer, as a pull producer.

    It also replaces the request in the channel, so that the request, with its
    headers and its content, is not kept for as long as the stream lasts:
    2 KB less for each connection (benchmarks, memory).

    A subclass has ``send``: see `Sink`.

    Args:
        transport: What the channel writes to.
    """

    __slots__ = ("_channel", "_request", "_stream", "_transport", "_truncated", "framing")

    def __init__(self, request: Request, transport: Any) -> None:
        self.framing: Framing = chunked if request.clientproto == b"HTTP/1.1" else raw
        self._request: Request | None = request
        self._channel: Any = request.channel
        self._transport = transport
        self._stream: Stream | None = None
        # Whether to abort once everything is written.
        self._truncated = False

    @property
    def _server(self) -> tcp.Server:
        """
        The TCP connection: the transport itself, or what is below it.
        """
        server: tcp.Server = self._transport
        return server

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`.
        """
        return len(self._server.dataBuffer) - self._server.offset

    def limit(self, send_timeout: float | None) -> None:
        """
        See `Sink.limit`.
        """
        if not limited_by_site(self._channel):
            limit_sending(self._server.getHandle(), send_timeout)

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        channel = self._channel
        # Twisted logs a request when it finishes, and this one never does.
        if channel.factory is not None:
            channel.factory.log(self._request)
        channel.requests[0] = self
        self._request = None
        self._transport.unregisterProducer()
        # Registering calls resumeProducing at once, although the transport still has
        # the response's headers to write: that call must not unblock the stream.
        self._server.registerProducer(self, False)
        self._stream = stream

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        self._transport.write(rest)

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """
        channel, transport = self._channel, self._transport
        self._stream = None
        if self.framing is chunked:
            transport.write(_LAST_CHUNK)
        self._server.unregisterProducer()
        transport.registerProducer(channel, True)
        # The channel may have been paused before this sink replaced it, and has not
        # been resumed since.
        channel.resumeProducing()
        channel.requestDone(self)

    def truncate(self) -> None:
        """
        See `Sink.truncate`.
        """
        self._stream = None
        if self.framing is chunked:
            # Without the last chunk, the end of the connection is not the end of the body.
            self._server.unregisterProducer()
            getattr(self._channel, "truncate", self._transport.loseConnection)()
        else:
            # Once everything is written, the transport asks for more.
            self._truncated = True
            self._server.startWriting()

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """
        self._transport.abortConnection()

    def resumeProducing(self) -> None:
        """
        See `IPullProducer.resumeProducing`: the transport's buffer is empty.
        """
        if self._stream is not None:
            self._stream.unblock()
        elif self._truncated:
            # RFC 1945, 7.2.2: without a length, "the closing of the connection by the
            # server" ends the body; only a reset does not look like such an end.
            self.abort()

    def stopProducing(self) -> None:
        """
        See `IProducer.stopProducing`: the channel calls `connectionLost` next.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        Called by the channel, as for its requests, when the transport is lost.
        """
        # The channel refers to its requests: this breaks the cycle, so that neither
        # waits for the garbage collector.
        self._channel = None
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.gone()
