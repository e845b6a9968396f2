"""
The writer: stores batches, each in one transaction, and deletes the oldest.

A batch that `append` has returned is on disk.  A batch that failed is not in the
file, and after any error the next call begins with the state of the file.

All methods are called in one thread.  Nothing here imports Twisted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeVar

from twisted_sse.errors import HistoryUnavailable, TopicEnded
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.sqlite.bulk import insert
from twisted_sse.history.sqlite.epochs import add_epoch
from twisted_sse.history.sqlite.file import (
    Lock,
    check_location,
    check_log,
    explain,
    identity_of,
    open_database,
)
from twisted_sse.history.sqlite.room import reserve, stalled_log
from twisted_sse.history.sqlite.row import size_of
from twisted_sse.history.sqlite.runs import check_owners, end_runs
from twisted_sse.history.sqlite.topics import TopicIndex
from twisted_sse.history.sqlite.trim import Bounds, Extent, find_oldest, read_extent, trim

__all__ = ["Store"]

T = TypeVar("T")

# The pause before trying again to open a file, in seconds.
_PAUSE: Final = 1.0

# How many publications are appended between two deletions, and the most that one
# deletes while nothing is appended.  Deleting one for each that is appended would
# double what every commit writes; readers do not see what exceeds the bounds.
_STEP: Final = 64
_IDLE_STEP: Final = 1024

# The most bytes that are written to find out whether there is room on the disk.
_MOST_PROBED: Final = 64 * 1024 * 1024

# The errors after which the file can stay open.
_PASSING: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL)

# What is kept in a file without a name is lost when the hub ends.
_MISPLACED: Final = (
    "History is not available: {path!r} was removed or replaced while the hub has it open:"
    " put it back, or restart the hub."
)

_INTO: Final = (
    "events (number, kept_at, size, ends, topics, private, given, data, event, retry, comment,"
    " outcome)"
)
_END: Final = "INSERT OR REPLACE INTO ended (topic, number) VALUES (?, ?)"
_ENDED: Final = """
    SELECT topic, number FROM ended WHERE topic IN (SELECT value FROM json_each(?))
    AND NOT EXISTS (SELECT 1 FROM runs WHERE ended = number AND forget_at <= ?)
"""
_MARK: Final = """
    UPDATE events SET first = NOT EXISTS (
        SELECT 1 FROM events AS e WHERE e.given = events.given AND e.number < events.number
    ) WHERE number = ?
