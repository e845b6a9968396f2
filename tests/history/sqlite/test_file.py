"""
The file of a history: checks and errors.
"""

import fcntl
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.sqlite_histories import ALL, MANY, SQLiteTestCase, data_of, publication, query
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.history.sqlite.file import VERSION
from twisted_sse.topics import Selection

__all__ = ["CheckTests", "FullTests", "ReadOnlyTests", "TroubleTests"]

# Fills the space that its files may take, and continues when there is more.
_FILLER = """
import resource, sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.events.publication import Publication

async def fill():
    history = SQLiteHistory(sys.argv[1])
    history.startService()
    publication = Publication.of("a", "x" * 1000)
    kept = list(await history.append([publication]))
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        while True:
            kept += await history.append([publication])
    except HistoryUnavailable as error:
        print(sys.argv[1] in str(error))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    while True:
        try:
            kept += await history.append([publication])
            break
        except HistoryUnavailable as error:
            pass
    await history.stopService()
    print(*(one.id for one in kept))

Deferred.fromCoroutine(fill()).addBoth(lambda result: (print(result), reactor.stop()))
reactor.run()
"""

# Tries to keep something as a user without write permission.
_STRANGER = """
import os, sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.events.publication import Publication

if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)

async def write():
    try:
        SQLiteHistory.check(sys.argv[1])
    except ValueError as error:
        print(error)
    history = SQLiteHistory(sys.argv[1])
    history.startService()
    try:
        await history.append([Publication.of("a", "x")])
    except HistoryUnavailable as error:
        print(error)
    await history.stopService()

Deferred.fromCoroutine(write()).addBoth(lambda _: reactor.stop())
reactor.run()
"""


def run(program: str, path: Path) -> list[str]:
    """
    Run *program* with *path*, and return the lines that it prints.
    """
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def errors(logged: Sequence[LogEvent]) -> list[str | None]:
    """
    Return the logged warnings and errors.
    """
    levels = (LogLevel.warn, LogLevel.error, LogLevel.critical)
    return [formatEvent(event) for event in logged if event["log_level"] in levels]


