"""
The body of one stream: bytes in, events out, at the consumer's pace.

While an event waits to be taken, the socket is not read: the server's writes
back up, and memory holds what one read has brought and one incomplete event.
The read timeout runs only while the socket is read.

Compressed data is decoded in slices, one in each turn of the reactor, so that a read
that expands to many events does not block the program.
"""

from __future__ import annotations

from collections import deque
from typing import cast

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.iweb import IResponse

from twisted_sse.client.encoding import Plain, Slices
from twisted_sse.client.failures import loss_reason
from twisted_sse.client.response import close_transport
from twisted_sse.errors import EventTooLarge, InvalidResponse, ReadTimeout
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Body"]


class Body(Protocol):
    """
    Decodes the body of a response.

    Closes the connection when it ends the stream itself.

    Args:
        decoder: A new one for each stream.

        read_timeout: How long the server may be silent, in seconds; ``None`` is
            unlimited.

        slices: Decodes the content encoding; by default there is none.
    """

    def __init__(
        self,
        decoder: Decoder,
        clock: IReactorTime,
        read_timeout: float | None,
        slices: Slices | None = None,
    ) -> None:
        self._decoder = decoder
        self._slices = Plain() if slices is None else slices
        self._clock = clock
        self._read_timeout = read_timeout
        self._blocks: deque[ServerSentEvent] = deque()
        self._turn: IDelayedCall | None = None
        self._decoded = 0
        self._waiting: Deferred[None] | None = None
        self._connection: IPushProducer | None = None
        self._paused = False
        self._last_read = 0.0
        self._timer: IDelayedCall | None = None
        self._reason: Exception | None = None
        self._ended_properly = False

    @property
    def reason(self) -> Exception | None:
        """
        Why the stream has ended; ``None`` while it is open or data is left to decode.
        """
        return None if self._slices else self._reason

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
        if not self._blocks:
            self._continue()
        return block

    def close(self) -> None:
        """
        Close the connection, and discard the blocks that were not taken.
        """
        self._blocks.clear()
        self._slices.clear()
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
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
        if self._reason is not None:
            return
        self._last_read = self._clock.seconds()
        self._slices.feed(data)
        if not self._blocks and self._turn is None:
            self._decoded = 0
            self._decode()
            self._wake()
        # The consumer may have taken every block meanwhile, or closed the stream.
        if self._blocks or self._slices:
            if not self._paused:
                self._pause()
            if not self._blocks:
                self._continue()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._connection = None
        self._ended_properly = bool(reason.check(ResponseDone, PotentialDataLoss))
        error = loss_reason(reason)
        if self._ended_properly and not self._slices:
            try:
                self._slices.end()
            except InvalidResponse as incomplete:
                error = incomplete
        self._end(error)

    def _decode(self) -> None:
        """
        Decode until a block is ready, or enough for this turn of the reactor.
        """
        while self._slices and not self._blocks and self._decoded < self._slices.turn_limit:
            self._decode_slice()

    def _decode_slice(self) -> None:
        try:
            data = self._slices.next()
            self._decoded += len(data)
            if data:
                self._blocks += self._decoder.feed(data)
            if self._ended_properly and not self._slices:
                self._slices.end()
        except (EventTooLarge, InvalidResponse) as error:
            self._slices.clear()
            if self._reason is not None:
                self._reason = error
            self._end(error)

    def _continue(self) -> None:
        """
        Decode more: now, or in the next turn of the reactor.  Read on if nothing is left.
        """
        self._decode()
        if self._blocks:
            return
        if self._slices:
            if self._turn is None:
                self._turn = self._clock.callLater(0.0, self._take_turn)
        elif self._paused:
            self._resume()

    def _take_turn(self) -> None:
        self._turn = None
        self._decoded = 0
        self._continue()
        self._wake()

    def _end(self, reason: Exception) -> None:
        if self._reason is not None:
            return
        self._reason = reason
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
        if self._timer is None and self._reason is None:
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
