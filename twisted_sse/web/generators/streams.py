"""
Registers the open streams of sources, so that they can be told to end.

A hub has one registry for all of its responses, each of which may be made for a
single request; a response without a hub has its own.  The registry keeps nothing
once the last stream has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from weakref import WeakValueDictionary

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.broker.connections.keepalive import Keepalive
from twisted_sse.broker.connections.retry import even_turns
from twisted_sse.broker.connections.sendtimeout import SendTimeout
from twisted_sse.broker.shutdown import SLICE, flush_pause, wait_until_empty
from twisted_sse.errors import HubClosed
from twisted_sse.transport.sink import Sink
from twisted_sse.web.generators.notices import HeldWarning
from twisted_sse.web.generators.responsestream import ResponseStream
from twisted_sse.web.generators.writer import StreamWriter

__all__ = ["GeneratorStreams"]

# How often the keepalive looks at the streams in one interval.  Fewer than for a
# hub's connections, because a response without a hub has a loop of its own, and
# there may be one response for each request.
_LOOKS = 32


class GeneratorStreams:
    """
    The open streams, and the timers that they share.

    Iterate over them; ``len()`` is their number.  A stream is open until its source
    is closed.

    Attributes:
        held: Names the sources that hold the reactor.

        turns: See `ReconnectionTime`.

        before_begin: Called before each stream begins.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self.before_begin: Callable[[], None] = lambda: None
        self._closed = False
        self.held = HeldWarning()
        self.turns = even_turns()
        # A dict keeps the order in which they began.
        self._streams: dict[ResponseStream, None] = {}
        # The writers that use them keep them alive.
        self._keepalives: WeakValueDictionary[float, Keepalive] = WeakValueDictionary()
        self._send_timeouts: WeakValueDictionary[float, SendTimeout] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._streams)

    def __iter__(self) -> Iterator[ResponseStream]:
        # A copy, because whoever iterates may close some.
        return iter(list(self._streams))

    def check_open(self) -> None:
        """
        Check that streams may begin.

        Raises:
            HubClosed: The server is stopping.
        """
        if self._closed:
            raise HubClosed("The server is stopping; try again in a few seconds.")

    def writer(
        self, sink: Sink, keepalive: float | None, send_timeout: float | None
    ) -> StreamWriter:
        """
        Make the writer for a stream.

        Args:
            keepalive: Seconds of silence after which a comment is written;
                ``None`` writes no comments.

            send_timeout: Seconds after which the stream of a subscriber that
                takes nothing is aborted; ``None`` waits forever.
        """
        return StreamWriter(
            sink, self._clock, self._keepalive(keepalive), self._send_timeout(send_timeout)
        )

    def add(self, stream: ResponseStream) -> None:
        """
        Register a stream that begins.
        """
        self.before_begin()
        self._streams[stream] = None

    def remove(self, stream: ResponseStream) -> None:
        """
        Remove a stream that has ended and whose source is closed.
        """
        self._streams.pop(stream, None)

    def close(self) -> None:
        """
        Refuse new streams.
        """
        self._closed = True

    async def tell(self) -> None:
        """
        Tell all sources to end, by firing the *draining* of each.
        """
        streams = list(self)
        for start in range(0, len(streams), SLICE):
            for stream in streams[start : start + SLICE]:
                stream.tell()
            await deferLater(self._clock, 0)

    def abort(self) -> None:
        """
        Cancel all sources, and end their streams without waiting for the sources.
        """
        for stream in self:
            stream.cut()

    async def drain(self, grace: float) -> None:
        """
        Tell all sources to end, and cancel those that have not after *grace* seconds.
        """
        self.close()
        any_open = bool(self)
        deadline = self._clock.seconds() + grace
        await self.tell()
        await wait_until_empty(self._clock, deadline, self.__len__)
        self.abort()
        await flush_pause(self._clock, any_open)

    def _keepalive(self, interval: float | None) -> Keepalive | None:
        if interval is None:
            return None
        found = self._keepalives.get(interval)
        if found is None:
            found = self._keepalives[interval] = Keepalive(interval, self._clock, _LOOKS)
        return found

    def _send_timeout(self, limit: float | None) -> SendTimeout | None:
        if limit is None:
            return None
        found = self._send_timeouts.get(limit)
        if found is None:
            found = self._send_timeouts[limit] = SendTimeout(limit, self._clock)
        return found