class CheckTests(SynchronousTestCase):
    """
    The check of a file before it is used.
    """

    def setUp(self) -> None:
        """
        An empty directory.
        """
        self.home = Path(self.mktemp())
        self.home.mkdir()
        self.path = self.home / "events"

    def refused(self) -> str:
        """
        Return why the file cannot be a history; the check has created nothing.
        """
        before = sorted(self.home.rglob("*"))
        with self.assertRaises(ValueError) as caught:
            SQLiteHistory.check(self.path)
        self.assertEqual(sorted(self.home.rglob("*")), before)
        self.assertIn(str(self.path.parent.resolve()), str(caught.exception))
        return str(caught.exception)

    def test_new(self) -> None:
        """
        A missing or empty file can become a history, and the check leaves it alone.
        """
        SQLiteHistory.check(self.path)
        self.assertEqual(list(self.home.iterdir()), [])

        self.path.touch()
        SQLiteHistory.check(self.path)
        self.assertEqual(list(self.home.iterdir()), [self.path])

    def test_no_directory(self) -> None:
        """
        The directory must exist.
        """
        self.path = self.home / "missing" / "events"

        self.assertIn("there is no directory", self.refused())

    def test_directory(self) -> None:
        """
        A directory is refused.
        """
        self.path.mkdir()

        self.assertIn("is a directory", self.refused())

    def test_no_database(self) -> None:
        """
        A file that is not a database is not touched.
        """
        self.path.write_text("Dear diary, " * 1000)

        self.assertIn("is not a database", self.refused())

    def test_foreign(self) -> None:
        """
        Another program's database is not touched, whether it has signed it or not.
        """
        query(self.path, "CREATE TABLE t (x)")
        self.assertIn("another program's database", self.refused())

        query(self.path, "PRAGMA application_id = 7")
        self.assertIn("another program's database", self.refused())

    def test_future(self) -> None:
        """
        A history of a later version is not touched.
        """
        query(self.path, "PRAGMA application_id = 0x74535345")
        query(self.path, f"PRAGMA user_version = {VERSION + 1}")

        self.assertIn("later version", self.refused())

    def test_in_use(self) -> None:
        """
        A history that a hub holds is not touched.
        """
        SQLiteHistory.check(self.path)
        query(self.path, "PRAGMA application_id = 0x74535345")
        with self.path.with_name("events-lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.assertIn("in use by another hub", self.refused())

        SQLiteHistory.check(self.path)


class TroubleTests(SQLiteTestCase):
    """
    Files that cannot be used, and files that can be used again.
    """

    async def refused(self, history: SQLiteHistory) -> str:
        """
        Return why nothing can be kept.
        """
        with self.assertRaises(HistoryUnavailable) as caught:
            await history.append([publication("x")])
        return str(caught.exception)

    async def test_opening(self) -> None:
        """
        A file that cannot be opened is logged once, and every call fails with the same
        sentence; it is tried again after a second, and not before.
        """
        self.path.mkdir()
        with capturedLogs() as logged:
            history = self.open()
            reason = await self.refused(history)
            with self.assertRaisesRegex(HistoryUnavailable, "is a directory"):
                await history.since(None, ALL, 1)
            with self.assertRaisesRegex(HistoryUnavailable, "is a directory"):
                await history.tail(1)
            self.path.rmdir()
            self.assertEqual(await self.refused(history), reason)
            self.clock.advance(1)
            records = await self.fill(history, "x")

        self.assertIn(str(self.path.resolve()), reason)
        self.assertEqual(errors(logged), [f"{reason.rstrip('.')}; trying again"])
        self.assertEqual(await history.since(None, ALL, MANY), records)

    async def test_never_touched(self) -> None:
        """
        A file that is not a history is left unchanged.
        """
        self.path.write_text("Dear diary, " * 1000)
        reason = await self.refused(self.open())

        self.assertIn("is not a database", reason)
        self.assertEqual(self.path.read_text(), "Dear diary, " * 1000)

    async def test_two_hubs(self) -> None:
        """
        A second hub on the same file is refused, under any name, until the first has
        stopped.
        """
        first = self.open()
        await self.fill(first, "a")
        link = self.path.with_name("link")
        link.symlink_to(self.path.name)
        second = self.open(link)
        self.assertIn("in use by another hub", await self.refused(second))
        with self.assertRaisesRegex(ValueError, "in use by another hub"):
            SQLiteHistory.check(link)
        await first.stopService()
        self.clock.advance(1)
        await self.fill(second, "b")

        self.assertEqual(data_of(await second.since(None, ALL, MANY)), ["a", "b"])

    async def test_locked(self) -> None:
        """
        While another program locks the file, nothing is kept, but everything is found;
        afterwards it works again.
        """
        history = self.open()
        records = await self.fill(history, "a")
        with capturedLogs() as logged, closing(sqlite3.connect(self.path)) as other:
            other.execute("BEGIN EXCLUSIVE")
            reason = await self.refused(history)
            found = await history.since(None, ALL, MANY)
            other.rollback()
            records += await self.fill(history, "b")

        self.assertIn("locked by another program", reason)
        self.assertEqual(found, records[:1])
        self.assertEqual(errors(logged), [f"{reason.rstrip('.')}; trying again"])
        self.assertEqual(await history.since(None, ALL, MANY), records)

    async def test_written_by_others(self) -> None:
        """
        What another program has written into a row is passed over, with one line, and what
        is around it is kept, found and deleted.
        """
        changes = (
            "event = char(10) || 'data: forged'",
            "topics = 'nonsense'",
            "topics = '[]'",
            "topics = '[5]'",
            "topics = '5'",
            "topics = x'ff'",
            "data = x'ff'",
            "data = CAST(x'ff' AS TEXT)",
            "retry = 'soon'",
            "kept_at = 'once', size = 'much', ends = 'all'",
        )
        for number, change in enumerate(changes):
            with self.subTest(change=change), capturedLogs() as logged:
                path = self.path.with_name(f"{number}.db")
                history = self.open(path, events=100)
                first, _ = await self.fill(history, "first", "damaged")
                query(
                    self.path.with_name(f"{number}.db"),
                    f"UPDATE events SET {change} WHERE number = 2",
                )
                await self.fill(history, "last")
                for selection in (ALL, Selection.of(["a"]), Selection.of(["{any}"])):
                    for after in (None, first.id):
                        found = data_of(await history.since(after, selection, MANY))
                        self.assertEqual(found[-1:], ["last"])
                    one = data_of(await history.since(first.id, selection, 1))
                    self.assertEqual(one, found[:1])
                self.assertEqual(data_of((await history.tail(2)).kept)[-1:], ["last"])
                await history.append([publication(str(one)) for one in range(200)])
                await self.fill(history, "x")
                self.assertEqual(len(await history.since(None, ALL, MANY)), 100)
                await history.stopService()
            readable = "'once'" in change
            self.assertEqual(len(errors(logged)), 0 if readable else 1, errors(logged))

    async def test_damaged(self) -> None:
        """
        A missing table leads to an error without a traceback, and to no wrong result.
        """
        history = self.open()
        await self.fill(history, "a")
        query(self.path, "DROP TABLE filed")
        reason = await self.refused(history)

        self.assertIn(str(self.path.resolve()), reason)
        self.assertEqual(data_of(await history.since(None, ALL, MANY)), ["a"])

    async def test_hostile_program(self) -> None:
        """
        A stop finishes even while the file is locked.
        """
        history = self.open()
        await self.fill(history, "a")
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("BEGIN EXCLUSIVE")
            waiting = history.append([publication("b")])
            self.assertFailure(waiting, HistoryUnavailable)
            await history.stopService()

        self.assertTrue(waiting.called)


class FullTests(SQLiteTestCase):
    """
    A full disk.
    """

    async def test_full(self) -> None:
        """
        When the disk is full, publishers are told, nothing acknowledged is lost, and
        with space again it works again.
        """
        named, ids, failure = run(_FILLER, self.path)
        found = await self.open().since(None, ALL, MANY)

        self.assertEqual((named, failure), ("True", "None"))
        self.assertGreater(len(ids.split()), 20)
        self.assertEqual([one.id for one in found], ids.split())
        self.assertEqual([one.number for one in found], list(range(1, len(found) + 1)))


class ReadOnlyTests(SynchronousTestCase):
    """
    Files and directories that may not be written to.
    """

    def test_refused(self) -> None:
        """
        The error names the path, both at the check and when it is used.
        """
        for modes in ((0o444, 0o777), (0o666, 0o555)):
            with self.subTest(modes=modes):
                home = self.readable_directory()
                path = home / "events"
                path.touch()
                path.chmod(modes[0])
                home.chmod(modes[1])
                early, late = run(_STRANGER, path)

                self.assertIn("may not be written to", early)
                self.assertEqual(late, f"History is not available: {early}.")
                self.assertIn(str(home), early)

    def readable_directory(self) -> Path:
        """
        A directory that another user can reach.
        """
        home = Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, home)
        self.addCleanup(home.chmod, 0o755)
        return home
