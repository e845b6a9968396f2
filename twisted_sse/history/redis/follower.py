"""
Delivers new entries of the stream exactly once and in order, and restarts when
that is not possible.

The numbers of entries have no gaps, so a missing entry shows at once, and so
does a store that has lost its data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.history.follower import RESTART_TAIL
from twisted_sse.history.outage import Outage
from twisted_sse.history.redis.entry import RedisEntry
from twisted_sse.history.redis.stream import RedisStream
from twisted_sse.history.storefollower import StoreFollower

__all__ = ["BLOCK", "RedisFollower", "as_tail"]

#: How long one call waits for new entries, in seconds.  After each, the follower
#: checks that the last entry it has delivered still exists.
BLOCK = 2.0


class RedisFollower(StoreFollower):
    """
    Args:
        stream: On a connection of its own, because waiting occupies it.

        after: See `ISharedHistoryProvider.follow`.
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
        self._after = after
        self._last: RedisEntry | None = None
        super().__init__(stream.connection, outage, clock, deliver, restart)

    async def _begin_again(self) -> Tail:
        entries = await self._stream.tail(RESTART_TAIL)
        self._last = entries[-1]
        return as_tail(entries)

    async def _continue(self) -> None:
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
