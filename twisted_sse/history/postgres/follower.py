"""
Delivers new publications exactly once and in order, and restarts when that is not possible.

Numbers have no gaps within an epoch, so a missing publication shows at once, and so does a
store that has lost its data.  A notification is only a hint to look; the pauses between two
looks are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.history.bell import Bell
from twisted_sse.history.follower import RESTART_TAIL
from twisted_sse.history.outage import Outage
from twisted_sse.history.postgres.epochs import KnownEpochs
from twisted_sse.history.postgres.outbox import OutboxMover
from twisted_sse.history.postgres.paging import Look
from twisted_sse.history.postgres.reader import PostgresReader
from twisted_sse.history.postgres.row import EventRow
from twisted_sse.history.storeconnection import StoreLost
from twisted_sse.history.storefollower import StoreFollower

__all__ = ["NET", "POLL", "PostgresFollower"]

#: The longest pause between two looks, in seconds, if notifications arrive.
NET: Final = 1.0

#: The same if they do not.
POLL: Final = 0.02


class PostgresFollower(StoreFollower):
    """
    Args:
        reader: On a connection of its own, which listens.

        bell: Rung at each notification.

        mover: Stopped with this follower.

        after: See `ISharedHistoryProvider.follow`.
    """

    def __init__(
        self,
        reader: PostgresReader,
        epochs: KnownEpochs,
        bell: Bell,
        mover: OutboxMover,
        outage: Outage,
        clock: IReactorTime,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        self._reader = reader
        self._epochs = epochs
        self._bell = bell
        self._mover = mover
        self._last = after.number
        self._epoch = epochs.of(after.number)
        self._settled = 0.0
        self._pooled_logged = False
        epochs.note(after.number)
        super().__init__(reader.connection, outage, clock, deliver, restart)

    async def stop(self) -> None:
        """
        See `StoreFollower.stop`.
        """
        self._mover.stop()
        await super().stop()

    async def _continue(self) -> None:
        while True:
            more = await self._look()
            self._outage.end("following")
            if not more:
                await self._bell.wait(self._pause())

    async def _begin_again(self) -> Tail:
        tail = await self._reader.tail(RESTART_TAIL)
        self._move_to(tail.newest.number)
        self._epochs.forget(self._last)
        return tail

    def _life(self) -> Hashable:
        return self._epochs.newest, self._epochs.lost

    async def _look(self) -> bool:
        """
        Deliver what there is.

        Returns:
            Whether there may be more.

        Raises:
            UnknownEventID: A publication that follows is missing.
        """
        self._settled = 0.0
        entries, look = await self._reader.follow(self._last)
        self._check_order(look)
        records: list[Record] = []
        try:
            for entry in entries:
                if not self._follows(entry):
                    break
                if entry.record is not None:
                    records.append(entry.record)
                self._move_to(entry.number)
        finally:
            if records:
                self._epochs.note(self._last)
                self._hand_over(self._deliver, records)
        return bool(entries) and self._last == entries[-1].number

    def _check_order(self, look: Look) -> None:
        """
        Check that the store still has what was delivered, and everything since.
        """
        if look.upto > self._last:
            raise UnknownEventID(f"the event after {self._last} is forgotten")
        epoch = self._epochs.named(self._epoch.name)
        if epoch is None:
            raise UnknownEventID(f"the epoch {self._epoch.name} is not kept")
        following = self._epochs.after(epoch)
        if look.lost is not None and look.lost > self._last + 1:
            raise UnknownEventID(f"events before {look.lost} are lost")
        if self._last > (look.last if following is None else following.follows):
            # A new connection tells the store what is missing, and it begins a new epoch.
            self._reader.connection.reconnect("its history has lost publications")
            raise StoreLost(f"The event {self._last} is lost.")

    def _follows(self, entry: EventRow) -> bool:
        """
        Whether it is time to deliver *entry*.

        Raises:
            UnknownEventID: Something before it is missing.
        """
        if entry.number == self._last + 1:
            return True
        epoch = self._epochs.of(entry.number)
        if entry.number != epoch.first or self._last not in (epoch.follows, epoch.first - 1):
            raise UnknownEventID(f"the event after {self._last} is not kept")
        # Another hub may still tell that it has seen more than the store has now.
        self._settled = epoch.settled
        return self._clock.seconds() >= epoch.settled

    def _move_to(self, number: int) -> None:
        self._last = number
        self._epoch = self._epochs.of(number)

    def _pause(self) -> float:
        if self._settled:
            return max(POLL, min(NET, self._settled - self._clock.seconds()))
        if not self._reader.connection.pooled:
            return NET
        if not self._pooled_logged:
            self._pooled_logged = True
            self._log.info(
                "{store} is reached through a pooler, which passes no notifications on: looking"
                " for new events every {milliseconds} ms",
                store=self._outage.store,
                milliseconds=round(POLL * 1000),
            )
        return POLL
