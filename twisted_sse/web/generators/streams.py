"""
The streams of sources that are open, so that they can be told to end.

A hub has one for all responses that are tied to it, which may be made for one
request each; a response without a hub has its own.  What is here is let go of
when the last stream ends.
"""

from __future__ import annotations

from weakref import WeakValueDictionary

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.broker.connections.keepalive import Keepalive
from twisted_sse.broker.connections.sendtimeout import SendTimeout
from twisted_sse.broker.shutdown import flush_pause, wait_until_empty
from twisted_sse.errors import HubClosed
from twisted_sse.transport.sinks.sink import Sink
from twisted_sse.web.generators.source import Pump
from twisted_sse.web.generators.writer import StreamWriter

__all__ = ["GeneratorStreams"]

# How often those whom sources fill are looked after in an interval of keepalive:
# a response without a hub has a loop of its own, and there may be one for each
# request.
_LOOKS = 32

# How many sources are told in one turn of the reactor: about 5 ms.
_SLICE = 200


class GeneratorStreams:
    """
    Knows the open streams, and has the timers that they share.

    ``len()`` tells how many there are: a stream is open until its source is
    closed.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._closed = False
        self._streams: dict[Pump, tuple[StreamWriter, Deferred[None]]] = {}
        # Kept by the outlets that use them.
        self._keepalives: WeakValueDictionary[float, Keepalive] = WeakValueDictionary()
        self._patiences: WeakValueDictionary[float, SendTimeout] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._streams)

    def check_open(self) -> None:
        """
        See that streams may begin.

        Raises:
            HubClosed: They are being told to end.
        """
        if self._closed:
            raise HubClosed("This server is about to stop; come back in a moment.")

    def writer(
        self, sink: Sink, keepalive: float | None, send_timeout: float | None
    ) -> StreamWriter:
        """
        Make what a stream is written to.

        Args:
            keepalive: After how many silent seconds a comment is written;
                ``None`` writes none.

            send_timeout: After how many seconds a reader is cut that takes
                nothing; ``None`` cuts nobody.
        """
        return StreamWriter(
            sink, self._clock, self._keepalive(keepalive), self._patience(send_timeout)
        )

    def add(self, pull: Pump, writer: StreamWriter, draining: Deferred[None]) -> None:
        """
        A stream begins.

        Args:
            draining: Fired when streams are told to end.
        """
        self._streams[pull] = writer, draining

    def remove(self, pull: Pump) -> None:
        """
        A stream has ended, and its source is closed.
        """
        self._streams.pop(pull, None)

    def close(self) -> None:
        """
        Let no more streams begin.
        """
        self._closed = True

    async def tell(self) -> None:
        """
        Tell all sources to end, by what each was given as *draining*.
        """
        told = list(self._streams.values())
        for start in range(0, len(told), _SLICE):
            for _, draining in told[start : start + _SLICE]:
                if not draining.called:
                    draining.callback(None)
            await deferLater(self._clock, 0)

    def abort(self) -> None:
        """
        Cancel all sources, and end their streams without waiting for them.
        """
        for pull, (writer, _) in list(self._streams.items()):
            # Its finally may await for as long as it likes, and is not cancelled.
            if not pull.cancelled:
                pull.cancel()
            writer.finish()

    async def drain(self, grace: float) -> None:
        """
        Tell all streams to end, and cut those that have not after *grace* seconds.
        """
        self.close()
        anybody = bool(self)
        deadline = self._clock.seconds() + grace
        await self.tell()
        await wait_until_empty(self._clock, deadline, self.__len__)
        self.abort()
        await flush_pause(self._clock, anybody)

    def _keepalive(self, interval: float | None) -> Keepalive | None:
        if interval is None:
            return None
        found = self._keepalives.get(interval)
        if found is None:
            found = self._keepalives[interval] = Keepalive(interval, self._clock, _LOOKS)
        return found

    def _patience(self, limit: float | None) -> SendTimeout | None:
        if limit is None:
            return None
        found = self._patiences.get(limit)
        if found is None:
            found = self._patiences[limit] = SendTimeout(limit, self._clock)
        return found
