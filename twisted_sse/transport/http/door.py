"""
The door: the first reader of every connection.

It reads a request that arrives whole and is of the usual kind, and is the sink itself if
the answer is a stream.  Whatever else arrives it hands over to the channel, which knows
all of HTTP, with every byte that it has read; from then on it only passes on.

Law: the door has no rule of its own.  It reads only what `StrictHTTPChannel` would read
alike, and the same resources answer it.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import (
    IAddress,
    IHandshakeListener,
    IProtocol,
    IPullProducer,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_sse.transport.framing import chunked
from twisted_sse.transport.http.bounds import resource_at
from twisted_sse.transport.http.doorrequest import DoorChannel, DoorRequest
from twisted_sse.transport.http.idle import IdleTimeouts
from twisted_sse.transport.http.repeats import words_of
from twisted_sse.transport.http.wholerequest import read_whole
from twisted_sse.transport.sink import Stream
from twisted_sse.transport.socketlimit import Slot
from twisted_sse.transport.sockets import close_now, limit_sending

__all__ = ["Door"]

# Twisted has two texts of its own for each connection, which are a part of what an idle
# stream takes (benchmarks, memory).
_TEXT = "Door"

# RFC 9112: "last-chunk = 1*("0") [ chunk-ext ] CRLF", and no trailers.
_LAST_CHUNK = b"0\r\n\r\n"

# How much a client may send ahead of its turn before it is read no more: as much as
# Twisted's channel takes.
_AHEAD_BYTES = 16 * 1024


@implementer(IProtocol, IHandshakeListener, IPullProducer)
class Door:
    """
    Reads the requests of one connection, as long as they are simple.

    A stream that it answers with is written to the socket directly, which is safe while
    the buffer of the transport is empty.  The transport asks a pull producer for more
    exactly when its buffer has become empty, so the door becomes its producer when the
    socket does not take something whole.

    An idle stream holds nothing but the transport, this object, and its `Stream`
    (benchmarks, memory).

    Args:
        site: A `StreamSite`.

        peer: The address of the client; ``None`` if it is not known yet.

    Attributes:
        framing, send: See `Sink`.
    """

    __slots__ = (
        "_ahead",
        "_channel",
        "_request",
        "_slot",
        "_spilled",
        "_stream",
        "peer",
        "send",
        "site",
        "transport",
    )

    framing = staticmethod(chunked)

    def __init__(self, site: Any, peer: IAddress | None) -> None:
        self.site = site
        self.peer: Any = peer
        self.transport: Any = None
        self.send: Callable[[bytes], int] = _nowhere
        self._slot: Slot | None = None
        # What everything is passed on to, once that is necessary.
        self._channel: Any = None
        # What is being answered: a request, or a stream.
        self._request: DoorRequest | None = None
        self._stream: Stream | None = None
        # What has arrived meanwhile.
        self._ahead = b""
        # Whether the socket did not take something whole, which the transport then writes.
        self._spilled = False

    @property
    def at_the_door(self) -> bool:
        """
        Whether nothing has been handed over yet.
        """
        return self._channel is None

    # The connection

    def makeConnection(self, transport: Any) -> None:
        """
        See `IProtocol.makeConnection`.
        """
        self.transport = transport
        # The exact type: wrappers such as TLS forward unknown attributes to what they
        # wrap, and plaintext would be written into an encrypted connection.
        if type(transport) is not tcp.Server or transport.TLS:
            self._hand_over()
            return
        if self.peer is None:
            self.peer = transport.getPeer()
        settings = self.site.settings
        if settings.sockets is not None:
            self._slot = settings.take_slot(self.peer, self)
            if self._slot is None:
                transport.abortConnection()
                return
        if not self.site.sockets_limited:
            transport.setTcpNoDelay(True)
        self.send = transport.getHandle().send
        self._idle.watch(self, self.site.timeOut)

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`: `makeConnection` does it all.
        """

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self._channel is not None:
            self._channel.dataReceived(data)
        elif self._request is not None or self._stream is not None:
            self._ahead += data
            if len(self._ahead) > _AHEAD_BYTES:
                self.transport.pauseProducing()
        elif self.send is not _nowhere:
            self._receive(data)

    def connectionLost(self, reason: Failure) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        channel, self._channel = self._channel, None
        self.send = _nowhere
        if channel is not None:
            channel.connectionLost(reason)
            return
        self._idle.leave(self)
        if self._slot is not None:
            self._slot.release()
        request, self._request = self._request, None
        stream, self._stream = self._stream, None
        if request is not None:
            request.connectionLost(reason)
        if stream is not None:
            stream.gone()

    def handshakeCompleted(self) -> None:
        """
        See `IHandshakeListener.handshakeCompleted`.
        """
        if self._channel is not None:
            self._channel.handshakeCompleted()

    # Requests

    def transmit(self, data: bytes) -> None:
        """
        Send *data*, at once if possible.
        """
        if not self._spilled:
            try:
                sent = self.send(data)
            except OSError:
                # The transport finds out what is wrong, if it is more than a full buffer.
                sent = 0
            data = data[sent:]
        if data:
            self._spilled = True
            self.transport.write(data)

    def request_done(self) -> None:
        """
        The answer is complete.
        """
        self._request = None
        if self._slot is not None:
            self._slot.waiting()
        if self._spilled or self._ahead:
            self._hand_over()
        else:
            self._idle.watch(self, self.site.timeOut)

    def close_now(self) -> None:
        """
        See `SocketHolder.close_now`.
        """
        close_now(self.transport)

    def idle_expired(self) -> None:
        """
        See `Waiting.idle_expired`.
        """
        self._hand_over().timeoutConnection()

    def _receive(self, data: bytes) -> None:
        repeats = self.site.repeats
        if repeats is None or not data.startswith(b"GET "):
            self._read(data)
            return
        asked = words_of(data)
        repeat = repeats.find(asked.words)
        if repeat is not None:
            self._leave_queues()
            if self._has_room and repeat(self, asked.last_event_id):
                return
        request = self._read(data, partial(repeats.is_wanted, asked))
        if request is not None and request.repeat is not None:
            repeats.remember(asked.words, request.repeat)

    @property
    def _has_room(self) -> bool:
        return self._slot is None or not self.site.sockets.is_full

    def _read(
        self, data: bytes, wants_repeat: Callable[[Mapping[bytes, bytes]], bool] | None = None
    ) -> DoorRequest | None:
        given = read_whole(data)
        if given is None or resource_at(self.site.resource, given.target) is None:
            self._hand_over(data)
            return None
        self._leave_queues()
        request = self._request = DoorRequest(DoorChannel(self), given)
        request.wants_repeat = wants_repeat is not None and wants_repeat(given.headers)
        request.answer()
        return request

    def _leave_queues(self) -> None:
        """
        A whole request has arrived.
        """
        self._idle.forget(self)
        if self._slot is not None:
            self._slot.answering()

    def _hand_over(self, data: bytes = b"") -> Any:
        """
        Let a channel continue, after *data*.

        Returns:
            The channel.
        """
        self._idle.leave(self)
        data, self._ahead = self._ahead + data, b""
        channel = self._channel = self.site.build_channel(self.peer)
        channel.slot = self._slot
        if data:
            # What has arrived ahead may have stopped the reading.
            self.transport.resumeProducing()
        channel.makeConnection(self.transport)
        if data:
            channel.dataReceived(data)
        return channel

    @property
    def _idle(self) -> IdleTimeouts:
        idle: IdleTimeouts = self.site.idle
        return idle

    # The sink of a stream

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`.
        """
        waiting: int = len(self.transport.dataBuffer) - self.transport.offset
        return waiting

    def limit(self, send_timeout: float | None) -> None:
        """
        See `Sink.limit`.
        """
        if not self.site.sockets_limited:
            limit_sending(self.transport.getHandle(), send_timeout)

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        request, self._request = self._request, None
        if request is not None:
            # Twisted logs a request when it finishes, and this one never does.
            self.site.log(request)
            request.channel.flush()
        self.transport.logstr = self.transport.repstr = _TEXT
        if self._spilled:
            self._become_producer()
            self._stream = stream
        else:
            self._stream = stream
            stream.unblock()

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        if not self._spilled:
            self._spilled = True
            self._become_producer()
        self.transport.write(rest)

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """
        self._leave_stream()
        self.transport.write(_LAST_CHUNK)
        self._hand_over()

    def truncate(self) -> None:
        """
        See `Sink.truncate`.
        """
        self._leave_stream()
        # A request that has arrived ahead gets no answer.
        self._ahead = b""
        # Without the last chunk, the end of the connection is not the end of the body.
        self._hand_over().truncate()

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """
        self.transport.abortConnection()

    def resumeProducing(self) -> None:
        """
        See `IPullProducer.resumeProducing`: the transport's buffer is empty.
        """
        if self._stream is not None:
            self._stream.unblock()

    def stopProducing(self) -> None:
        """
        See `IProducer.stopProducing`: the transport calls `connectionLost` next.
        """

    def _become_producer(self) -> None:
        # Registering calls resumeProducing at once, although the transport has something
        # to write: that call must not unblock the stream.
        stream, self._stream = self._stream, None
        self.transport.registerProducer(self, False)
        self._stream = stream

    def _leave_stream(self) -> None:
        self._stream = None
        if self._spilled:
            self.transport.unregisterProducer()
        if self._slot is not None:
            self._slot.waiting()


def _nowhere(data: bytes) -> int:
    """
    What sends while there is no socket, or none any more.
    """
    raise OSError("The connection is not open")
