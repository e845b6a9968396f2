"""
The file of a history: checks it, locks it, opens it, and explains its errors.

While SQLite has the database file open, nothing else in the process may open it: its
POSIX locks are lost as soon as the process closes any descriptor of the file.
(https://www.sqlite.org/howtocorrupt.html, "Posix advisory locks canceled by a
separate thread doing close()".)

Errors are half sentences that name the file.  Nothing here imports Twisted.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Final, Literal
from urllib.parse import quote

from twisted_sse.history.sqlite.row import SCHEMA, UPGRADE_OF_1

__all__ = [
    "APPLICATION_ID",
    "IN_USE",
    "VERSION",
    "Lock",
    "absolute",
    "check",
    "check_location",
    "check_log",
    "connect",
    "explain",
    "identify",
    "identity_of",
    "open_database",
    "version_of",
]

#: Identifies this package in a file's header: "tSSE" in ASCII.
APPLICATION_ID: Final = 0x74535345

#: The end of the sentence about a file that another process has locked.
IN_USE: Final = "is in use by another hub"

#: The version of the schema.
VERSION: Final = 2

# How long to wait for another program's lock on the file, in seconds.
_LOCK_TIMEOUT: Final = 2.0

# The size to which SQLite truncates the write-ahead log, in bytes: 16 times the
# size at which it begins to empty it.
_MOST_LOG: Final = 64 * 1024 * 1024

# Where a file says how it is written and read, and what it says if no write-ahead log
# belongs to it.  A hub's file says 2, and what VACUUM INTO has written, 1.
# (https://www.sqlite.org/fileformat2.html, "File format version numbers".)
_FORMATS_AT: Final = 18
_WITHOUT_LOG: Final = b"\x01\x01"

# The lowest byte of SQLite's result codes is the primary code; the rest is detail.
_PRIMARY: Final = 0xFF
_SENTENCES: Final = {
    sqlite3.SQLITE_BUSY: "{path!r} is locked by another program",
    sqlite3.SQLITE_LOCKED: "{path!r} is locked by another program",
    sqlite3.SQLITE_FULL: "there is no space left for {path!r}",
    sqlite3.SQLITE_READONLY: "{path!r} may not be written to",
    sqlite3.SQLITE_NOTADB: "{path!r} is not a database",
    sqlite3.SQLITE_CORRUPT: "{path!r} is damaged: restore a backup, or move it away",
}


def absolute(path: str | os.PathLike[str]) -> str:
    """
    Return the real path of the file, which is the same for every hub and in any
    working directory.

    Raises:
        ValueError: *path* cannot name a file; half a sentence that says why.
    """
    text = os.fspath(path)
    if text in ("", ":memory:"):
        raise ValueError(f"{text!r} is not a file; use MemoryHistory to keep events in memory")
    if "\0" in text:
        raise ValueError(f"{text!r} contains a NUL")
    return os.path.realpath(text)


def check(path: str) -> None:
    """
    Check that *path* can hold a history, without leaving a trace.

    Raises:
        ValueError: It cannot; half a sentence that says why.
    """
    check_location(path)
    if not os.path.exists(path):
        return
    if os.path.exists(f"{path}-lock"):
        Lock(path, fcntl.LOCK_SH, create=False).release()
    check_log(path)
    try:
        # "immutable": SQLite reads the header without locks, and without creating
        # its other files.
        with closing(connect(path, "ro&immutable=1")) as connection:
            identify(path, connection)
    except sqlite3.Error as error:
        raise ValueError(explain(path, error)) from error


def check_location(path: str) -> None:
    """
    Check that *path* is a writable file, or can become one.

    Raises:
        ValueError: It cannot; half a sentence that says why.
    """
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise ValueError(f"there is no directory {directory!r}")
    if os.path.isdir(path):
        raise ValueError(f"{path!r} is a directory")
    # SQLite makes two files beside the database.
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ValueError(f"the directory {directory!r} may not be written to")
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):
        raise ValueError(f"{path!r} may not be written to")


def check_log(path: str) -> None:
    """
    Check that the write-ahead log beside the file is not that of another file, which was
    there before a backup was restored: SQLite would mix the two.

    Call this before this process opens the file: it reads the file itself.

    Raises:
        ValueError: It is; half a sentence.
    """
    try:
        if os.path.getsize(f"{path}-wal") == 0:
            return
        with open(path, "rb") as file:
            file.seek(_FORMATS_AT)
            formats = file.read(2)
    except OSError:
        # There is no log, or whatever opens the file says what is wrong.
        return
    if formats == _WITHOUT_LOG:
        raise ValueError(
            f"{path!r} was replaced, and '{path}-wal' is of the file before:"
            f" remove '{path}-wal' and '{path}-shm'"
        )


def identify(path: str, connection: sqlite3.Connection) -> bool:
    """
    Return whether a database is a history.

    Returns:
        False if it is empty, so that it can become one.

    Raises:
        ValueError: It is another program's, or a later version's.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    version = version_of(connection)
    if application == APPLICATION_ID and version <= VERSION:
        return True
    if application == APPLICATION_ID:
        raise ValueError(f"{path!r} was written by a later version of twisted-sse: upgrade")
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    if application or tables:
        raise ValueError(f"{path!r} is another program's database")
    return False


