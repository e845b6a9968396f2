"""
The writer and the reader of a history's file, without their threads.
"""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.sqlite_histories import ALL, MANY, data_of, publication, query
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.sqlite.reader import Reader
from twisted_sse.history.sqlite.store import Store
from twisted_sse.history.sqlite.trim import Bounds
from twisted_sse.topics import Selection, URLPattern

__all__ = [
    "BoundTests",
    "GivenTests",
    "ReopeningTests",
    "SelectionTests",
    "StoreTestCase",
    "TextTests",
]

ROOMY = Bounds(MANY, 1 << 40, 1e9)


class StoreTestCase(SynchronousTestCase):
    """
    Attributes:
        path: Where the files are.

        now: The time, in seconds.
    """

    def setUp(self) -> None:
        """
        Choose a path.
        """
        self.path = Path(self.mktemp()).resolve()
        self.now = 1000.0

    def open(self, bounds: Bounds = ROOMY) -> tuple[Store, Reader]:
        """
        Open the file for writing and for reading.
        """
        store = Store(str(self.path), "normal", bounds)
        reader = Reader(str(self.path), store, bounds)
        self.addCleanup(store.close)
        self.addCleanup(reader.close)
        store.open(self.now)
        return store, reader

    def fill(self, store: Store, *data: str) -> list[Record]:
        """
        Append each of *data* by itself.
        """
        return [store.append([publication(one)], self.now)[0] for one in data]

    def found(self, reader: Reader, event_id: str | None = None) -> list[str | None]:
        """
        Return the data of everything that follows.
        """
        return data_of(reader.since(event_id, ALL, MANY, self.now))

    def count(self, table: str) -> int:
        """
        Count the rows of a table.
        """
        ((number,),) = query(self.path, f"SELECT count(*) FROM {table}")
        return int(number)


class BoundTests(StoreTestCase):
    """
    The bounds.
    """

    def test_not_seen(self) -> None:
        """
        Events that exceed a bound are not found, even before they are deleted.
        """
        store, reader = self.open(Bounds(3, 1 << 40, 60))
        records = self.fill(store, *"abcde")

        self.assertEqual(self.found(reader), ["c", "d", "e"])
        self.assertEqual(self.found(reader, records[1].id), ["c", "d", "e"])
        self.assertRaises(UnknownEventID, self.found, reader, records[0].id)
        self.now += 60
        self.assertEqual(self.found(reader), [])

    def test_bytes(self) -> None:
        """
        The bound counts all bytes that are stored.
        """
        store, reader = self.open(Bounds(MANY, 100_000, 60))
        self.fill(store, *["x" * 9_800] * 30)
        self.assertEqual(len(self.found(reader)), 10)

        self.fill(store, "y" * 200_000)
        self.assertEqual(self.found(reader), [])
        self.fill(store, "z")
        self.assertEqual(self.found(reader), ["z"])

    def test_deleted(self) -> None:
        """
        While something is published the file stays near its bound: rows, topics
        and the index.
        """
        store, _ = self.open(Bounds(10, 1 << 40, 60))
        for number in range(300):
            store.append([publication("x", f"topic {number}")], self.now)

        for table in ("events", "topics", "filed"):
            self.assertLess(self.count(table), 80)
        self.assertGreaterEqual(self.count("events"), 10)

    def test_steps(self) -> None:
        """
        A large excess is deleted in steps, with batches and between them.
        """
        store, reader = self.open()
        store.append([publication(str(number)) for number in range(3000)], self.now)
        reader.close()
        store.close()
        store, reader = self.open(Bounds(10, 1 << 40, 60))
        self.assertEqual(len(self.found(reader)), 10)

        for _ in range(2):
            store.append([publication("x")] * 64, self.now)
        self.assertEqual(self.count("events"), 3000 + 2 * 64 - 128)
        counts = []
        for _ in range(4):
            store.trim(self.now)
            counts.append(self.count("events"))
        self.assertEqual(counts, [1976, 952, 10, 10])
        self.assertEqual(self.count("filed"), 10)

    def test_topics_again(self) -> None:
        """
        A topic that was deleted is found again after a new publication.
        """
        store, reader = self.open(Bounds(1, 1 << 40, 60))
        for number in range(200):
            store.append([publication(str(number), f"topic {number % 2}")], self.now)
            store.trim(self.now)

        found = reader.since(None, Selection.of(["topic 1"]), MANY, self.now)
        self.assertEqual(data_of(found), ["199"])
        self.assertEqual(self.count("topics"), 1)

    def test_clock_back(self) -> None:
        """
        When the clock is set back, events and their order are kept.
        """
        store, reader = self.open(Bounds(MANY, 1 << 40, 60))
        self.fill(store, "a")
        self.now -= 500
        self.fill(store, "b")

        self.assertEqual(self.found(reader), ["a", "b"])


