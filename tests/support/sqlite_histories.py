"""
SQLite histories for tests: real files, real threads, and a clock to advance.
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
    Make a publication.
    """
    return Publication((topic,), ServerSentEvent(data, id=event_id))


def data_of(records: Sequence[Record]) -> list[str | None]:
    """
    Return the data of *records*.
    """
    return [one.publication.event.data for one in records]


def query(path: Path, statement: str) -> list[Any]:
    """
    Run *statement* on the file as another program.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(statement).fetchall()


class SQLiteTestCase(TestCase):
    """
    Attributes:
        path: A path without a file, in an existing directory.

        clock: The clock of all histories.
    """

    def setUp(self) -> None:
        """
        Make a directory.
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
