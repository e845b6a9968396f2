"""
Room on the disk: whether there is any, and what uses it up.

Nothing here imports Twisted.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from typing import Final

__all__ = ["reserve", "stalled_log"]

# What a commit takes in addition to the publications, in bytes: the changed pages of
# the tables and indexes.
_OVERHEAD: Final = 256 * 1024

_CHUNK: Final = bytes(64 * 1024)

# SQLite begins to empty the write-ahead log at 4 MiB.  A log that is larger than this
# and cannot be emptied will go on growing, in bytes.
_LARGE_LOG: Final = 16 * 1024 * 1024


def reserve(path: str, size: int) -> None:
    """
    Check that there is room for *size* bytes, by writing the file *path*, which is
    removed again.

    Raises:
        OSError: There is none, or nothing can be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        missing = size + _OVERHEAD
        while missing > 0:
            missing -= os.write(descriptor, _CHUNK)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            os.unlink(path)


def stalled_log(path: str, connection: sqlite3.Connection) -> int:
    """
    Find how much of the write-ahead log of *path* cannot be emptied, in bytes; 0 if it
    is small.
    """
    try:
        if os.stat(f"{path}-wal").st_size < _LARGE_LOG:
            return 0
        checkpoint = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    except (OSError, sqlite3.Error):
        # The next append tells what is wrong.
        return 0
    _, pages, emptied = checkpoint
    stalled: int = (pages - emptied) * page_size
    return stalled if stalled >= _LARGE_LOG else 0
