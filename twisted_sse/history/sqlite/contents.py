"""
What a file holds, read beside the hub that uses it.

Nothing is written, and nothing is locked for longer than one page takes to read: a long
transaction would keep the write-ahead log from being emptied.

All methods are called in one thread.  Nothing here imports Twisted.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Any, Final

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.holdings import Holdings, StoredPage, StoredPosition, StoredRecord
from twisted_sse.events.publication import Record
from twisted_sse.history.sqlite.bulk import PAGE, fetch, fetch_each
from twisted_sse.history.sqlite.epochs import Epochs, read_epochs
from twisted_sse.history.sqlite.file import check_log, connect, explain, identify, version_of
from twisted_sse.history.sqlite.row import COLUMNS, COLUMNS_OF_1, publication_of
from twisted_sse.history.sqlite.snapshot import DAMAGE, SnapshotReader
from twisted_sse.history.sqlite.trim import Bounds, read_extent

__all__ = ["FileContents"]

# How much one page has at most, in bytes; a single publication may have more.
_MOST_BYTES: Final = 1024 * 1024

_SIZES: Final = """
    SELECT number, CAST(size AS INTEGER) AS size FROM events
    WHERE number > ? AND number <= ? ORDER BY number LIMIT ?
"""
_ROWS: Final = "SELECT * FROM events WHERE number > ? AND number <= ? ORDER BY number"
_GIVEN: Final = "SELECT given, kept_at FROM events WHERE number = ?"


class FileContents(SnapshotReader):
    """
    Args:
        path: As for `SnapshotReader`.

        bounds: Only told; the file itself is read whole.

    Raises:
        ValueError: It is not the file of a history; half a sentence.
    """

    def __init__(self, path: str, bounds: Bounds) -> None:
        super().__init__(path)
        self._bounds = bounds
        self._interrupted = False
        if os.path.isdir(path):
            raise ValueError(f"{path!r} is a directory")
        if not os.path.exists(path):
            raise ValueError(f"there is no file {path!r}")
        if not os.access(path, os.R_OK):
            raise ValueError(f"{path!r} may not be read")
        check_log(path)
        try:
            if not identify(path, self._open()):
                raise ValueError(f"{path!r} is empty")
        except sqlite3.Error as error:
            raise ValueError(explain(path, error)) from error
        finally:
            # Another thread opens it again.
            self.close()

    def describe(self) -> Holdings:
        """
        See `IHistoryReader.describe`.
        """
        return self._read(self._describe)

    def read(self, cursor: str | None, limit: int) -> StoredPage:
        """
        See `IHistoryReader.read`.

        A cursor is the number of the last publication that was read, and that of the last
        one to read.
        """
        return self._read(lambda connection: _page(connection, cursor, min(limit, PAGE)))

    def copy_to(self, target: str) -> None:
        """
        Copy one state of the file to *target*, which is empty or does not exist.

        Raises:
            HistoryUnavailable: It cannot be copied.
        """
        try:
            if not self._interrupted:
                # Not the online backup of SQLite, which begins anew at every commit.
                self._open().execute("VACUUM INTO ?", (target,))
        except sqlite3.Error as error:
            self.close()
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            path = target if code == sqlite3.SQLITE_FULL else self._path
            raise HistoryUnavailable(f"{explain(path, error)}.") from error
        if self._interrupted:
            raise HistoryUnavailable("The copy was interrupted.")

    def interrupt(self) -> None:
        """
        Make every `copy_to` fail, also one that runs; another thread may call this.
        """
        self._interrupted = True
        if self._connection is not None:
            self._connection.interrupt()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            # Not "ro": without the files of the write-ahead log SQLite would have to create
            # them.  It falls back to reading if the file is protected.
            writable = os.access(os.path.dirname(self._path), os.W_OK)
            alone = not writable and not os.path.exists(f"{self._path}-wal")
            self._connection = connect(self._path, "ro&immutable=1" if alone else "rw")
        return self._connection

    def _describe(self, connection: sqlite3.Connection) -> Holdings:
        extent = read_extent(connection)
        bounds = {"events": self._bounds.events, "bytes": self._bounds.size}
        told = {**bounds, "age": self._bounds.age}
        events = extent.newest - extent.oldest + 1
        if not events:
            return Holdings(0, 0, 0, bounds=told)
        ((topics,),) = connection.execute("SELECT count(*) FROM topics").fetchall()
        epochs = read_epochs(connection)
        return Holdings(
            events,
            extent.ends - extent.begins,
            topics,
            _position(connection, epochs, extent.oldest),
            _position(connection, epochs, extent.newest),
            told,
        )


def _position(connection: sqlite3.Connection, epochs: Epochs, number: int) -> StoredPosition:
    given, kept_at = connection.execute(_GIVEN, (number,)).fetchone()
    return StoredPosition(str(given or epochs.name(number)), _date(kept_at))


def _page(connection: sqlite3.Connection, cursor: str | None, limit: int) -> StoredPage:
    extent = read_extent(connection)
    if cursor is None:
        after, newest = extent.oldest - 1, extent.newest
    else:
        after, newest = map(int, cursor.split())
    last = _last_of(fetch(connection, "number, size", _SIZES, (after, newest, limit)))
    if last is None:
        return StoredPage([], None, after < newest)
    # A file of an earlier version is only read here, and not upgraded.
    columns = COLUMNS_OF_1 if version_of(connection) == 1 else COLUMNS
    rows = fetch_each(connection, f"number, kept_at, {columns}", _ROWS, (after, last))
    epochs = read_epochs(connection)
    records = []
    for row in rows:
        try:
            records.append(_record(epochs, row))
        except DAMAGE:
            continue
    following = f"{last} {newest}" if last < newest else None
    # Numbers have no gaps.
    lost = last - after != len(rows)
    return StoredPage(records, following, lost, len(rows) - len(records))


def _last_of(sizes: list[Any]) -> int | None:
    """
    Choose the number of the last publication of a page, of those that may be in it.
    """
    last, size = None, 0
    for number, one in sizes:
        size += one
        if last is not None and size > _MOST_BYTES:
            break
        last = number
    return last


def _record(epochs: Epochs, row: list[Any]) -> StoredRecord:
    number, kept_at, *columns = row
    publication = publication_of(columns)
    event_id = publication.event.id or epochs.name(number)
    return StoredRecord(Record(number, event_id, publication), _date(kept_at))


def _date(kept_at: object) -> float | None:
    # Another program may have written anything.
    return float(kept_at) if isinstance(kept_at, (int, float)) else None
