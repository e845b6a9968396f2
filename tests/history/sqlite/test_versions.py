"""
Files that earlier versions have written are read by this one.
"""

from pathlib import Path

from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import TestCase

from tests.history.sqlite.data.make_history import PUBLICATIONS, write
from tests.support.sqlite_histories import ALL, SQLiteTestCase, publication
from twisted_sse.events.publication import Record
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.history.sqlite.file import VERSION
from twisted_sse.history.sqlite.filereader import SQLiteFileReader
from twisted_sse.topics import Selection

__all__ = ["EarlierVersionTests", "ScriptTests"]

_DATA = Path(__file__).resolve().parent / "data"

# The events were kept in 2026.
_AGE = 1e11

# The first of January 2026, in seconds since 1970, as in `make_history`.
_BEGIN = 1_767_225_600.0

_IDS = ["b87bf28e-71", "b87bf28e-72", "own-1", "d8bcf643-74", "own-1", "d8bcf643-76"]


class EarlierVersionTests(TestCase):
    """
    A file of version 0.1.0, as it was written.
    """

    def setUp(self) -> None:
        """
        Copy it.
        """
        home = Path(self.mktemp())
        home.mkdir()
        self.path = home / "history.db"
        self.path.write_bytes((_DATA / "history-0.1.0.db").read_bytes())
        self.records = [
            Record(number, one, publication)
            for number, (one, publication) in enumerate(zip(_IDS, PUBLICATIONS, strict=True), 71)
        ]

    def open(self) -> SQLiteHistory:
        """
        Open it for a hub.
        """
        history = SQLiteHistory(self.path, age=_AGE)
        history.startService()
        self.addCleanup(lambda: maybeDeferred(history.stopService))
        return history

    async def test_opened(self) -> None:
        """
        It has all its events, with their order, numbers and IDs.
        """
        tail = await self.open().tail(100)

        self.assertEqual(tail.kept, self.records)
        self.assertEqual(tail.before, (70, "89569ed5-70"))

    async def test_resumed(self) -> None:
        """
        Every ID in it resumes exactly, by all topics and by one; of an ID that was used
        twice, the oldest counts.
        """
        history = self.open()
        news = Selection.of(["news"])
        for at, one in enumerate(self.records):
            expected = self.records[3 if one.id == "own-1" else at + 1 :]
            self.assertEqual(await history.since(one.id, ALL, 9), expected)
            of_news = [one for one in expected if "news" in one.publication.topics]
            self.assertEqual(await history.since(one.id, news, 9), of_news)
        self.assertEqual(await history.since("89569ed5-70", ALL, 9), self.records)

    async def test_continued(self) -> None:
        """
        New events follow those in it.
        """
        history = self.open()

        (record,) = await history.append([publication("new")])

        self.assertEqual(record.number, 77)
        self.assertEqual(await history.since("d8bcf643-74", ALL, 9), [*self.records[4:], record])

    async def test_read(self) -> None:
        """
        It can be read without being changed.
        """
        before = self.path.read_bytes()
        reader = SQLiteFileReader(self.path)
        reader.startService()
        self.addCleanup(reader.stopService)

        page = await reader.read(None, 9)

        self.assertEqual([one.record for one in page.records], self.records)
        self.assertEqual(page.records[3].kept_at, _BEGIN + 20)
        await reader.stopService()
        self.assertEqual(self.path.read_bytes(), before)


class ScriptTests(SQLiteTestCase):
    """
    The script that has written the files.
    """

    async def test_current(self) -> None:
        """
        With this version it writes the same events; if the schema has another version, a
        file of it is kept as well.
        """
        write(str(self.path))
        tail = await self.open(age=_AGE).tail(100)

        self.assertEqual([one.publication for one in tail.kept], PUBLICATIONS)
        # SQLite, "Database File Format": the user version is at offset 60.
        files = [path.read_bytes()[60:64] for path in _DATA.glob("*.db")]
        self.assertIn(VERSION, [int.from_bytes(one) for one in files])
