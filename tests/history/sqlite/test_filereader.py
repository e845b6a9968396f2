"""
Reading the file of a history beside the hub that uses it.
"""

import os
from pathlib import Path

from twisted.internet.defer import CancelledError, Deferred
from zope.interface.verify import verifyObject

from tests.support.sqlite_histories import ALL, SQLiteTestCase, data_of, publication, query
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.holdings import Holdings, StoredPage, StoredPosition
from twisted_sse.events.publication import Publication
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.history.sqlite.filereader import SQLiteFileReader
from twisted_sse.interfaces import IHistoryReader

__all__ = ["ArgumentTests", "BackupTests", "DescribeTests", "ReadTests"]


class ReaderTestCase(SQLiteTestCase):
    """
    A file that a hub has open.
    """

    def reader(self, path: Path | None = None) -> SQLiteFileReader:
        """
        Start a reader, which is stopped after the test.
        """
        reader = SQLiteFileReader(path or self.path)
        reader.startService()
        self.addCleanup(reader.stopService)
        return reader

    async def read_all(self, reader: SQLiteFileReader, limit: int) -> list[StoredPage]:
        """
        Read everything, *limit* at a time.
        """
        pages = [await reader.read(None, limit)]
        while pages[-1].following is not None:
            pages.append(await reader.read(pages[-1].following, limit))
        return pages


class DescribeTests(ReaderTestCase):
    """
    `SQLiteFileReader.describe`.
    """

    async def test_holdings(self) -> None:
        """
        It tells numbers, the oldest and the newest, with the dates when they were kept.
        """
        history = self.open()
        self.clock.advance(100.0)
        await history.append([publication(one, one) for one in "abc"])
        self.clock.advance(50.0)
        await history.append([publication("d", "b", "own")])
        records = await history.append([publication("e", "e")])

        told = await self.reader().describe()

        self.assertEqual((told.events, told.topics), (5, 4))
        self.assertEqual(told.bytes, 5 * (48 + 16 + 1 + 1) + 2 * len("own"))
        self.assertEqual(told.newest, StoredPosition(records[0].id, 150.0))
        assert told.oldest is not None
        self.assertEqual((told.oldest.id[-2:], told.oldest.kept_at), ("-1", 100.0))
        self.assertEqual(told.bounds, {"events": 100_000, "bytes": 1 << 30, "age": 86400.0})

    async def test_empty(self) -> None:
        """
        An empty history has nothing.
        """
        await self.open().tail(1)

        told = await self.reader().describe()

        self.assertEqual(told._replace(bounds=None), Holdings(0, 0, 0))