"""


class Store:
    """
    Attributes:
        epoch: The epoch of this opening; None while the file is not open.  Other
            threads may read it.

        misplaced: Why nothing is written, if the file is no longer at its path; else
            empty.
    """

    def __init__(self, path: str, sync: Literal["normal", "full"], bounds: Bounds) -> None:
        self.epoch: str | None = None
        self.misplaced = ""
        self._path = path
        self._sync = sync
        self._bounds = bounds
        self._lock: Lock | None = None
        self._connection: sqlite3.Connection | None = None
        self._index: TopicIndex
        self._extent: Extent | None = None
        # Whether a topic may have ended.
        self._has_ends = False
        # The newest number at the last deletion.
        self._trimmed = 0
        self._retry_at = float("-inf")
        self._reason = ""
        # Which file is open.
        self._identity: tuple[int, int] | None = None

    @property
    def extent(self) -> Extent | None:
        """
        The range of publications in the file; ``None`` while that is not known.  Other
        threads may read it.
        """
        return self._extent

    def open(self, now: float) -> None:
        """
        Open the file unless it is open.

        Raises:
            HistoryUnavailable: Opening it failed, now or within the last second.
        """
        if self.epoch is not None:
            return
        if self._retry_at - _PAUSE <= now < self._retry_at:
            raise HistoryUnavailable(self._reason)
        try:
            self._open()
        except (ValueError, OSError, sqlite3.Error) as error:
            reason = str(error) if isinstance(error, ValueError) else explain(self._path, error)
            self._reason = f"History is not available: {reason}."
            self._retry_at = now + _PAUSE
            self.close()
            raise HistoryUnavailable(self._reason) from error

    def append(self, publications: Sequence[Publication], now: float) -> list[Record]:
        """
        See `IRunHistory.append`.

        Args:
            now: The time in seconds.
        """
        return self._commit(lambda connection: self._keep(connection, publications, now), now)

    def probe(self, size: int, now: float) -> None:
        """
        Check that something can be written.

        Args:
            size: The bytes that could not be written before; 0 if a little is enough.

        Raises:
            HistoryUnavailable: It cannot.
        """
        self.open(now)
        extent = self._extent
        assert extent is not None
        try:
            if size:
                reserve(f"{self._path}-probe", min(size, _MOST_PROBED))
        except OSError as error:
            reason = explain(self._path, error)
            raise HistoryUnavailable(f"History is not available: {reason}.") from error
        # It changes nothing, but SQLite writes it to the log and syncs that.
        touch = "UPDATE forgotten SET number = number"
        self._commit(lambda connection: (connection.execute(touch) and None, extent), now)

    def stalled_log(self, now: float) -> int:
        """
        Find how much of the write-ahead log cannot be emptied, because another program
        reads an old state of the file; in bytes.
        """
        self.open(now)
        assert self._connection is not None
        return stalled_log(self._path, self._connection)

    def look(self) -> bool:
        """
        See whether the open file is still at its path; any thread may.
        """
        there = identity_of(self._path) == self._identity
        self.misplaced = "" if there else _MISPLACED.format(path=self._path)
        return there

    def trim(self, now: float) -> None:
        """
        Delete some of the publications that exceed the bounds, after a look whether
        the file is still there.
        """
        self.open(now)
        self.look()
        extent = self._extent
        if extent is not None and extent.exceeds(self._bounds, now):
            self._commit(
                lambda connection: (None, self._trim(connection, extent, now, _IDLE_STEP)), now
            )

    def close(self) -> None:
        """
        Close the file.  It can be opened again.
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
        check_location(self._path)
        self._lock = Lock(self._path)
        if self._extent is None:
            # Later, the reader may have the file open.
            check_log(self._path)
        self._connection = connection = open_database(self._path, self._sync)
        self._index = TopicIndex(connection)
        connection.execute("BEGIN IMMEDIATE")
        extent = self._undo_unanswered(connection, read_extent(connection))
        epoch = add_epoch(connection, extent.oldest, extent.newest)
        connection.execute("COMMIT")
        self._extent = extent
        ((has_ends,),) = connection.execute("SELECT EXISTS (SELECT 1 FROM ended)").fetchall()
        self._has_ends = bool(has_ends)
        self._identity, self.misplaced = identity_of(self._path), ""
        self._trimmed = extent.newest
        self.epoch = epoch

    def _undo_unanswered(self, connection: sqlite3.Connection, found: Extent) -> Extent:
        """
        Delete what a failed commit has written: its publishers were told to try
        again, and its numbers are free.
        """
        known = self._extent
        if known is None or found.newest == known.newest:
            return found
        if found.newest < known.newest:
            raise ValueError(f"{self._path!r} was replaced by an older file: restart the hub")
        for table in ("events", "filed", "ended"):
            connection.execute(f"DELETE FROM {table} WHERE number > ?", (known.newest,))
        if known.newest < found.oldest:
            connection.execute("UPDATE forgotten SET number = ?", (known.newest,))
        return read_extent(connection)

    def _change(
        self,
        work: Callable[[sqlite3.Connection, Extent], tuple[T, Extent]],
        now: float,
    ) -> T:
        """
        Do *work*, which may keep publications, in one transaction.
        """
        self.open(now)
        extent = self._extent
        assert extent is not None
        return self._commit(lambda connection: work(connection, extent), now)

    def _commit(self, work: Callable[[sqlite3.Connection], tuple[T, Extent]], now: float) -> T:
        """
        Do *work* in one transaction.
        """
        self.open(now)
        connection = self._connection
        assert connection is not None
        if self.misplaced:
            raise HistoryUnavailable(self.misplaced)
        try:
            connection.execute("BEGIN IMMEDIATE")
            result, extent = work(connection)
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._abandon(connection, error)
            reason = explain(self._path, error)
            raise HistoryUnavailable(f"History is not available: {reason}.") from error
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
        if self._has_ends:
            self._check_open(connection, publications, now)
        check_owners(connection, publications)
        newest, ends, oldest, begins, since = self._make_room(connection, publications, now)
        find, epoch = self._index.find, self.epoch
        records, rows, filed, given, ended = [], [], [], [], []
        for publication in publications:
            newest += 1
            event = publication.event
            size = size_of(publication)
            ends += size
            text, topics = find(publication.topics)
            rows.append(
                (
                    *(newest, now, size, ends, text, publication.private, event.id),
                    *(event.data, event.event, event.retry, event.comment, publication.outcome),
                )
            )
            filed.extend([(topic, newest) for topic in topics])
            if event.id:
                given.append((newest,))
            if publication.outcome is not None:
                ended.extend([(topic, newest) for topic in publication.topics])
            records.append(Record(newest, event.id or f"{epoch}-{newest}", publication))
        insert(connection, _INTO, rows)
        insert(connection, "filed (topic, number)", filed)
        if given:
            connection.executemany(_MARK, given)
        if ended:
            self._has_ends = True
            connection.executemany(_END, ended)
            end_runs(connection, [one for one in records if one.publication.outcome], now)
        return records, Extent(newest, ends, oldest, begins, min(since, now))

    def _check_open(
        self, connection: sqlite3.Connection, publications: Sequence[Publication], now: float
    ) -> None:
        topics = {topic for publication in publications for topic in publication.topics}
        found = connection.execute(_ENDED, (json.dumps(sorted(topics)), now)).fetchall()
        if found:
            oldest = self._oldest(connection, now)
            ended = sorted(topic for topic, number in found if number >= oldest)
            if ended:
                raise TopicEnded(ended)

    def _oldest(self, connection: sqlite3.Connection, now: float) -> int:
        assert self._extent is not None
        return find_oldest(connection, self._extent, self._bounds, now)

    def _make_room(
        self, connection: sqlite3.Connection, publications: Sequence[Publication], now: float
    ) -> Extent:
        """
        Delete the oldest if a deletion is due: at most twice as many as were
        appended since the last one.
        """
        extent = self._extent
        assert extent is not None
        appended = extent.newest - self._trimmed
        # A publisher's ID can be used again only after it is deleted.
        if appended >= _STEP or any(one.event.id for one in publications):
            return self._trim(connection, extent, now, max(_STEP, 2 * appended))
        return extent

    def _trim(
        self, connection: sqlite3.Connection, extent: Extent, now: float, most: int
    ) -> Extent:
        self._trimmed = extent.newest
        return trim(connection, self._index, extent, self._bounds, now, most)
