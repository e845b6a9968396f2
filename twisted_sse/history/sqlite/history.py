"""
History in a file: what was published before a restart can be replayed after it.

SQLite keeps it.  All of SQLite's work is done in two threads, so the reactor
never waits for a disk: one writes batches, one reads.  Nothing here has a
connection, a cursor or a lock; what is not done in a thread is only asking.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeVar, cast

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_sse.clock import clock_for, dates_of
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.history.sqlite.file import absolute, check
from twisted_sse.history.sqlite.reader import Reader
from twisted_sse.history.sqlite.store import Store
from twisted_sse.history.sqlite.thread import WorkThread
from twisted_sse.history.sqlite.trim import Bounds
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["SQLiteHistory"]

T = TypeVar("T")

# How often what is too old is looked for when nothing is published, in seconds;
# also how soon a file is noticed that can be opened again.
_INTERVAL: Final = 1.0


@implementer(IHistoryProvider, IService)
class SQLiteHistory(Service):
    """
    Keeps the newest publications in a file of its own, for one hub.

    A service: `hub.service()` starts and stops it with the hub.  Before and
    after, whoever asks is told `HistoryUnavailable`.

    A batch is one transaction, and `append` answers when it is committed.  What
    then can happen to it depends on *sync*:

    ``full``
        It survives the end of the process by any means, a crash of the system,
        and a power failure, if the disk keeps what it says that it has written.

    ``normal``
        It survives the end of the process by any means.  A crash of the system
        or a power failure may lose what was kept in the last moments; the file
        stays intact, and whoever comes back with an ID that was lost is told
        of a gap.

    Beside the file lie ``PATH-lock``, which keeps other hubs away, and while it
    is open ``PATH-wal`` and ``PATH-shm``, which belong to it as much as the
    file itself: copy it with SQLite's ``.backup``, never with ``cp``.  The file
    must be on a local disk.

    Args:
        path: The file; made if there is none, in a directory that there is.

        events: The most publications to keep.

        bytes: The most bytes to keep: those of all texts in UTF-8, and for each
            publication and each of its topics what it takes to store one.  The
            file gets somewhat larger, because what exceeds the bounds is deleted
            in steps, and does not shrink: room is used again.

        age: The longest time to keep one, in seconds.

        sync: ``full`` or ``normal``.

        clock: Tells the time; the global reactor's by default.

    Raises:
        ValueError: A bound is not greater than 0, or *path* or *sync* is
            nothing that this could be.
    """

    _log = Logger()

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        events: int = 100_000,
        bytes: int = 1024 * 1024 * 1024,
        age: float = 86400.0,
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
        self._life: _Life | None = None
        self._ending: WorkThread | None = None
        self._trimming: LoopingCall | None = None
        self._trouble: str | None = None

    def __repr__(self) -> str:
        return f"<SQLiteHistory {self._path!r}>"

    @staticmethod
    def check(path: str | os.PathLike[str]) -> None:
        """
        See whether a history could be kept in *path*, without making the file
        or leaving anything open, so that the process can still fork.

        Raises:
            ValueError: It could not: half a sentence says why.
        """
        check(absolute(path))

    def startService(self) -> None:
        """
        See `IService.startService`.

        Whoever asks while the file is being opened waits for it.
        """
        if self.running:
            return
        super().startService()
        from twisted.internet import reactor

        in_thread = cast(IReactorFromThreads, reactor)
        store = Store(self._path, self._sync, self._bounds)
        # Two lives take turns: the file is closed before it is opened again.
        writer = WorkThread("history writer", in_thread, self._ending)
        finder = Reader(self._path, store, self._bounds)
        self._life = _Life(store, writer, finder, WorkThread("history reader", in_thread))
        # Not sooner, because making one chooses a reactor.
        self._trimming = LoopingCall(self._trim)
        self._trimming.clock = self._clock
        # Its first run, which is now, opens the file.
        self._trimming.start(_INTERVAL)

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.

        What was given is finished before the file is closed.
        """
        super().stopService()
        life, self._life = self._life, None
        if life is None:
            return succeed(None)
        self._ending = life.writer
        if self._trimming is not None:
            self._trimming.stop()
        return Deferred.fromCoroutine(life.end())

    def append(  # type: ignore[override]
        self, publications: Sequence[Publication]
    ) -> Deferred[list[Record]]:
        """
        See `IHistoryProvider.append`.
        """
        if self._life is None:
            return fail(_not_running())
        return self._write(self._life, self._life.store.append, publications)

    def since(  # type: ignore[override]
        self, last_event_id: str | None, topics: Selection, limit: int
    ) -> Deferred[list[Record]]:
        """
        See `IHistoryProvider.since`.
        """
        if self._life is None:
            return fail(_not_running())
        return self._read(self._life, self._life.finder.since, last_event_id, topics, limit)

    def tail(self, limit: int) -> Deferred[Tail]:  # type: ignore[override]
        """
        See `IHistoryProvider.tail`.
        """
        if self._life is None:
            return fail(_not_running())
        return self._read(self._life, self._life.finder.tail, limit)

    def _write(self, life: _Life, work: Callable[..., T], *args: object) -> Deferred[T]:
        done = life.writer.run(work, *args, self._now())
        return done.addCallbacks(self._well, self._ill)

    def _read(self, life: _Life, work: Callable[..., T], *args: object) -> Deferred[T]:
        now = self._now()
        if life.store.epoch is not None:
            return life.reader.run(work, *args, now).addErrback(self._ill)
        opened = self._write(life, life.store.open)
        return opened.addCallback(lambda _: life.reader.run(work, *args, now).addErrback(self._ill))

    def _trim(self) -> None:
        if self._life is not None:
            self._write(self._life, self._life.store.trim).addErrback(self._not_trimmed)

    def _well(self, result: T) -> T:
        if self._trouble is not None:
            self._log.info("{history} is available again", history=self)
            self._trouble = None
        return result

    def _ill(self, failure: Failure) -> Failure:
        # One line for one trouble, however many meet it.
        if failure.check(HistoryUnavailable) and str(failure.value) != self._trouble:
            self._trouble = str(failure.value)
            self._log.error("{trouble}", trouble=self._trouble)
        return failure

    def _not_trimmed(self, failure: Failure) -> None:
        if not failure.check(HistoryUnavailable):
            self._log.failure("History cannot forget what is too old", failure)


class _Life(NamedTuple):
    """
    What there is between a start and the next stop.

    Attributes:
        store: The writer's, but for its `epoch`.

        finder: The reader's.
    """

    store: Store
    writer: WorkThread
    finder: Reader
    reader: WorkThread

    async def end(self) -> None:
        """
        Finish what was given, and let go of the file.
        """
        # Who waits for the file to be opened goes on to the reader by this.
        await self.writer.run(lambda: None)
        try:
            await self.reader.run(self.finder.close)
            await self.reader.stop()
            # The last to close empties the write-ahead log.
            await self.writer.run(self.store.close)
        finally:
            await self.writer.stop()


def _not_running() -> HistoryUnavailable:
    return HistoryUnavailable(
        "The history is not running: start it, best with its hub, by hub.service()."
    )
