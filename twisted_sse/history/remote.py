"""
The common part of histories whose store is reached over the network.

A remote history connects when it is started, and works until it is stopped.
How it speaks to its store is up to the subclass.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Generic, TypeVar

from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from twisted_sse.clock import clock_for
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history.follower import PAUSE, Follower
from twisted_sse.history.outage import Outage
from twisted_sse.interfaces import (
    ICheckedHistory,
    IEndingHistory,
    ISearchableHistory,
    ISharedHistoryProvider,
)
from twisted_sse.topics import Selection

__all__ = ["RemoteHistory"]

S = TypeVar("S")
T = TypeVar("T")


@implementer(ISharedHistoryProvider, ICheckedHistory, IEndingHistory, ISearchableHistory)
class RemoteHistory(Service, ABC, Generic[S]):
    """
    A shared history on a remote store.

    A subclass sets `_store` when it is started.

    Args:
        most_reads: How many reads run at the same time; the others wait.

        name: How log lines name the store.
    """

    def __init__(self, most_reads: int, name: str, clock: IReactorTime | None) -> None:
        self._clock = clock_for(clock)
        self._reading = DeferredSemaphore(most_reads)
        self._store: S | None = None
        self._follower: Follower | None = None
        self._outage = Outage(name, self._clock)
        self._probing: Deferred[None] | None = None

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
        See `IEndingHistory.append`.
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

    def find(self, event_id: str) -> Deferred[Record | None]:  # type: ignore[override]
        """
        See `ISearchableHistory.find`.
        """
        return self._read(self._find, event_id)

    def ends(  # type: ignore[override]
        self, topics: Sequence[str]
    ) -> Deferred[Sequence[Record]]:
        """
        See `IEndingHistory.ends`.
        """
        return self._read(self._ends, topics)

    def check_available(self) -> Deferred[None]:  # type: ignore[override]
        """
        See `ICheckedHistory.check_available`.
        """
        return self._read(self._check)

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
    async def _find(self, store: S, event_id: str) -> Record | None: ...

    @abstractmethod
    async def _ends(self, store: S, topics: Sequence[str]) -> Sequence[Record]: ...

    async def _check(self, store: S) -> None:
        if self._follower is not None:
            self._follower.check()
        await self._check_writing(store)

    @abstractmethod
    async def _check_writing(self, store: S) -> None:
        """
        Raise `HistoryUnavailable` if nothing can be kept now, else note that the outage
        of writing has ended.
        """

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

    def _note_refused(self, store: S, reason: str) -> None:
        """
        Note that nothing is kept, and probe until that changes.
        """
        if self._store is not store:
            return
        self._outage.begin("writing", reason)
        if self._probing is None:
            self._probing = Deferred.fromCoroutine(self._probe(store))
            self._probing.addErrback(lambda failure: failure.trap(CancelledError) and None)

    async def _probe(self, store: S) -> None:
        try:
            while self._outage.has("writing"):
                await deferLater(self._clock, PAUSE)
                with suppress(HistoryUnavailable):
                    await self._check_writing(store)
        finally:
            self._probing = None

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
        if self._probing is not None:
            self._probing.cancel()
        self._outage.stop()
        follower, self._follower = self._follower, None
        # The follower may be delivering what led to this call: let it return first.
        await deferLater(self._clock, 0)
        if follower is not None:
            await follower.stop()
