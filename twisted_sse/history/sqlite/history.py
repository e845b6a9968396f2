"""
History in a SQLite file: events published before a restart can be replayed
after it.

SQLite runs in two threads, one for writing and one for reading, so the reactor
never waits for a disk.  This module only passes work to them; connections,
cursors and locks belong to the threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_sse.clock import clock_for, dates_of, looping_call
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.holdings import Holdings
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord
from twisted_sse.history.outage import Unreadable
from twisted_sse.history.sqlite.availability import READING, WRITING, Availability
from twisted_sse.history.sqlite.file import absolute, check
from twisted_sse.history.sqlite.thread import WorkThread
from twisted_sse.history.sqlite.trim import DEFAULT_BOUNDS, Bounds
from twisted_sse.history.sqlite.workers import Workers
from twisted_sse.interfaces import (
    ICheckedHistory,
    IDescribedHistory,
    IRunHistory,
    ISearchableHistory,
)
from twisted_sse.topics import Selection

__all__ = ["SQLiteHistory"]

T = TypeVar("T")

# How often to forget what is too old while nothing is published, and to try again
# to open a file that could not be opened, in seconds.
_INTERVAL: Final = 1.0


@implementer(ICheckedHistory, IRunHistory, ISearchableHistory, IDescribedHistory, IService)
class SQLiteHistory(Service):
    """
    Keeps the newest publications in a file of its own, for one hub.

    A service: `hub.service()` starts and stops it with the hub.  While it is not
    running, its methods raise `HistoryUnavailable`.

    A batch is one transaction, and `append` returns when it is committed.  After
    that, its safety depends on *sync*:

    ``full``
        It survives any end of the process, a crash of the system, and a power
        failure, provided that the disk keeps what it has confirmed.

    ``normal``
        It survives any end of the process.  A crash of the system or a power
        failure may lose the last moments; the file stays intact, and subscribers
        that come back with a lost ID are sent ``stream-reset``.

    Beside the file are ``PATH-lock``, which excludes other hubs, and while the
    file is open ``PATH-wal`` and ``PATH-shm``, which are part of the database:
    copy it with SQLite's ``VACUUM INTO``, never with ``cp``; ``.backup`` begins
    anew at every commit of the hub.  The file must be on a local disk.

    Args:
        path: The file.  It is created if necessary; its directory must exist.

        events: The most publications to keep.

        bytes: The most bytes to keep: those of all texts in UTF-8, and the
            storage for each publication and each of its topics.  The file gets
            somewhat larger, because excess is deleted in steps, and does not
            shrink, because space is reused.

        age: The longest time to keep a publication, in seconds.

        sync: ``full`` or ``normal``.

        clock: The source of time; the global reactor by default.

    Raises:
        ValueError: A bound is not greater than 0, or *path* or *sync* is
            invalid.
    """

    _log = Logger()

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        events: int = DEFAULT_BOUNDS.events,
        bytes: int = DEFAULT_BOUNDS.size,
        age: float = DEFAULT_BOUNDS.age,
        sync: Literal["normal", "full"] = "full",
        clock: IReactorTime | None = None,
    ) -> None:
        for name, bound in (("events", events), ("bytes", bytes), ("age", age)):
            if bound <= 0:
                raise ValueError(f"{name} must be greater than 0, not {bound!r}")
        if sync not in ("normal", "full"):
            raise ValueError(f"sync must be normal or full, not {sync!r}")
        self._path = absolute(path)
        self._sync = sync
        self._bounds = Bounds(events, bytes, age)
        self._clock = clock_for(clock)
        # Ages outlive the process.
        self._now = dates_of(self._clock)
        self._workers: Workers | None = None
        self._previous_writer: WorkThread | None = None
        self._trimming: LoopingCall | None = None
        self._availability = Availability(self._path, self._clock)
        self._unreadable = Unreadable(repr(self._path))

    def __repr__(self) -> str:
        return f"<SQLiteHistory {self._path!r}>"

    @staticmethod
    def check(path: str | os.PathLike[str]) -> None:
        """
        Check that *path* can hold a history, without creating the file or leaving
        anything open, so that the process can still fork.

        Raises:
            ValueError: It cannot; half a sentence that says why.
        """
        check(absolute(path))

    def startService(self) -> None:
        """
        See `IService.startService`.

        Calls wait until the file has been opened.
        """
        if self.running:
            return
        super().startService()
        self._workers = Workers.start(
            self._path, self._sync, self._bounds, self._unreadable, self._previous_writer
        )
        # Making a LoopingCall chooses a reactor, so the constructor cannot.
        self._trimming = looping_call(self._clock, self._trim)
        # Its first run, which is now, opens the file.
        self._trimming.start(_INTERVAL)

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.

        The file is closed after all calls have finished.
        """
        super().stopService()
        workers, self._workers = self._workers, None
        if workers is None:
            return succeed(None)
        self._previous_writer = workers.writer_thread
        if self._trimming is not None:
            self._trimming.stop()
        return Deferred.fromCoroutine(workers.end()).addBoth(self._ended)

    def append(  # type: ignore[override]
        self, publications: Sequence[Publication]
    ) -> Deferred[list[Record]]:
        """
        See `IRunHistory.append`.
        """
        done = self._ask_writer(lambda workers: workers.store.append, publications)
        return done.addCallbacks(
            lambda records: self._kept(records, publications),
            lambda failure: self._refused(failure, publications),
        )

    def since(  # type: ignore[override]
        self, last_event_id: str | None, topics: Selection, limit: int
    ) -> Deferred[list[Record]]:
        """
        See `IHistoryProvider.since`.
        """
        return self._ask_reader(lambda workers: workers.reader.since, last_event_id, topics, limit)

    def tail(self, limit: int) -> Deferred[Tail]:  # type: ignore[override]
        """
        See `IHistoryProvider.tail`.
        """
        return self._ask_reader(lambda workers: workers.reader.tail, limit)

    def find(self, event_id: str) -> Deferred[Record | None]:  # type: ignore[override]
        """
        See `ISearchableHistory.find`.
        """
        return self._ask_reader(lambda workers: workers.reader.find, event_id)

    def ends(self, topics: Sequence[str]) -> Deferred[list[Record]]:  # type: ignore[override]
        """
        See `IEndingHistory.ends`.
        """
        return self._ask_reader(lambda workers: workers.reader.ends, topics)

    def begin_run(  # type: ignore[override]
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> Deferred[RunBegun]:
        """
        See `IRunHistory.begin_run`.
        """
        begin = (topic, owner, lease, keep, private)
        return self._ask_writer(lambda workers: workers.store.begin_run, *begin)

    def renew_runs(  # type: ignore[override]
        self, keys: Sequence[RunKey], lease: float
    ) -> Deferred[list[RunKey]]:
        """
        See `IRunHistory.renew_runs`.
        """
        return self._ask_writer(lambda workers: workers.store.renew_runs, keys, lease)

    def interrupt_runs(  # type: ignore[override]
        self, lease: float, limit: int
    ) -> Deferred[list[Record]]:
        """
        See `IRunHistory.interrupt_runs`.
        """
        return self._ask_writer(lambda workers: workers.store.interrupt_runs, lease, limit)

    def find_run(self, topic: str) -> Deferred[RunRecord | None]:  # type: ignore[override]
        """
        See `IRunHistory.find_run`.
        """
        return self._ask_reader(lambda workers: workers.reader.find_run, topic)

    def list_runs(  # type: ignore[override]
        self, before: int | None, limit: int
    ) -> Deferred[list[RunRecord]]:
        """
        See `IRunHistory.list_runs`.
        """
        return self._ask_reader(lambda workers: workers.reader.list_runs, before, limit)

    def check_available(self) -> Deferred[None]:  # type: ignore[override]
        """
        See `ICheckedHistory.check_available`.
        """
        if self._workers is None:
            return fail(_not_running())
        return Deferred.fromCoroutine(self._check(self._workers))

    def describe(self) -> Holdings:
        """
        See `IDescribedHistory.describe`.
        """
        bounds = {"events": self._bounds.events, "bytes": self._bounds.size}
        told = {**bounds, "age": self._bounds.age}
        extent = None if self._workers is None else self._workers.store.extent
        if extent is None:
            return Holdings(bounds=told)
        kept = extent.newest - extent.oldest + 1
        return Holdings(kept, extent.ends - extent.begins, bounds=told)

    async def _check(self, workers: Workers) -> None:
        if not self._availability.check():
            await self._probe(workers)

    async def _probe(self, workers: Workers) -> None:
        try:
            await self._write(workers, workers.store.probe, self._availability.missing)
        except HistoryUnavailable as error:
            self._note(WRITING, error)
            raise
        self._availability.written()

    def _ask_writer(
        self, choose: Callable[[Workers], Callable[..., T]], *args: object
    ) -> Deferred[T]:
        workers = self._workers
        if workers is None:
            return fail(_not_running())
        return self._write(workers, choose(workers), *args)

    def _ask_reader(
        self, choose: Callable[[Workers], Callable[..., T]], *args: object
    ) -> Deferred[T]:
        workers = self._workers
        if workers is None:
            return fail(_not_running())
        return self._read(workers, choose(workers), *args)

    def _write(self, workers: Workers, work: Callable[..., T], *args: object) -> Deferred[T]:
        return workers.writer_thread.run(work, *args, self._now())

    def _kept(self, records: list[Record], publications: Sequence[Publication]) -> list[Record]:
        self._availability.kept(publications)
        return records

    def _refused(self, failure: Failure, publications: Sequence[Publication]) -> Failure:
        if isinstance(failure.value, HistoryUnavailable) and self.running:
            self._availability.refused(publications, failure.value)
        return failure

    def _note(self, cause: str, error: BaseException | None) -> None:
        if isinstance(error, HistoryUnavailable) and self.running:
            self._availability.failed(cause, error)

    def _ended(self, result: T) -> T:
        if self._workers is None:
            self._availability.stop()
        return result

    def _read(self, workers: Workers, work: Callable[..., T], *args: object) -> Deferred[T]:
        now = self._now()

        def read(_: None = None) -> Deferred[T]:
            reading = workers.reader_thread.run(work, *args, now)
            return reading.addCallbacks(self._found, self._not_found)

        if workers.store.epoch is not None:
            return read()
        opening = self._write(workers, workers.store.open).addErrback(self._not_found)
        return opening.addCallback(read)

    def _found(self, result: T) -> T:
        self._availability.found()
        return result

    def _not_found(self, failure: Failure) -> Failure:
        self._note(READING, failure.value)
        return failure

    def _trim(self) -> Deferred[None] | None:
        workers = self._workers
        if workers is None:
            return None
        return Deferred.fromCoroutine(self._maintain(workers)).addErrback(self._trimming_failed)

    async def _maintain(self, workers: Workers) -> None:
        try:
            await self._write(workers, workers.store.trim)
            if not self._availability.writes and self._workers is workers:
                await self._probe(workers)
            if self._workers is workers:
                self._availability.stalled(await self._write(workers, workers.store.stalled_log))
        except HistoryUnavailable as error:
            self._note(WRITING, error)

    def _trimming_failed(self, failure: Failure) -> None:
        self._log.failure("History failed to delete what is too old", failure)


def _not_running() -> HistoryUnavailable:
    return HistoryUnavailable(
        "The history is not running: start it, best together with its hub by hub.service()."
    )
