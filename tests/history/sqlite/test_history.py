"""
History in a file: the contract, the service, and IDs over all openings.
"""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import gatherResults
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase, TestCase
from zope.interface.verify import verifyObject

from tests.support.sqlite_histories import ALL, MANY, SQLiteTestCase, data_of, publication, query
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Record
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing import HistoryProviderContract

__all__ = ["ArgumentTests", "ContractTests", "EpochTests", "KillTests", "ServiceTests"]

# Appends for ever, and says which of its publications was kept, once it was.
_PUBLISHER = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.events.publication import Publication

async def publish():
    history = SQLiteHistory(sys.argv[1], sync=sys.argv[2])
    history.startService()
    number = 0
    while True:
        batch = [Publication.of("a", str(number + one)) for one in range(3)]
        number += 3
        for kept in await history.append(batch):
            sys.stdout.write(kept.publication.event.data + " " + kept.id + "\\n")
        sys.stdout.flush()

Deferred.fromCoroutine(publish())
reactor.run()
"""


class ContractTests(HistoryProviderContract, TestCase):
    """
    The contract of every provider.
    """

    durable = True

    def setUp(self) -> None:
        """
        A clock, and no file yet.
        """
        super().setUp()
        self.clock = Clock()
        self.paths: dict[SQLiteHistory, str] = {}

    def make_history(self, **bounds: Any) -> SQLiteHistory:
        """
        Make a history in a new file.
        """
        return self.at(self.mktemp(), **bounds)

    def reopen(self, history: SQLiteHistory) -> SQLiteHistory:
        """
        Make a history in the same file.
        """
        return self.at(self.paths[history])

    def pass_time(self, seconds: float) -> None:
        """
        Advance the clock.
        """
        self.clock.advance(seconds)

    def at(self, path: str, **bounds: Any) -> SQLiteHistory:
        """
        Make a history in the file *path*.
        """
        history = SQLiteHistory(path, clock=self.clock, **bounds)
        self.paths[history] = path
        return history


class ArgumentTests(SynchronousTestCase):
    """
    The constructor.
    """

    def test_interfaces(self) -> None:
        """
        It is a history provider and a service.
        """
        history = SQLiteHistory("x", clock=Clock())

        self.assertTrue(verifyObject(IHistoryProvider, history))
        self.assertTrue(verifyObject(IService, history))

    def test_nonsense(self) -> None:
        """
        Bounds must be greater than 0, and `sync` is one of two values.
        """
        cases: list[dict[str, Any]] = [{"events": 0}, {"bytes": -1}, {"age": 0.0}, {"sync": "off"}]
        for options in cases:
            with self.subTest(options=options), self.assertRaises(ValueError) as caught:
                SQLiteHistory("x", **options)
            self.assertIn(next(iter(options)), str(caught.exception))

    def test_no_file(self) -> None:
        """
        Names that mean a database in memory, or no file, are refused.
        """
        for path in (":memory:", "", "a\0b"):
            with self.subTest(path=path):
                self.assertRaises(ValueError, SQLiteHistory, path)
                self.assertRaises(ValueError, SQLiteHistory.check, path)

    def test_repr(self) -> None:
        """
        It shows the absolute path.
        """
        self.assertEqual(repr(SQLiteHistory("x")), f"<SQLiteHistory {str(Path.cwd() / 'x')!r}>")


class ServiceTests(SQLiteTestCase):
    """
    The service.
    """

    async def test_not_running(self) -> None:
        """
        Before its start and after its stop, calls fail and say to start it.
        """
        history = SQLiteHistory(self.path, clock=self.clock)
        for _ in range(2):
            for ask in (
                lambda: history.append([publication("x")]),
                lambda: history.since(None, ALL, 1),
                lambda: history.tail(1),
            ):
                with self.assertRaisesRegex(HistoryUnavailable, r"hub\.service\(\)"):
                    await ask()
            history.startService()
            await history.stopService()
        self.assertEqual(query(self.path, "SELECT * FROM events"), [])

    async def test_asked_at_once(self) -> None:
        """
        Calls wait while the file is being opened.
        """
        history = self.open()
        tail, append = history.tail(1), history.append([publication("x")])
        since = history.since(None, ALL, 1)
        end, records, found = await tail, await append, await since

        self.assertIn(end.newest.number, (0, 1))
        self.assertEqual(data_of(records), ["x"])
        self.assertIn(found, ([], records))

    async def test_stop(self) -> None:
        """
        A stop finishes all calls, and leaves no thread and no write-ahead log.
        """
        before = set(threading.enumerate())
        history = self.open()
        waiting = [history.append([publication(str(number))]) for number in range(20)]
        waiting.append(history.since(None, ALL, MANY))
        self.assertEqual(len(set(threading.enumerate()) - before), 2)
        await history.stopService()

        self.assertTrue(all(one.called for one in waiting))
        self.assertEqual(set(threading.enumerate()) - before, set())
        beside = {path.name for path in self.path.parent.iterdir()}
        self.assertEqual(beside, {self.path.name, f"{self.path.name}-lock"})
        await gatherResults(waiting)

    async def test_restart(self) -> None:
        """
        It can be started again, also before it has stopped, and goes on.
        """
        history = self.open()
        records = await self.fill(history, "a", "b")
        stopped = history.stopService()
        history.startService()
        records += await self.fill(history, "c")
        await stopped

        self.assertEqual(await history.since(None, ALL, MANY), records)
        self.assertEqual([one.number for one in records], [1, 2, 3])

    async def test_twice(self) -> None:
        """
        A second start and a second stop do nothing.
        """
        history = self.open()
        records = await self.fill(history, "a")
        history.startService()
        self.assertEqual(await history.since(None, ALL, MANY), records)

        await history.stopService()
        await history.stopService()

    async def test_cancelled(self) -> None:
        """
        A cancelled append does not affect the next.
        """
        history = self.open()
        answer = history.append([publication("a")])
        answer.addErrback(lambda _: None)
        answer.cancel()

        self.assertEqual(data_of(await history.append([publication("b")])), ["b"])

    async def test_wrong_text(self) -> None:
        """
        Text that a database cannot store fails its whole batch, and nothing else.
        """
        history = self.open()
        wrong = publication("x", "\ud800")
        with self.assertRaises(UnicodeEncodeError):
            await history.append([publication("y"), wrong])
        records = await self.fill(history, "z")

        self.assertEqual(await history.since(None, ALL, MANY), records)
        self.assertEqual(records[0].number, 1)


class EpochTests(SQLiteTestCase):
    """
    IDs over all openings of a file.
    """

    async def live(self, *data: str, path: Path | None = None, **options: Any) -> list[Record]:
        """
        Open the file, append *data*, and close it.
        """
        history = self.open(path, **options)
        records = await self.fill(history, *data)
        await history.tail(1)
        await history.stopService()
        return records

    async def test_every_opening(self) -> None:
        """
        Every opening has its own epoch; numbers go on; IDs of all lives are known.
        """
        lives = [await self.live(*data) for data in ("ab", "", "cd", "e")]
        records = [one for life in lives for one in life]
        history = self.open()

        self.assertEqual([one.number for one in records], [1, 2, 3, 4, 5])
        self.assertEqual(len({one.id.partition("-")[0] for one in records}), 3)
        for index, one in enumerate(records):
            self.assertEqual(await history.since(one.id, ALL, MANY), records[index + 1 :])

    async def test_range(self) -> None:
        """
        An epoch has the positions that were in it, the one before its first included.
        """
        (first, *_), (second, *_) = await self.live("a", "b"), await self.live("c")
        one, two = (record.id.partition("-")[0] for record in (first, second))
        history = self.open()

        for event_id in (f"{one}-0", f"{one}-2", f"{two}-2", f"{two}-3"):
            await history.since(event_id, ALL, MANY)
        for event_id in (f"{one}-3", f"{two}-1", f"{two}-4", f"{one}-02", f"{one}-\u0662"):
            with self.assertRaises(UnknownEventID):
                await history.since(event_id, ALL, MANY)

    async def test_backup(self) -> None:
        """
        After a backup was restored, later IDs are unknown, even when as many others
        were assigned since.
        """
        await self.live("a", "b")
        backup = self.path.with_name("backup")
        shutil.copy(self.path, backup)
        lost = await self.live("c", "d")
        shutil.copy(backup, self.path)
        other = await self.live("e", "f", "g")
        history = self.open()

        self.assertEqual([one.number for one in lost], [one.number for one in other[:2]])
        for one in lost:
            with self.assertRaises(UnknownEventID):
                await history.since(one.id, ALL, MANY)
        self.assertEqual(await history.since(other[0].id, ALL, MANY), other[1:])

    async def test_all_forgotten(self) -> None:
        """
        When everything was forgotten, numbers continue over a restart, and the position
        at the end stays known.
        """
        (record,) = await self.live("a")
        self.clock.advance(86400)
        history = self.open()
        end = (await history.tail(1)).newest
        self.clock.advance(1)
        self.assertEqual(data_of(await history.since(None, ALL, MANY)), [])
        await history.stopService()
        self.assertEqual(query(self.path, "SELECT count(*) FROM events"), [(0,)])
        again = self.open()
        (newer,) = await self.fill(again, "b")

        self.assertEqual(newer.number, record.number + 1)
        for event_id in (record.id, end.id):
            self.assertEqual(await again.since(event_id, ALL, MANY), [newer])

    async def test_trimmed(self) -> None:
        """
        Epochs are forgotten with their last publication, and most empty ones, too.
        """
        await self.live("a", "b")
        for _ in range(103):
            await self.live()
        history = self.open(events=1)
        await self.fill(history, "c", "d")
        self.clock.advance(1)
        await history.stopService()
        await self.live()

        self.assertLess(query(self.path, "SELECT count(*) FROM epochs")[0][0], 4)


class KillTests(SQLiteTestCase):
    """
    A process that is killed while it writes.
    """

    async def test_kill(self) -> None:
        """
        Acknowledged events survive SIGKILL, in order and with their IDs.
        """
        for sync in ("full", "normal"):
            path = self.path.with_name(sync)
            acknowledged = self.publish_and_kill(path, sync)
            SQLiteHistory.check(path)
            found = await self.open(path).since(None, ALL, MANY)
            known = [(one.publication.event.data, one.id) for one in found]

            self.assertEqual(known[: len(acknowledged)], acknowledged)
            self.assertGreaterEqual(len(acknowledged), 30)
            # At most one more batch was kept without an acknowledgement, and completely.
            self.assertIn(len(known) - len(acknowledged), range(4))
            self.assertEqual(len(known) % 3, 0)

    def publish_and_kill(self, path: Path, sync: str) -> list[tuple[str | None, str]]:
        """
        Let another process publish, kill it, and return what was acknowledged to it.
        """
        command = [sys.executable, "-c", _PUBLISHER, str(path), sync]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(30)]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        whole = [line.split() for line in lines if line.endswith("\n")]
        return [(data, event_id) for data, event_id in whole]