class GivenTests(StoreTestCase):
    """
    Publishers' IDs.
    """

    def test_oldest(self) -> None:
        """
        The oldest event with an ID counts, even after a restart; when it is forgotten,
        no later one replaces it until all are forgotten.
        """
        bounds = Bounds(3, 1 << 40, 60)
        store, reader = self.open(bounds)
        store.append([publication("a", event_id="mine"), publication("b")], self.now)
        reader.close()
        store.close()
        store, reader = self.open(bounds)
        store.append([publication("c", event_id="mine")], self.now)
        self.assertEqual(self.found(reader, "mine"), ["b", "c"])

        self.fill(store, "d", "e")
        self.assertRaises(UnknownEventID, self.found, reader, "mine")
        self.fill(store, "f")
        store.append([publication("g", event_id="mine"), publication("h")], self.now)
        self.assertEqual(self.found(reader, "mine"), ["h"])

    def test_like_ours(self) -> None:
        """
        A publisher may use an ID that looks like an assigned one.
        """
        store, reader = self.open()
        store.append([publication("a", event_id="deadbeef-7"), publication("b")], self.now)

        self.assertEqual(self.found(reader, "deadbeef-7"), ["b"])

    def test_hostile(self) -> None:
        """
        Any text from a client is either a known ID or an unknown one.
        """
        store, reader = self.open()
        self.fill(store, "a")
        for event_id in ("", "-", "\ud800", "a\0b", "' OR 1=1 --", "%", "x" * 100_000, "1" * 5000):
            with self.subTest(event_id=event_id[:20]):
                self.assertRaises(UnknownEventID, self.found, reader, event_id)


class SelectionTests(StoreTestCase):
    """
    Selections of topics.
    """

    def test_several(self) -> None:
        """
        A publication with several of the topics is returned once, in order.
        """
        store, reader = self.open()
        lists = [("b",), ("a", "b"), ("c",), ("b", "a", "c"), ("a",)]
        batch = [Publication(one, ServerSentEvent(str(n))) for n, one in enumerate(lists)]
        records = store.append(batch, self.now)

        for names, limit, expected in (
            ("ab", MANY, [0, 1, 3, 4]),
            ("ab", 2, [0, 1]),
            ("abc", MANY, [0, 1, 2, 3, 4]),
            ("cz", MANY, [2, 3]),
            ("z", MANY, []),
        ):
            with self.subTest(names=names, limit=limit):
                found = reader.since(None, Selection.of(list(names)), limit, self.now)
                self.assertEqual(found, [records[number] for number in expected])

    def test_patterns(self) -> None:
        """
        Patterns find the same by the index as by a scan, however many topics they
        match.
        """
        store, reader = self.open()
        topics = [f"/t/{number % 700}" for number in range(2100)]
        records = store.append([publication("x", topic) for topic in topics], self.now)
        selections = [
            Selection.of(["/t/{id}"]),
            Selection.of(["/t/1{id}"]),
            Selection.of(["/t/12{id}", "/t/5"]),
            Selection.of([URLPattern("/t/3:rest")]),
            Selection.of(["/u/{id}"]),
        ]
        for selection in selections:
            for start in (0, 1500):
                with self.subTest(selection=selection, start=start):
                    expected = [
                        one
                        for one in records[start + 1 :]
                        if selection.matches(one.publication.topics)
                    ]
                    found = reader.since(records[start].id, selection, MANY, self.now)
                    self.assertEqual(found, expected)
                    some = reader.since(records[start].id, selection, 10, self.now)
                    self.assertEqual(some, expected[:10])

    def test_index_used(self) -> None:
        """
        No query scans a table.
        """
        self.open()
        for statement in (
            "SELECT number FROM filed WHERE topic = (SELECT id FROM topics WHERE name = 'a')"
            " AND number > 7 ORDER BY number",
            "SELECT * FROM events WHERE number > 7 ORDER BY number",
            "SELECT number, first FROM events WHERE given = 'a' ORDER BY number LIMIT 1",
        ):
            plan = " ".join(row[3] for row in query(self.path, f"EXPLAIN QUERY PLAN {statement}"))
            with self.subTest(statement=statement):
                self.assertIn("SEARCH", plan)
                self.assertNotIn("SCAN", plan)
                self.assertNotIn("B-TREE", plan)


