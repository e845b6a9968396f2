"""
The body of one stream: bytes in, events out, at the consumer's pace.

While an event waits to be taken, the socket is not read: the server's writes
back up, and memory holds what one read has brought and one incomplete event.
The read timeout runs only while the socket is read.
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

from twisted_sse.client.failures import root_cause
from twisted_sse.client.response import close_transport
from twisted_sse.errors import EventTooLarge, ReadTimeout
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Body"]

# The most to decode at once, in bytes: the size of one read.  A compressed read can
# expand to a thousand times that, and its events take twenty times more memory.
_SLICE = 64 * 1024


class Body(Protocol):
    """
    Decodes the body of a response.

    Closes the connection when it ends the stream itself.

    Args:
        decoder: A new one for each stream.

        read_timeout: How long the server may be silent, in seconds; ``None`` is
            unlimited.

    Attributes:
        reason: Why the stream has ended; ``None`` while it is open.
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
        self._last_read = 0.0
        self._timer: IDelayedCall | None = None
        self.reason: Exception | None = None

    @property
    def retry(self) -> int | None:
        """
        The server's reconnection time, in milliseconds.
        """
        return self._decoder.reconnection_time

    def read(self, response: IResponse) -> None:
        """
        Start reading *response*.
        """
        response.deliverBody(self)
        # Twisted delivers the data that came with the headers and then resumes the
        # transport, even if it was paused meanwhile.
        if self._paused:
            self._pause()

    def ready(self) -> Deferred[None]:
        """
        Wait for a block to take, or for the end of the stream.

        Returns:
            Fires with ``None``; may be cancelled, and called again.
        """
        if self._blocks or self.reason is not None:
            return succeed(None)
        self._waiting = Deferred(self._stop_waiting)
        return self._waiting

    def take(self) -> ServerSentEvent | None:
        """
        Return the next block, or ``None`` if none is ready.
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
        Close the connection, and discard the blocks that were not taken.
        """
        self._blocks.clear()
        self._undecoded.clear()
        self._end(ConnectionDone("The stream was closed by its consumer."))

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        self._connection = cast(IPushProducer, self.transport)
        self._restart_timeout()

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self.reason is not None:
            return
        self._last_read = self._clock.seconds()
        self._undecoded.append(memoryview(data))
        self._decode()
        self._wake()
        # The consumer may have taken every block meanwhile, or closed the stream.
        if self._blocks and not self._paused:
            self._pause()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._connection = None
        self._end(root_cause(reason))

    def _decode(self) -> None:
        """
        Decode until a block is ready or all data is used.
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
            close_transport(self._connection)
            self._connection = None
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and (self._blocks or self.reason is not None):
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)

    def _stop_waiting(self, cancelled: Deferred[None]) -> None:
        self._waiting = None

    def _pause(self) -> None:
        self._paused = True
        if self._connection is not None:
            self._connection.pauseProducing()

    def _resume(self) -> None:
        self._paused = False
        self._restart_timeout()
        if self._connection is not None:
            self._connection.resumeProducing()

    def _restart_timeout(self) -> None:
        """
        Start measuring silence now.
        """
        self._last_read = self._clock.seconds()
        if self._timer is None and self.reason is None:
            self._check_in(self._read_timeout)

    def _check_in(self, delay: float | None) -> None:
        if delay is not None:
            self._timer = self._clock.callLater(delay, self._check_silence)

    def _check_silence(self, again: bool = False) -> None:
        # The timer is not reset for each read, which would cost more: reads are frequent,
        # silence is rare.
        self._timer = None
        if self._paused or self._read_timeout is None:
            return
        left = self._last_read + self._read_timeout - self._clock.seconds()
        if left > 0:
            self._check_in(left)
        elif not again:
            # If this program was busy, data may be waiting unread: the reactor reads
            # before it makes the next call.
            self._timer = self._clock.callLater(0.0, self._check_silence, True)
        else:
            self._end(ReadTimeout(f"Nothing was received for {self._read_timeout:g} seconds."))
