"""
The file of a history: whether it can be used, who uses it, what went wrong.

The database file is only ever opened by SQLite.  Its locks are POSIX locks, and
those are gone as soon as the process closes any descriptor of the file.
(https://www.sqlite.org/howtocorrupt.html, "Posix advisory locks canceled by a
separate thread doing close()".)

Errors are half sentences that name the file.  Nothing here imports Twisted.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing
from typing import Final, Literal
from urllib.parse import quote

from twisted_sse.history.sqlite.row import SCHEMA

__all__ = [
    "APPLICATION_ID",
    "VERSION",
    "Lock",
    "absolute",
    "check",
    "check_place",
    "connect",
    "explain",
    "identify",
    "open_database",
]

#: Says in a file's header whose it is: "tSSE" in ASCII.
APPLICATION_ID: Final = 0x74535345

#: Which schema a file has.
VERSION: Final = 1

# How long to wait for another program that has locked the file, in seconds.
_PATIENCE: Final = 2.0

# The write-ahead log shrinks to this when it can, in bytes: 16 times the size
# at which SQLite begins to empty it.
_MOST_LOG: Final = 64 * 1024 * 1024

# SQLite's result codes are these in the lowest byte, and details above it.
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
    Name the file by the one name that it has for every hub, wherever the
    process goes.

    Raises:
        ValueError: It is none: half a sentence says why.
    """
    text = os.fspath(path)
    if text in ("", ":memory:"):
        raise ValueError(f"{text!r} is not a file; use MemoryHistory to keep events in memory")
    if "\0" in text:
        raise ValueError(f"{text!r} contains a NUL")
    return os.path.realpath(text)


def check(path: str) -> None:
    """
    See whether a history could be kept in *path*, and leave no trace of it.

    Raises:
        ValueError: It could not: half a sentence says why.
    """
    check_place(path)
    if not os.path.exists(path):
        return
    if os.path.exists(f"{path}-lock"):
        Lock(path, fcntl.LOCK_SH, create=False).release()
    try:
        # "immutable": the header is looked at without locks, and without the
        # files that SQLite makes beside one that it opens.
        with closing(connect(path, "ro&immutable=1")) as connection:
            identify(path, connection)
    except sqlite3.Error as error:
        raise ValueError(explain(path, error)) from error


def check_place(path: str) -> None:
    """
    See whether there can be a file at *path*, which may or may not exist.

    Raises:
        ValueError: There cannot.
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


def identify(path: str, connection: sqlite3.Connection) -> bool:
    """
    Find out whether a database is a history.

    Returns:
        False if there is nothing in it at all, so that it can become one.

    Raises:
        ValueError: It is something else, or a history of a later version.
    """
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
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
    Open the database, for the calling thread only.

    Args:
        mode: Whether it may be created, written, or only looked at.
    """
    return sqlite3.connect(
        f"file:{quote(os.fsencode(path))}?mode={mode}",
        uri=True,
        timeout=_PATIENCE,
        isolation_level=None,
    )


def open_database(path: str, sync: Literal["normal", "full"]) -> sqlite3.Connection:
    """
    Open the database for the writer, and make it a history if it is empty.

    Raises:
        ValueError: It is something else.

        sqlite3.Error: It cannot be opened.
    """
    connection = connect(path, "rwc")
    try:
        if not identify(path, connection):
            _create(connection)
        for setting in (
            # After the schema, so that the header is in the file itself.
            "journal_mode = WAL",
            f"journal_size_limit = {_MOST_LOG}",
            f"synchronous = {sync}",
            # macOS: fsync() alone does not empty the disk's own cache.
            f"fullfsync = {sync == 'full':d}",
            # Some systems overwrite with zeros what is deleted: twice the work.
            "secure_delete = OFF",
        ):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA:
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
    connection.execute("COMMIT")


def explain(path: str, error: sqlite3.Error | OSError) -> str:
    """
    Say in half a sentence what went wrong with *path*.
    """
    code = getattr(error, "sqlite_errorcode", None)
    sentence = None if code is None else _SENTENCES.get(code & _PRIMARY)
    if sentence is None:
        return f"{path!r} cannot be used: {error}"
    return sentence.format(path=path)


class Lock:
    """
    Keeps other hubs away from a file: it is held as long as this is not released.

    It lies on a file beside the database, which is never removed: who waits for
    a removed file and who makes it anew would both believe that they have it.

    Raises:
        ValueError: Another hub has it.

        OSError: There can be no lock.
    """

    def __init__(self, path: str, kind: int = fcntl.LOCK_EX, *, create: bool = True) -> None:
        flags = os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        self._descriptor = os.open(f"{path}-lock", flags, 0o666)
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise ValueError(f"{path!r} is in use by another hub") from None
        except BaseException:
            self.release()
            raise

    def release(self) -> None:
        """
        Let others have it.
        """
        os.close(self._descriptor)