class ReadTests(ReaderTestCase):
    """
    `SQLiteFileReader.read`.
    """

    async def test_pages(self) -> None:
        """
        Pages of any size have everything as it was appended, private events included.
        """
        history = self.open()
        batch = [
            Publication(("a", "é"), ServerSentEvent("x\ny", event="t", retry=5)),
            Publication(("a",), ServerSentEvent("", id="own"), private=True),
            Publication(("b",), ServerSentEvent(None, comment="c")),
            Publication(("b",), ServerSentEvent("again", id="own")),
        ]
        records = list(await history.append(batch))
        reader = self.reader()

        self.assertTrue(verifyObject(IHistoryReader, reader))
        for limit in range(1, 6):
            with self.subTest(limit=limit):
                pages = await self.read_all(reader, limit)
                self.assertEqual([one.record for page in pages for one in page.records], records)
                self.assertFalse(any(page.lost or page.unreadable for page in pages))

    async def test_nothing_changes(self) -> None:
        """
        Reading deletes nothing, however old, and begins no epoch; afterwards the hub goes on.
        """
        history = self.open(age=1e9)
        records = await self.fill(history, "a")
        self.clock.advance(1e6)
        epochs = query(self.path, "SELECT * FROM epochs")

        (page,) = await self.read_all(self.reader(), 9)
        more = await self.fill(history, "b")

        self.assertEqual([one.record for one in page.records], records)
        self.assertEqual(query(self.path, "SELECT * FROM epochs"), epochs)
        self.assertEqual(await history.since(records[0].id, ALL, 9), more)

    async def test_newer(self) -> None:
        """
        What is appended after the first page is not read.
        """
        history = self.open()
        await self.fill(history, *"abc")
        reader = self.reader()
        first = await reader.read(None, 2)
        await self.fill(history, *"def")

        second = await reader.read(first.following, 9)

        self.assertEqual(data_of([one.record for one in second.records]), ["c"])
        self.assertIsNone(second.following)

    async def test_forgotten(self) -> None:
        """
        What was deleted between two pages is told, and the rest is read.
        """
        await self.fill(self.open(), *"abcdef")
        reader = self.reader()
        first = await reader.read(None, 2)
        query(self.path, "DELETE FROM events WHERE number < 5")

        second = await reader.read(first.following, 9)

        self.assertEqual((first.lost, second.lost), (False, True))
        self.assertEqual(data_of([one.record for one in second.records]), ["e", "f"])

    async def test_damaged(self) -> None:
        """
        A row that another program has damaged is counted, and the others are read.
        """
        await self.fill(self.open(), *"abc")
        query(self.path, "UPDATE events SET topics = 'x' WHERE number = 2")

        (page,) = await self.read_all(self.reader(), 9)

        self.assertEqual(data_of([one.record for one in page.records]), ["a", "c"])
        self.assertEqual(page.unreadable, 1)

    async def test_large(self) -> None:
        """
        A page has about a mebibyte, or one publication.
        """
        await self.fill(self.open(), *["x" * 600_000] * 3, "y" * 2_000_000)

        pages = await self.read_all(self.reader(), 9)

        self.assertEqual([len(page.records) for page in pages], [1, 1, 1, 1])

    async def test_hub_stops(self) -> None:
        """
        The hub may stop and start again while the file is read.
        """
        history = self.open()
        records = await self.fill(history, *"ab")
        reader = self.reader()
        first = await reader.read(None, 1)
        await history.stopService()
        history.startService()
        await self.fill(history, "c")

        second = await reader.read(first.following, 9)

        self.assertEqual([one.record for one in second.records], records[1:])


class ArgumentTests(ReaderTestCase):
    """
    What is not the file of a history.
    """

    def refused(self) -> str:
        """
        Return why the file is refused.
        """
        with self.assertRaises(ValueError) as caught:
            SQLiteFileReader(self.path)
        return str(caught.exception)

    def test_missing(self) -> None:
        """
        A file that does not exist is not created.
        """
        self.assertIn("there is no file", self.refused())
        self.assertFalse(self.path.exists())

    def test_others(self) -> None:
        """
        A directory, an empty file, a text and another program's database are refused.
        """
        self.path.mkdir()
        self.assertIn("is a directory", self.refused())
        self.path.rmdir()
        self.path.touch()
        self.assertIn("is empty", self.refused())
        self.path.write_text("Dear diary, " * 1000)
        self.assertIn("is not a database", self.refused())
        self.path.unlink()
        query(self.path, "CREATE TABLE t (x)")
        self.assertIn("another program's database", self.refused())

    async def test_not_running(self) -> None:
        """
        A reader that was not started says so.
        """
        await self.open().tail(1)

        with self.assertRaisesRegex(HistoryUnavailable, "not running"):
            SQLiteFileReader(self.path).describe()

    async def test_damaged_file(self) -> None:
        """
        A damaged file is unavailable, in a sentence.
        """
        history = self.open()
        await self.fill(history, *["x" * 5000] * 50)
        await history.stopService()
        with self.path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 100_000)

        with self.assertRaisesRegex(HistoryUnavailable, "is damaged: restore a backup"):
            await self.read_all(self.reader(), 9)


