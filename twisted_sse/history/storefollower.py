"""
The common part of followers that have a connection of their own to a store.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Hashable, Sequence
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Record, Tail
from twisted_sse.history.follower import PAUSE, Follower, RestartPause
from twisted_sse.history.outage import Outage
from twisted_sse.history.storeconnection import StoreConnection, StoreLost, StoreRefused

__all__ = ["StoreFollower"]


class StoreFollower(Follower):
    """
    Args:
        connection: Of its own; it is closed when the follower stops.

        outage: Told when the store refuses to be followed.

        deliver, restart: See `ISharedHistoryProvider.follow`.
    """

    def __init__(
        self,
        connection: StoreConnection[Any],
        outage: Outage,
        clock: IReactorTime,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        self._connection = connection
        self._outage = outage
        self._restarts = RestartPause()
        super().__init__(clock, deliver, restart)

    async def stop(self) -> None:
        """
        Stop delivering, and close the connection.
        """
        await super().stop()
        await self._running
        await self._connection.stop()

    def check(self) -> None:
        """
        See `Follower.check`.
        """
        self._connection.check()
        self._outage.check()

    @abstractmethod
    async def _continue(self) -> None:
        """
        Deliver what follows what was delivered last, for as long as that is possible.

        Raises:
            UnknownEventID: Something that follows is missing.

            HistoryUnavailable: The store could not be asked.
        """

    @abstractmethod
    async def _begin_again(self) -> Tail:
        """
        Return the newest publications, and continue after them from now on.
        """

    def _life(self) -> Hashable:
        """
        In which life the store is; ``None`` if it does not tell.
        """
        return None

    async def _run(self) -> None:
        while True:
            await self._connection.ready()
            try:
                await self._follow()
            except StoreLost:
                continue
            except StoreRefused as refused:
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
            await deferLater(self._clock, self._restarts.next(self._clock.seconds(), self._life()))
            self._hand_over(self._restart, await self._begin_again())
