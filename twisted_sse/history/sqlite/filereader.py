"""
Reads and copies the file of a history, also while a hub uses it.

SQLite runs in a thread of its own, as for `twisted_sse.history.sqlite.SQLiteHistory`.
"""

from __future__ import annotations

import os
from typing import cast

from twisted.application.service import IService, Service
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.history.sqlite.backup import back_up
from twisted_sse.history.sqlite.contents import FileContents
from twisted_sse.history.sqlite.file import absolute
from twisted_sse.history.sqlite.thread import WorkThread
from twisted_sse.history.sqlite.trim import DEFAULT_BOUNDS, Bounds
from twisted_sse.interfaces import IHistoryReader

__all__ = ["SQLiteFileReader"]


@implementer(IHistoryReader, IService)
class SQLiteFileReader(Service):
    """
    Reads the file of a `twisted_sse.history.sqlite.SQLiteHistory`, without changing it.

    Args:
        path: The file.

        events, bytes, age: The bounds that `describe` tells: the file does not have them.

        sync: Ignored: nothing is written.

    Raises:
        ValueError: There is no such history; half a sentence that says why.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        events: int = DEFAULT_BOUNDS.events,
        bytes: int = DEFAULT_BOUNDS.size,
        age: float = DEFAULT_BOUNDS.age,
        sync: str = "full",
    ) -> None:
        self._path = absolute(path)
        self._contents = FileContents(self._path, Bounds(events, bytes, age))
        self._thread: WorkThread | None = None

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        from twisted.internet import reactor

        self._thread = WorkThread("history file reader", cast(IReactorFromThreads, reactor))

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        thread, self._thread = self._thread, None
        if thread is None:
            return succeed(None)
        return Deferred.fromCoroutine(self._stop(thread))

    async def _stop(self, thread: WorkThread) -> None:
        await thread.run(self._contents.close)
        await thread.stop()

    def describe(self) -> Deferred[Holdings]:  # type: ignore[override]
        """
        See `IHistoryReader.describe`.
        """
        return self._running_thread().run(self._contents.describe)

    def read(self, cursor: str | None, limit: int) -> Deferred[StoredPage]:  # type: ignore[override]
        """
        See `IHistoryReader.read`.
        """
        return self._running_thread().run(self._contents.read, cursor, limit)

    async def back_up(self, target: str) -> None:
        """
        Copy one state of the file to the new file *target*.

        May be cancelled; then nothing is left of it.

        Args:
            target: Its directory exists.

        Raises:
            ValueError: *target* cannot be written; half a sentence.

            HistoryUnavailable: The file cannot be copied; a sentence.
        """
        copying = self._running_thread().run(back_up, self._contents, target)
        waiting: Deferred[None] = Deferred()
        copying.chainDeferred(waiting)
        try:
            await waiting
        except CancelledError:
            self._contents.interrupt()
            raise

    def _running_thread(self) -> WorkThread:
        if self._thread is None:
            raise HistoryUnavailable("The reader is not running: it is a service, so start it.")
        return self._thread