class TextTests(StoreTestCase):
    """
    Texts, written and read.
    """

    def test_texts(self) -> None:
        """
        Any text is read as it was written, and so is a missing one.
        """
        store, reader = self.open()
        events = [
            ServerSentEvent("00123"),
            ServerSentEvent(""),
            ServerSentEvent("a\0b\x01\x7f\x85\u2028\ufeff\U0001f600\\\"/\t'\n"),
            ServerSentEvent('{"a": [1, null]}'),
            ServerSentEvent(None, comment=""),
            ServerSentEvent(None, event="t", id="é", retry=0, comment="a\nb"),
            ServerSentEvent("x" * 1_000_000),
        ]
        lists = [("a",), ("b", "a"), ('["a"]', 'é\U0001f600"\\')]
        batch = [Publication(one, event, True) for event in events for one in lists]
        records = store.append(batch, self.now)

        self.assertEqual([one.publication for one in records], batch)
        self.assertEqual(reader.since(None, ALL, MANY, self.now), records)
        self.assertEqual(list(reader.tail(MANY, self.now).kept), records)
        for topic in ("b", '["a"]'):
            found = reader.since(None, Selection.of([topic]), MANY, self.now)
            self.assertEqual(found, [one for one in records if topic in one.publication.topics])

    def test_sizes(self) -> None:
        """
        Batches and pages of every size are complete and in order.
        """
        store, reader = self.open()
        records: list[Record] = []
        for size in (1, 2, 3, 5, 63, 64, 65, 85, 255, 256, 257, 600):
            batch = [publication(str(number), "ab"[number % 2]) for number in range(size)]
            records += store.append(batch, self.now)

        for limit in (1, 255, 256, 257, 512, MANY):
            with self.subTest(limit=limit):
                for selection in (ALL, Selection.of(["a", "b"]), Selection.of(["{x}"])):
                    found = reader.since(None, selection, limit, self.now)
                    self.assertEqual(found, records[:limit])
                self.assertEqual(list(reader.tail(limit, self.now).kept), records[-limit:])


class ReopeningTests(StoreTestCase):
    """
    A file that a hub opens again.
    """

    def test_unanswered(self) -> None:
        """
        What a commit has written before it was reported as failed is deleted when the
        file is reopened, because its publisher tries again.
        """
        store, reader = self.open()
        records = self.fill(store, "a", "b")
        query(
            self.path,
            "INSERT INTO events (number, kept_at, size, ends, topics, private, data)"
            " SELECT 3, kept_at, size, ends + size, topics, private, 'c' FROM events"
            " WHERE number = 2",
        )
        store.close()
        store.open(self.now)
        records += self.fill(store, "d")

        self.assertEqual([one.number for one in records], [1, 2, 3])
        self.assertEqual(reader.since(None, ALL, MANY, self.now), records)

    def test_replaced(self) -> None:
        """
        An older file is refused until a restart, so that the order never goes back.
        """
        store, reader = self.open()
        self.fill(store, "a")
        reader.close()
        store.close()
        backup = self.path.with_name("backup")
        shutil.copy(self.path, backup)
        store.open(self.now)
        self.fill(store, "b")
        store.close()
        shutil.copy(backup, self.path)

        with self.assertRaisesRegex(HistoryUnavailable, "restart the hub"):
            store.open(self.now)
        self.assertEqual(self.found(self.open()[1]), ["a"])

    def test_snapshot_released(self) -> None:
        """
        After a read, or an error, the reader holds no snapshot that would keep the
        write-ahead log from being emptied.
        """
        store, reader = self.open()
        self.fill(store, "a", "b")
        reader.since(None, ALL, 1, self.now)
        self.assertRaises(UnknownEventID, self.found, reader, "x")
        with closing(sqlite3.connect(self.path)) as other:
            ((busy, *_),) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

        self.assertEqual(busy, 0)
