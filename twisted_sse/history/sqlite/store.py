"""
The writer: keeps batches in the file, each in one transaction, and trims.

What `append` has returned is on disk.  What it could not keep is not in the
file, and whatever goes wrong, the next call begins from what the file says.

All methods are called in one thread.  Nothing here imports Twisted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.sqlite.bulk import insert
from twisted_sse.history.sqlite.epochs import add_epoch
from twisted_sse.history.sqlite.file import Lock, check_place, explain, open_database
from twisted_sse.history.sqlite.row import size_of
from twisted_sse.history.sqlite.topics import TopicIndex
from twisted_sse.history.sqlite.trim import Bounds, Extent, read_extent, trim

__all__ = ["Store"]

T = TypeVar("T")

# How long to leave a file alone that could not be opened, in seconds.
_PAUSE: Final = 1.0

# How many publications come between two steps of forgetting, and the most that
# one step forgets when nothing comes.  To forget one for each that comes would
# double what every commit writes; readers do not see what exceeds the bounds.
_STEP: Final = 64
_IDLE_STEP: Final = 1024

# What can go wrong without harm to the open file.
_PASSING: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL)

_INTO: Final = (
    "events (number, kept_at, size, ends, topics, private, given, data, event, retry, comment)"
)
_MARK: Final = """
    UPDATE events SET first = NOT EXISTS (
        SELECT 1 FROM events AS e WHERE e.given = events.given AND e.number < events.number
    ) WHERE number = ?
"""


class Store:
    """
    Attributes:
        epoch: That of this opening; None while the file is not open.  Other
            threads may read it.
    """

    def __init__(self, path: str, sync: Literal["normal", "full"], bounds: Bounds) -> None:
        self.epoch: str | None = None
        self._path = path
        self._sync = sync
        self._bounds = bounds
        self._lock: Lock | None = None
        self._connection: sqlite3.Connection | None = None
        self._index: TopicIndex
        self._extent: Extent | None = None
        # The newest when something was last forgotten.
        self._trimmed = 0
        self._retry_at = float("-inf")
        self._reason = ""

    def open(self, now: float) -> None:
        """
        Open the file unless it is open.

        Raises:
            HistoryUnavailable: It cannot be opened, or could not be within the
                last second.
        """
        if self.epoch is not None:
            return
        if self._retry_at - _PAUSE <= now < self._retry_at:
            raise HistoryUnavailable(self._reason)
        try:
            self._open()
        except (ValueError, OSError, sqlite3.Error) as error:
            half = str(error) if isinstance(error, ValueError) else explain(self._path, error)
            self._reason = f"History is not available: {half}."
            self._retry_at = now + _PAUSE
            self.close()
            raise HistoryUnavailable(self._reason) from error

    def append(self, publications: Sequence[Publication], now: float) -> list[Record]:
        """
        See `IHistoryProvider.append`.

        Args:
            now: In seconds.
        """
        return self._commit(lambda connection: self._keep(connection, publications, now), now)

    def trim(self, now: float) -> None:
        """
        Forget a little of what exceeds the bounds, if there is anything.
        """
        self.open(now)
        extent = self._extent
        if extent is not None and extent.exceeds(self._bounds, now):
            self._commit(
                lambda connection: (None, self._trim(connection, extent, now, _IDLE_STEP)), now
            )

    def close(self) -> None:
        """
        Let go of the file.  It can be opened again.
        """
        self.epoch = None
        connection, self._connection = self._connection, None
        lock, self._lock = self._lock, None
        # Closing the last connection empties the write-ahead log and removes it.
        try:
            if connection is not None:
                connection.close()
        finally:
            if lock is not None:
                lock.release()

    def _open(self) -> None:
        check_place(self._path)
        self._lock = Lock(self._path)
        self._connection = connection = open_database(self._path, self._sync)
        self._index = TopicIndex(connection)
        connection.execute("BEGIN IMMEDIATE")
        extent = self._undo_unanswered(connection, read_extent(connection))
        epoch = add_epoch(connection, extent.oldest, extent.newest)
        connection.execute("COMMIT")
        self._extent = extent
        self._trimmed = extent.newest
        self.epoch = epoch

    def _undo_unanswered(self, connection: sqlite3.Connection, found: Extent) -> Extent:
        """
        Forget what was written by a commit that failed: its publisher was told
        to try again, and its number is free.
        """
        known = self._extent
        if known is None or found.newest == known.newest:
            return found
        if found.newest < known.newest:
            raise ValueError(f"{self._path!r} was replaced by an older one: restart the hub")
        for table in ("events", "filed"):
            connection.execute(f"DELETE FROM {table} WHERE number > ?", (known.newest,))
        if known.newest < found.oldest:
            connection.execute("UPDATE forgotten SET number = ?", (known.newest,))
        return read_extent(connection)

    def _commit(self, work: Callable[[sqlite3.Connection], tuple[T, Extent]], now: float) -> T:
        """
        Do *work* in one transaction: all of it, or nothing.
        """
        self.open(now)
        connection = self._connection
        assert connection is not None
        try:
            connection.execute("BEGIN IMMEDIATE")
            result, extent = work(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._abandon(connection, error)
            half = explain(self._path, error)
            raise HistoryUnavailable(f"History is not available: {half}.") from error
        except BaseException:
            self._abandon(connection, None)
            raise
        self._extent = extent
        return result

    def _abandon(self, connection: sqlite3.Connection, error: sqlite3.Error | None) -> None:
        self._index.forget()
        code = getattr(error, "sqlite_errorcode", None)
        passing = error is None or (code is not None and code & 0xFF in _PASSING)
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            passing = False
        if not passing:
            self.close()

    def _keep(
        self, connection: sqlite3.Connection, publications: Sequence[Publication], now: float
    ) -> tuple[list[Record], Extent]:
        newest, ends, oldest, begins, since = self._make_room(connection, publications, now)
        find, epoch = self._index.find, self.epoch
        kept, rows, filed, given = [], [], [], []
        for publication in publications:
            newest += 1
            event = publication.event
            size = size_of(publication)
            ends += size
            text, topics = find(publication.topics)
            rows.append(
                (
                    *(newest, now, size, ends, text, publication.private, event.id),
                    *(event.data, event.event, event.retry, event.comment),
                )
            )
            filed.extend([(topic, newest) for topic in topics])
            if event.id:
                given.append((newest,))
            kept.append(Record(newest, event.id or f"{epoch}-{newest}", publication))
        insert(connection, _INTO, rows)
        insert(connection, "filed (topic, number)", filed)
        if given:
            connection.executemany(_MARK, given)
        return kept, Extent(newest, ends, oldest, begins, min(since, now))

    def _make_room(
        self, connection: sqlite3.Connection, publications: Sequence[Publication], now: float
    ) -> Extent:
        """
        Forget a little, if it is time: at most twice as much as has come since.
        """
        extent = self._extent
        assert extent is not None
        came = extent.newest - self._trimmed
        # An ID is free again only when it is forgotten.
        if came >= _STEP or any(one.event.id for one in publications):
            return self._trim(connection, extent, now, max(_STEP, 2 * came))
        return extent

    def _trim(
        self, connection: sqlite3.Connection, extent: Extent, now: float, most: int
    ) -> Extent:
        self._trimmed = extent.newest
        return trim(connection, self._index, extent, self._bounds, now, most)
