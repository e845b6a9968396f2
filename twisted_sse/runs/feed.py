"""
Follows a run inside this process, for a dialect: events instead of bytes.

It is a sink of a connection of the hub, so replay, order and live events are the hub's.
The connection waits while its reader does.
"""

from __future__ import annotations

from collections import deque

from twisted.internet.defer import Deferred

from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.transport.framing import Framing, raw
from twisted_sse.transport.sink import Stream

__all__ = ["RunFeed"]

# How many events may wait for the reader.
_MOST = 256


class RunFeed:
    """
    A `Sink` that is iterated over, once, for the events of its connection.

    Attributes:
        complete: Whether the connection has ended in good order.
    """

    framing: Framing = staticmethod(raw)
    unsent = 0

    def __init__(self) -> None:
        self._decoder = Decoder(None)
        self._events: deque[ServerSentEvent] = deque()
        self._stream: Stream | None = None
        self._blocked = False
        self._over = False
        self._reader: Deferred[None] | None = None
        self.complete = False

    def __aiter__(self) -> RunFeed:
        return self

    async def __anext__(self) -> ServerSentEvent:
        while not self._events:
            if self._over:
                raise StopAsyncIteration
            self._reader = Deferred()
            try:
                await self._reader
            finally:
                self._reader = None
        event = self._events.popleft()
        if self._blocked and len(self._events) < _MOST // 2 and self._stream is not None:
            self._blocked = False
            self._stream.unblock()
        return event

    def close(self) -> None:
        """
        Leave: the reader reads no more.
        """
        stream, self._stream = self._stream, None
        self._over = True
        if stream is not None:
            stream.gone()

    def limit(self, send_timeout: float | None) -> None:
        """
        See `Sink.limit`: there is no kernel here.
        """

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        self._stream = stream
        stream.unblock()

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.
        """
        self._events.extend(self._decoder.feed(payload))
        if len(self._events) >= _MOST and not self._blocked and self._stream is not None:
            self._blocked = True
            self._stream.block()
        self._wake()
        return len(payload)

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        self._events.extend(self._decoder.feed(rest))
        self._wake()

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """
        self.complete = True
        self.abort()

    def truncate(self) -> None:
        """
        See `Sink.truncate`.
        """
        self.abort()

    def abort(self) -> None:
        """
        See `Sink.abort`.
        """
        self._stream = None
        self._over = True
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.called:
            self._reader.callback(None)
