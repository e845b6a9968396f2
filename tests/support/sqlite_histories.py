"""
SQLite histories of a test's own: real files, real threads, a clock to advance.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.internet.task import Clock
from twisted.trial.unittest import TestCase

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.topics import Selection

__all__ = ["ALL", "MANY", "SQLiteTestCase", "data_of", "publication", "query"]

ALL = Selection.of(["*"])
MANY = 1 << 20


def publication(data: str, topic: str = "a", event_id: str | None = None) -> Publication:
    """
    What a publisher gives.
    """
    return Publication((topic,), ServerSentEvent(data, id=event_id))


def data_of(kept: Sequence[Record]) -> list[str | None]:
    """
    The data of what was found.
    """
    return [one.publication.event.data for one in kept]


def query(path: Path, statement: str) -> list[Any]:
    """
    What another program finds in the file, or changes there.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


class SQLiteTestCase(TestCase):
    """
    Attributes:
        path: Where there is no file yet, in a directory that there is.

        clock: What the histories go by.
    """

    def setUp(self) -> None:
        """
        A place for a file.
        """
        home = Path(self.mktemp())
        home.mkdir()
        self.path = home / "é 1%.db"
        self.clock = Clock()

    def open(self, path: Path | None = None, **options: Any) -> SQLiteHistory:
        """
        Start a history, which is stopped after the test.
        """
        history = SQLiteHistory(path or self.path, clock=self.clock, **options)
        history.startService()
        self.addCleanup(lambda: maybeDeferred(history.stopService))
        return history

    async def fill(self, history: SQLiteHistory, *data: str) -> list[Record]:
        """
        Append each of *data* by itself.
        """
        return [(await history.append([publication(one)]))[0] for one in data]
