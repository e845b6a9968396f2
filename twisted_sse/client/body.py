"""
The body of one stream: bytes in, events out, at the pace at which they are taken.

While there is an event that nobody has taken, the socket is not read: the
server's writes back up, and memory holds what one read has brought and one
event that is not complete.  Silence counts only while somebody listens.
"""

from __future__ import annotations

from collections import deque
from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.iweb import IResponse

from twisted_sse.client.failures import root_of
from twisted_sse.client.response import hang_up
from twisted_sse.errors import EventTooLarge, ReadTimeout
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Body"]

# How much is decoded at once, in bytes: as much as is read.  A read that was compressed
# can be a thousand times that, and as events twenty times more.
_SLICE = 64 * 1024


class Body(Protocol):
    """
    Decodes what it receives.

    It lets go of the connection when it ends for a reason of its own.

    Args:
        decoder: Of this stream alone.

        read_timeout: How long the server may be silent, in seconds; ``None`` is
            for ever.

    Attributes:
        reason: Why nothing more comes; ``None`` while something may.
    """

    def __init__(self, decoder: Decoder, clock: IReactorTime, read_timeout: float | None) -> None:
        self._decoder = decoder
        self._clock = clock
        self._read_timeout = read_timeout
        self._blocks: deque[ServerSentEvent] = deque()
        self._undecoded: deque[memoryview] = deque()
        self._waiting: Deferred[None] | None = None
        self._connection: IPushProducer | None = None
        self._paused = False
        self._heard = 0.0
        self._timer: IDelayedCall | None = None
        self.reason: Exception | None = None

    @property
    def retry(self) -> int | None:
        """
        The reconnection time that the server has sent, in milliseconds.
        """
        return self._decoder.reconnection_time

    def read(self, response: IResponse) -> None:
        """
        Begin to read *response*.
        """
        response.deliverBody(self)
        # Twisted resumes the transport after it has delivered what came with the
        # headers, whatever was said meanwhile.
        if self._paused:
            self._pause()

    def ready(self) -> Deferred[None]:
        """
        Wait until there is a block to take, or nothing more comes.

        Returns:
            Fires with ``None``; may be cancelled, and asked for again.
        """
        if self._blocks or self.reason is not None:
            return succeed(None)
        self._waiting = Deferred(self._forget)
        return self._waiting

    def take(self) -> ServerSentEvent | None:
        """
        The next block, if there is one.
        """
        if not self._blocks:
            return None
        block = self._blocks.popleft()
        self._decode()
        if not self._blocks and self._paused:
            self._resume()
        return block

    def close(self) -> None:
        """
        Let go of the connection, and of what was not taken.
        """
        self._blocks.clear()
        self._undecoded.clear()
        self._end(ConnectionDone("It was closed here."))

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        self._connection = cast(IPushProducer, self.transport)
        self._listen()

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self.reason is not None:
            return
        self._heard = self._clock.seconds()
        self._undecoded.append(memoryview(data))
        self._decode()
        self._wake()
        # Whoever waited may have taken everything meanwhile, or have closed it.
        if self._blocks and not self._paused:
            self._pause()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._connection = None
        self._end(root_of(reason))

    def _decode(self) -> None:
        """
        Go on until there is a block, or nothing left.
        """
        while self._undecoded and not self._blocks:
            data = self._undecoded.popleft()
            if len(data) > _SLICE:
                self._undecoded.appendleft(data[_SLICE:])
            try:
                self._blocks += self._decoder.feed(bytes(data[:_SLICE]))
            except EventTooLarge as error:
                self._undecoded.clear()
                self._end(error)

    def _end(self, reason: Exception) -> None:
        if self.reason is not None:
            return
        self.reason = reason
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._connection is not None:
            hang_up(self._connection)
            self._connection = None
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and (self._blocks or self.reason is not None):
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    def _forget(self, cancelled: Deferred[None]) -> None:
        self._waiting = None

    def _pause(self) -> None:
        self._paused = True
        if self._connection is not None:
            self._connection.pauseProducing()

    def _resume(self) -> None:
        self._paused = False
        self._listen()
        if self._connection is not None:
            self._connection.resumeProducing()

    def _listen(self) -> None:
        """
        Count silence from now on.
        """
        self._heard = self._clock.seconds()
        if self._timer is None and self.reason is None:
            self._look_again(self._read_timeout)

    def _look_again(self, delay: float | None) -> None:
        if delay is not None:
            self._timer = self._clock.callLater(delay, self._look)

    def _look(self, again: bool = False) -> None:
        # Set once and looked at when it is due: data comes more often than silence.
        self._timer = None
        if self._paused or self._read_timeout is None:
            return
        left = self._heard + self._read_timeout - self._clock.seconds()
        if left > 0:
            self._look_again(left)
        elif not again:
            # What came while this program was busy is unread: a reactor reads
            # before it makes the next call.
            self._timer = self._clock.callLater(0.0, self._look, True)
        else:
            self._end(ReadTimeout(f"Nothing has come for {self._read_timeout:g} seconds."))
