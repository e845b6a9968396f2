"""
Delivers what is added to the stream, exactly once and in order, for as long as
that can be known.

The numbers of entries are without gaps.  So it is seen at once when one is
missing, and when the store has begun a new life.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.history.redis.connection import RedisLost
from twisted_sse.history.redis.entry import RedisEntry
from twisted_sse.history.redis.stream import RedisStream

__all__ = ["BLOCK", "RedisFollower", "as_tail"]

#: How long Redis may wait for something to tell, in seconds.  After that, the
#: follower looks whether what it has delivered is still there.
BLOCK = 2.0

# Of how many publications a restart tells.  A hub keeps as many in memory.
_TAIL = 1024

# The pause after Redis has refused something, in seconds.
_PAUSE = 1.0


class RedisFollower:
    """
    Runs until `stop`.

    Args:
        stream: On a connection of its own, because waiting occupies it.

        after, deliver, restart: See `ISharedHistoryProvider.follow`.
    """

    _log = Logger()

    def __init__(
        self,
        stream: RedisStream,
        clock: IReactorTime,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._after = after
        self._deliver = deliver
        self._restart = restart
        self._last: RedisEntry | None = None
        self._running: Deferred[None] = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    async def stop(self) -> None:
        """
        Deliver nothing any more, and give the connection up.
        """
        self._running.cancel()
        await self._running
        await self._stream.connection.stop()

    async def _run(self) -> None:
        told = ""
        while True:
            await self._stream.connection.ready()
            try:
                await self._follow()
            except RedisLost:
                continue
            except HistoryUnavailable as error:
                if str(error) != told:
                    self._log.warn("Nothing can be delivered: {reason}", reason=str(error))
                told = str(error)
                await deferLater(self._clock, _PAUSE)

    async def _follow(self) -> None:
        try:
            await self._go_on()
        except UnknownEventID:
            entries = await self._stream.tail(_TAIL)
            self._last = entries[-1]
            self._hand_over(self._restart, as_tail(entries))

    async def _go_on(self) -> None:
        """
        Deliver until that cannot be done exactly.
        """
        last = self._last or await self._stream.seek(self._after)
        if last is None:
            raise UnknownEventID(f"{self._after.id!r} is not kept")
        self._last = last
        while True:
            # Tells as well that this is still the store that it was.
            found = await self._stream.follow(self._last.place)
            self._take(self._last, found.following)
            while entries := await self._stream.wait(self._last.place, BLOCK):
                self._take(self._last, entries)

    def _take(self, last: RedisEntry, entries: Sequence[RedisEntry]) -> None:
        kept: list[Record] = []
        for entry in entries:
            if entry.kept is None or entry.number != last.number + 1:
                break
            kept.append(entry.kept)
            last = entry
        self._last = last
        if kept:
            self._hand_over(self._deliver, kept)
        if len(kept) < len(entries):
            raise UnknownEventID(f"what follows {last.place} is not kept")

    def _hand_over(self, take: Callable[[Any], None], what: object) -> None:
        try:
            take(what)
        except Exception:
            # Others still want what follows.
            self._log.failure("What history has delivered was not taken")

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("Nothing is delivered any more", failure)


def as_tail(entries: Sequence[RedisEntry]) -> Tail:
    """
    Tell of the end of the order.

    Args:
        entries: As of `RedisStream.tail`.
    """
    before, *newest = entries
    return Tail(before.position, [one.kept for one in newest if one.kept is not None])