def connect(path: str, mode: Literal["rwc", "rw", "ro&immutable=1"]) -> sqlite3.Connection:
    """
    Open the database for the calling thread only.

    Args:
        mode: ``rwc`` to create it if necessary, ``rw`` to write it, ``ro&immutable=1``
            to read it as if no other program had it open.
    """
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode={mode}",
        uri=True,
        timeout=_LOCK_TIMEOUT,
        isolation_level=None,
    )


def open_database(path: str, sync: Literal["normal", "full"]) -> sqlite3.Connection:
    """
    Open the database for the writer, and create the tables if it is empty, or upgrade
    those of an earlier version.

    Raises:
        ValueError: It is not a history.

        sqlite3.Error: It cannot be opened.
    """
    connection = connect(path, "rwc")
    try:
        if not identify(path, connection):
            _write_schema(connection, SCHEMA)
        elif version_of(connection) < VERSION:
            _write_schema(connection, UPGRADE_OF_1)
        for setting in (
            # After the schema, so that the header is in the file itself.
            "journal_mode = WAL",
            f"journal_size_limit = {_MOST_LOG}",
            f"synchronous = {sync}",
            # macOS: fsync() alone does not empty the disk's own cache.
            f"fullfsync = {sync == 'full':d}",
            # Some systems overwrite deleted data with zeros, which doubles the work.
            "secure_delete = OFF",
        ):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def version_of(connection: sqlite3.Connection) -> int:
    """
    Read the version of the schema.
    """
    ((version,),) = connection.execute("PRAGMA user_version").fetchall()
    return int(version)


def _write_schema(connection: sqlite3.Connection, statements: Sequence[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in statements:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def identity_of(path: str) -> tuple[int, int] | None:
    """
    Tell which file is at *path*, without opening it; ``None`` if none is.
    """
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def explain(path: str, error: sqlite3.Error | OSError) -> str:
    """
    Explain in half a sentence what is wrong with *path*.
    """
    code = getattr(error, "sqlite_errorcode", None)
    sentence = None if code is None else _SENTENCES.get(code & _PRIMARY)
    if sentence is None:
        return f"{path!r} cannot be used: {error}"
    return sentence.format(path=path)


class Lock:
    """
    An advisory lock that excludes other hubs, from its creation until `release`.

    It is on a file beside the database.  That file is never removed, or one hub
    could lock the removed file while another locks a new one.

    Raises:
        ValueError: Another hub holds the lock.

        OSError: The file cannot be locked.
    """

    def __init__(self, path: str, kind: int = fcntl.LOCK_EX, *, create: bool = True) -> None:
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        self._descriptor = os.open(f"{path}-lock", flags, 0o666)
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise ValueError(f"{path!r} {IN_USE}") from None
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """
        Release the lock.
        """
        os.close(self._descriptor)