class BackupTests(ReaderTestCase):
    """
    `SQLiteFileReader.back_up`, and what resumes after the backup is restored.
    """

    def setUp(self) -> None:
        """
        Choose a name for the backup.
        """
        super().setUp()
        self.backup = self.path.with_name("backup.db")

    def files(self) -> list[str]:
        """
        Return the names of the backup and of what is left of others.
        """
        return [one for one in os.listdir(self.path.parent) if "backup" in one]

    async def back_up(self) -> None:
        """
        Make the backup.
        """
        reader = self.reader()
        await reader.back_up(str(self.backup))
        await reader.stopService()

    def restore(self) -> None:
        """
        Put the backup into the place of the file, as docs/how-to/sqlite.md says.
        """
        for suffix in ("-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)
        self.path.write_bytes(self.backup.read_bytes())

    async def test_restored(self) -> None:
        """
        After a restore, IDs in the backup resume exactly, and those that were lost with the
        newer part never do, also when their numbers are used again.
        """
        history = self.open()
        before = await self.fill(history, *"abc")
        await self.back_up()
        lost = [
            *await self.fill(history, *"de"),
            *await history.append([publication("f", "a", "own")]),
        ]
        await history.stopService()
        self.restore()
        history = self.open()
        after = await self.fill(history, *"uvwx")

        self.assertEqual([one.number for one in after[:3]], [one.number for one in lost])
        for at, one in enumerate(before):
            self.assertEqual(await history.since(one.id, ALL, 9), [*before[at + 1 :], *after])
        for one in lost:
            with self.assertRaises(UnknownEventID):
                await history.since(one.id, ALL, 9)

    async def test_restored_twice(self) -> None:
        """
        Two histories that continue the same backup do not know each other's IDs.
        """
        await self.fill(self.open(), "a")
        await self.back_up()
        other = self.path.with_name("other.db")
        other.write_bytes(self.backup.read_bytes())
        first, second = self.open(self.backup), self.open(other)
        (record,) = await self.fill(first, "b")
        await self.fill(second, "b")

        with self.assertRaises(UnknownEventID):
            await second.since(record.id, ALL, 9)

    async def test_left_log(self) -> None:
        """
        A write-ahead log that a killed hub has left is not mixed into a backup.
        """
        history = self.open()
        await self.fill(history, "a")
        await self.back_up()
        await self.fill(history, *"bcd")
        log = Path(f"{self.path}-wal").read_bytes()
        self.assertTrue(log)
        restored = self.path.with_name("restored.db")
        restored.write_bytes(self.backup.read_bytes())
        restored.with_name("restored.db-wal").write_bytes(log)

        for check in (SQLiteHistory.check, SQLiteFileReader):
            with self.assertRaisesRegex(ValueError, "restored.db-wal' is of the file before"):
                check(restored)
        with self.assertRaisesRegex(HistoryUnavailable, "remove '.*-wal' and '.*-shm'"):
            await self.open(restored).tail(1)

        restored.with_name("restored.db-wal").unlink()
        tail = await self.open(restored).tail(9)
        self.assertEqual(data_of(tail.kept), ["a"])

    async def test_crash(self) -> None:
        """
        The log of a hub that was killed belongs to its file, and nothing is lost.
        """
        await self.fill(self.open(), *"ab")
        copy = self.path.with_name("copy.db")
        copy.write_bytes(self.path.read_bytes())
        copy.with_name("copy.db-wal").write_bytes(Path(f"{self.path}-wal").read_bytes())

        self.assertEqual(data_of((await self.open(copy).tail(9)).kept), ["a", "b"])

    async def test_refused(self) -> None:
        """
        A backup neither replaces a file nor leaves a part of one.
        """
        await self.fill(self.open(), "a")
        reader = self.reader()
        self.backup.write_text("precious")

        with self.assertRaisesRegex(ValueError, "exists already: choose another name"):
            await reader.back_up(str(self.backup))
        with self.assertRaisesRegex(ValueError, "cannot be written: Not a directory"):
            await reader.back_up(str(self.backup / "none" / "x.db"))

        self.assertEqual(self.backup.read_text(), "precious")
        self.assertEqual(self.files(), ["backup.db"])

    async def test_mode(self) -> None:
        """
        A backup is one file, which only its owner may read.
        """
        await self.fill(self.open(), "a")
        await self.back_up()

        self.assertEqual(self.backup.stat().st_mode & 0o777, 0o600)
        self.assertEqual(self.files(), ["backup.db"])

    async def test_cancelled(self) -> None:
        """
        A backup that is cancelled leaves nothing.
        """
        await self.fill(self.open(), *["x" * 500_000] * 20)
        reader = self.reader()

        copying = Deferred.fromCoroutine(reader.back_up(str(self.backup)))
        copying.cancel()
        await self.assertFailure(copying, CancelledError)
        await reader.stopService()

        self.assertEqual(self.files(), [])
