"""
Reads a file in one transaction, so that every result comes from one state of it.

All methods are called in one thread.  Nothing here imports Twisted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Final, TypeVar

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.sqlite.file import explain

__all__ = ["DAMAGE", "SnapshotReader"]

T = TypeVar("T")

#: What reading a row raises that another program has changed.
DAMAGE: Final = (ValueError, TypeError, IndexError, RecursionError)


class SnapshotReader:
    """
    A connection that is opened when it is needed, and again after an error.

    Args:
        path: The file; made by `twisted_sse.history.sqlite.file.absolute`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """
        Close the connection.
        """
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> sqlite3.Connection:
        """
        Return the open connection, or open one.
        """
        raise NotImplementedError

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        Return what *work* reads.

        Raises:
            HistoryUnavailable: The file cannot be read.
        """
        try:
            connection = self._open()
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            self.close()
            reason = explain(self._path, error)
            raise HistoryUnavailable(f"History is not available: {reason}.") from error
