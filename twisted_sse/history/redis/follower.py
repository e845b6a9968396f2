"""
Delivers new entries of the stream exactly once and in order, and restarts when
that is not possible.

The numbers of entries have no gaps, so a missing entry shows at once, and so
does a store that has lost its data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.history.follower import PAUSE, RESTART_TAIL, Follower, RestartPause
from twisted_sse.history.outage import Outage
from twisted_sse.history.redis.connection import RedisLost, RedisRefused
from twisted_sse.history.redis.entry import RedisEntry
from twisted_sse.history.redis.stream import RedisStream

__all__ = ["BLOCK", "RedisFollower", "as_tail"]

#: How long one call waits for new entries, in seconds.  After each, the follower
#: checks that the last entry it has delivered still exists.
BLOCK = 2.0


class RedisFollower(Follower):
    """
    Args:
        stream: On a connection of its own, because waiting occupies it.

        outage: Told when Redis refuses to be followed.

        after, deliver, restart: See `ISharedHistoryProvider.follow`.
    """

    def __init__(
        self,
        stream: RedisStream,
        outage: Outage,
        clock: IReactorTime,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        self._stream = stream
        self._outage = outage
        self._restarts = RestartPause()
        self._after = after
        self._last: RedisEntry | None = None
        super().__init__(clock, deliver, restart)

    async def stop(self) -> None:
        """
        Stop delivering, and close the connection.
        """
        await super().stop()
        await self._running
        await self._stream.connection.stop()

    def check(self) -> None:
        """
        See `Follower.check`.
        """
        self._stream.connection.check()
        self._outage.check()

    async def _run(self) -> None:
        while True:
            await self._stream.connection.ready()
            try:
                await self._follow()
            except RedisLost:
                continue
            except RedisRefused as refused:
                self._outage.begin("following", refused.reason)
            except HistoryUnavailable:
                # There is no connection, as the outage says already.
                pass
            await deferLater(self._clock, PAUSE)

    async def _follow(self) -> None:
        try:
            await self._continue()
        except UnknownEventID:
            # A store that is never found as it was left is not read without a pause.
            await deferLater(self._clock, self._restarts.next(self._clock.seconds()))
            entries = await self._stream.tail(RESTART_TAIL)
            self._last = entries[-1]
            self._hand_over(self._restart, as_tail(entries))

    async def _continue(self) -> None:
        """
        Deliver what follows the last entry, until an entry is missing.
        """
        last = self._last or await self._stream.seek(self._after)
        if last is None:
            raise UnknownEventID(f"{self._after.id!r} is not kept")
        self._last = last
        while True:
            # This raises UnknownEventID if the store has lost its data.
            found = await self._stream.follow(self._last.entry_id)
            self._outage.end("following")
            self._take(self._last, found.following)
            # Entries that are passed over move the cursor too.
            cursor, following = "", self._last.entry_id
            while cursor != following:
                cursor = following
                following, entries = await self._stream.wait(cursor, BLOCK)
                self._take(self._last, entries)

    def _take(self, last: RedisEntry, entries: Sequence[RedisEntry]) -> None:
        records: list[Record] = []
        for entry in entries:
            if entry.number != last.number + 1:
                break
            if entry.record is not None:
                records.append(entry.record)
            last = entry
        self._last = last
        if records:
            self._hand_over(self._deliver, records)
        if entries and entries[-1] is not last:
            raise UnknownEventID(f"the event after {last.entry_id} is not kept")


def as_tail(entries: Sequence[RedisEntry]) -> Tail:
    """
    Make a `Tail`.

    Args:
        entries: The result of `RedisStream.tail`.
    """
    before, *newest = entries
    return Tail(before.position, [one.record for one in newest if one.record is not None])
