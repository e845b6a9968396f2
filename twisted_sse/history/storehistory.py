"""
The common part of histories in a database server: Redis, PostgreSQL.

A batch, or the beginning of a run, whose answer was lost is repeated over the next connection;
the store recognizes what it has kept already, and only answers.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol, TypeVar

from twisted.internet.defer import Deferred, DeferredLock, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable, PerhapsKept
from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.presence import Occupancy, PresenceNews
from twisted_sse.events.publication import Publication, Record
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord
from twisted_sse.history.outage import Unreadable
from twisted_sse.history.remote import RemoteHistory
from twisted_sse.history.storeconnection import StoreConnection, StoreLost, StoreRefused
from twisted_sse.interfaces import IHistoryReader, IPresenceStore, IRunHistory

__all__ = ["StoreHistory", "StorePresence", "StoreRuns", "check_positive"]

S = TypeVar("S")
T = TypeVar("T")

# The pause before something is repeated, in seconds.
_PAUSE: Final = 0.02


def check_positive(**given: float) -> None:
    """
    Check that arguments are greater than 0.

    Raises:
        ValueError: One is not; half a sentence that names it.
    """
    for name, value in given.items():
        if value <= 0:
            raise ValueError(f"{name} must be greater than 0, not {value!r}")


class StoreRuns(Protocol):
    """
    The runs of a store, over one connection: see `IRunHistory`, whose methods have the same names.
    """

    async def begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> RunBegun:
        """
        See `IRunHistory.begin_run`.  It may be repeated.
        """

    async def renew_runs(self, keys: Sequence[RunKey], lease: float) -> Sequence[RunKey]:
        """
        See `IRunHistory.renew_runs`.
        """

    async def interrupt_runs(self, lease: float, limit: int) -> Sequence[Record]:
        """
        See `IRunHistory.interrupt_runs`.
        """

    async def find_run(self, topic: str) -> RunRecord | None:
        """
        See `IRunHistory.find_run`.
        """

    async def list_runs(self, before: int | None, limit: int) -> Sequence[RunRecord]:
        """
        See `IRunHistory.list_runs`.
        """


class StorePresence(Protocol):
    """
    Who is where, as a store knows it: see `IPresenceStore`.
    """

    async def exchange(
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> PresenceNews:
        """
        See `IPresenceStore.exchange`.
        """


@implementer(IHistoryReader, IPresenceStore, IRunHistory)
class StoreHistory(RemoteHistory[S]):  # type: ignore[override]
    """
    Args:
        most_reads: How many reads run at the same time; the others wait.

        name: How log lines and errors name the store.

        timeout: How long a write whose answer was lost is repeated, in seconds.
    """

    def __init__(
        self, most_reads: int, name: str, timeout: float, clock: IReactorTime | None
    ) -> None:
        super().__init__(most_reads, name, clock)
        self._timeout = timeout
        self._unreadable = Unreadable(name)
        self._appending = DeferredLock()
        # The number of the last batch; a restarted history is another node, so it begins again.
        self._batches = 0

    def exchange(  # type: ignore[override]
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> Deferred[PresenceNews]:
        """
        See `IPresenceStore.exchange`.
        """
        return Deferred.fromCoroutine(self._exchange(node, changes, after, ttl))

    async def _exchange(
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> PresenceNews:
        presence = self._presence(self._running_store())
        return await presence.exchange(node, changes, after, ttl)

    def begin_run(  # type: ignore[override]
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> Deferred[RunBegun]:
        """
        See `IRunHistory.begin_run`.
        """
        return Deferred.fromCoroutine(self._begin_run(topic, owner, lease, keep, private))

    def renew_runs(  # type: ignore[override]
        self, keys: Sequence[RunKey], lease: float
    ) -> Deferred[Sequence[RunKey]]:
        """
        See `IRunHistory.renew_runs`.
        """
        return Deferred.fromCoroutine(self._renew_runs(keys, lease))

    def interrupt_runs(  # type: ignore[override]
        self, lease: float, limit: int
    ) -> Deferred[Sequence[Record]]:
        """
        See `IRunHistory.interrupt_runs`.
        """
        return Deferred.fromCoroutine(self._interrupt_runs(lease, limit))

    def find_run(self, topic: str) -> Deferred[RunRecord | None]:  # type: ignore[override]
        """
        See `IRunHistory.find_run`.
        """
        return self._read(lambda store: self._runs_to_read(store).find_run(topic))

    def list_runs(  # type: ignore[override]
        self, before: int | None, limit: int
    ) -> Deferred[Sequence[RunRecord]]:
        """
        See `IRunHistory.list_runs`.
        """
        return self._read(lambda store: self._runs_to_read(store).list_runs(before, limit))

    def describe(self) -> Deferred[Holdings]:  # type: ignore[override]
        """
        See `IHistoryReader.describe`.
        """
        return self._read(self._describe)

    def read(self, cursor: str | None, limit: int) -> Deferred[StoredPage]:  # type: ignore[override]
        """
        See `IHistoryReader.read`.
        """
        return self._read(self._read_page, cursor, limit)

    @abstractmethod
    async def _describe(self, store: S) -> Holdings: ...

    @abstractmethod
    async def _read_page(self, store: S, cursor: str | None, limit: int) -> StoredPage: ...

    @abstractmethod
    def _presence(self, store: S) -> StorePresence:
        """
        Presence, over a connection over which is read.
        """

    @abstractmethod
    def _runs_to_read(self, store: S) -> StoreRuns:
        """
        The runs, over a connection over which is read.
        """

    @abstractmethod
    def _runs_to_write(self, store: S) -> StoreRuns:
        """
        The same over the connection over which is written.
        """

    @abstractmethod
    def _writing_connection(self, store: S) -> StoreConnection[Any]:
        """
        The connection over which is written.
        """

    @abstractmethod
    async def _append_batch(
        self, store: S, number: int, publications: Sequence[Publication]
    ) -> Sequence[Record]:
        """
        Append a batch, or only answer if the store has kept this number already.
        """

    async def _confirm(self, store: S) -> None:
        """
        Wait until what was appended is safe.
        """

    @abstractmethod
    async def _try_to_write(self, store: S) -> None:
        """
        Raise `HistoryUnavailable` if nothing can be written now.
        """

    @abstractmethod
    async def _close(self, store: S) -> None:
        """
        Close the connections, except the follower's.
        """

    async def _append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        await self._appending.acquire()
        try:
            store = self._running_store()
            self._batches += 1
            number = self._batches
            records = await self._surely(
                store,
                lambda: self._append_batch(store, number, publications),
                "the publications may have been kept",
            )
            await self._confirm(store)
            self._outage.end("writing")
            return records
        except StoreRefused as refused:
            self._note_refused(store, refused.reason)
            raise
        finally:
            self._appending.release()

    async def _begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> RunBegun:
        store = self._running_store()
        runs = self._runs_to_write(store)
        return await self._surely(
            store,
            lambda: runs.begin_run(topic, owner, lease, keep, private),
            "the run may have begun",
        )

    async def _renew_runs(self, keys: Sequence[RunKey], lease: float) -> Sequence[RunKey]:
        return await self._runs_to_write(self._running_store()).renew_runs(keys, lease)

    async def _interrupt_runs(self, lease: float, limit: int) -> Sequence[Record]:
        runs = self._runs_to_write(self._running_store())
        try:
            return await runs.interrupt_runs(lease, limit)
        except StoreLost:
            raise self._doubtful("runs may have been interrupted") from None

    async def _surely(self, store: S, write: Callable[[], Coroutine[Any, Any, T]], doubt: str) -> T:
        """
        Call *write*, again if its outcome is not known, or if the store says that the same may
        succeed.

        Raises:
            PerhapsKept: The outcome was not known in time.
        """
        connection = self._writing_connection(store)
        deadline, in_doubt = None, False
        while True:
            try:
                return await write()
            except HistoryUnavailable as error:
                in_doubt = in_doubt or isinstance(error, StoreLost)
                if not in_doubt and not (deadline or _is_passing(error)):
                    raise
                failed = error
            deadline = deadline or self._clock.seconds() + self._timeout
            if not await self._may_try_again(connection, deadline):
                break
        if not in_doubt:
            raise failed
        raise self._doubtful(doubt)

    async def _may_try_again(self, connection: StoreConnection[Any], deadline: float) -> bool:
        """
        Wait for a connection; returns False if there is none before *deadline*.
        """
        await deferLater(self._clock, _PAUSE)
        left = deadline - self._clock.seconds()
        if left <= 0:
            return False
        try:
            await connection.ready().addTimeout(left, self._clock)
        except TimeoutError:
            return False
        return True

    def _doubtful(self, what: str) -> PerhapsKept:
        return PerhapsKept(
            f"The connection to {self._outage.store} was lost before it answered; {what}."
        )

    async def _check_writing(self, store: S) -> None:
        try:
            await self._try_to_write(store)
        except StoreRefused as refused:
            self._note_refused(store, refused.reason)
            raise
        self._outage.end("writing")

    async def _stop(self) -> None:
        store = self._running_store()
        await self._stop_following()
        with suppress(TimeoutError):
            await self._appending.acquire().addTimeout(self._timeout, self._clock)
            self._appending.release()
        await self._close(store)


def _is_passing(error: HistoryUnavailable) -> bool:
    return isinstance(error, StoreRefused) and error.passing
