"""
The common part of histories whose store is reached over the network.

A remote history connects when it is started, and works until it is stopped.
How it speaks to its store is up to the subclass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, Generic, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_sse.clock import clock_for
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["PAUSE", "RESTART_TAIL", "Follower", "RemoteHistory"]

S = TypeVar("S")
T = TypeVar("T")

#: How many publications `restart` gets.  A hub keeps as many in memory.
RESTART_TAIL: Final = 1024

#: The pause after the store has refused to be followed, in seconds.
PAUSE: Final = 1.0


class Follower(ABC):
    """
    Follows a store from its creation until `stop`.

    The constructor begins to follow, so a subclass sets its own attributes first.

    Args:
        deliver, restart: See `ISharedHistoryProvider.follow`.
    """

    _log = Logger()

    def __init__(
        self,
        clock: IReactorTime,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        self._clock = clock
        self._deliver = deliver
        self._restart = restart
        self._running: Deferred[None] = Deferred.fromCoroutine(self._run())
        self._running.addErrback(self._ended)

    async def stop(self) -> None:
        """
        Stop delivering.
        """
        self._running.cancel()

    @abstractmethod
    async def _run(self) -> None:
        """
        Follow the store until this is cancelled.
        """

    def _hand_over(self, take: Callable[[T], None], what: T) -> None:
        try:
            take(what)
        except Exception:
            # Subscribers still wait for what follows.
            self._log.failure("The hub failed to take what history has delivered")

    def _ended(self, failure: Failure) -> None:
        if not failure.check(CancelledError):
            self._log.failure("History has stopped delivering because of an error", failure)


@implementer(ISharedHistoryProvider)
class RemoteHistory(Service, ABC, Generic[S]):
    """
    A shared history on a remote store.

    A subclass sets `_store` when it is started.

    Args:
        most_reads: How many reads run at the same time; the others wait.
    """

    def __init__(self, most_reads: int, clock: IReactorTime | None) -> None:
        self._clock = clock_for(clock)
        self._reading = DeferredSemaphore(most_reads)
        self._store: S | None = None
        self._follower: Follower | None = None

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.

        An append that has begun gets its usual time to finish.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    # The interface names the values, and a Deferred of each may be returned.
    def append(  # type: ignore[override]
        self, publications: Sequence[Publication]
    ) -> Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.append`.
        """
        return self._start_append(self._append(list(publications)))

    def since(  # type: ignore[override]
        self, last_event_id: str | None, topics: Selection, limit: int
    ) -> Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.since`.
        """
        return self._read(self._since, last_event_id, topics, limit)

    def tail(self, limit: int) -> Deferred[Tail]:  # type: ignore[override]
        """
        See `IHistoryProvider.tail`.
        """
        return self._read(self._tail, limit)

    def locate(self, event_id: str) -> Deferred[Position]:  # type: ignore[override]
        """
        See `ISharedHistoryProvider.locate`.
        """
        return self._read(self._locate, event_id)

    def follow(
        self,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self._follower = self._new_follower(self._running_store(), after, deliver, restart)

    @abstractmethod
    async def _append(self, publications: Sequence[Publication]) -> Sequence[Record]: ...

    @abstractmethod
    async def _since(
        self, store: S, last_event_id: str | None, topics: Selection, limit: int
    ) -> Sequence[Record]: ...

    @abstractmethod
    async def _tail(self, store: S, limit: int) -> Tail: ...

    @abstractmethod
    async def _locate(self, store: S, event_id: str) -> Position: ...

    @abstractmethod
    def _new_follower(
        self,
        store: S,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> Follower: ...

    @abstractmethod
    async def _stop(self) -> None:
        """
        Call `_stop_following`, finish or cancel what has begun, and disconnect.
        """

    def _start_append(self, call: Coroutine[Any, Any, T]) -> Deferred[T]:
        return Deferred.fromCoroutine(call)

    def _start_read(self, call: Coroutine[Any, Any, T]) -> Deferred[T]:
        return Deferred.fromCoroutine(call)

    def _read(self, ask: Callable[..., Coroutine[Any, Any, T]], *args: object) -> Deferred[T]:
        async def read() -> T:
            await self._reading.acquire()
            try:
                return await ask(self._running_store(), *args)
            finally:
                self._reading.release()

        return self._start_read(read())

    def _running_store(self) -> S:
        if self._store is None:
            raise HistoryUnavailable(f"{self!r} is not running: it is a service, so start it.")
        return self._store

    async def _stop_following(self) -> None:
        self._store = None
        follower, self._follower = self._follower, None
        # The follower may be delivering what led to this call: let it return first.
        await deferLater(self._clock, 0)
        if follower is not None:
            await follower.stop()
