"""
What a history in a file says while nothing can be kept, and of a file that is gone.
"""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.task import deferLater
from twisted.logger import LogLevel, capturedLogs, formatEvent

from tests.support.sqlite_histories import SQLiteTestCase, data_of, publication
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.sqlite import SQLiteHistory

reactor: Any = _reactor

__all__ = ["AvailabilityTests", "FullDiskTests", "LogTests", "RemovedTests"]

# Asks whether it is available while its files may not grow, and afterwards.
_FULL = """
import json, resource, sys
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet import reactor as _reactor
from twisted.internet.task import deferLater
from twisted.logger import globalLogBeginner, formatEvent
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.sqlite import SQLiteHistory
from twisted_sse.events.publication import Publication

lines = []

def observe(event):
    if event["log_namespace"].startswith("twisted_sse"):
        lines.append(formatEvent(event))

globalLogBeginner.beginLoggingTo([observe], redirectStandardIO=False)

async def available(history):
    try:
        await history.check_available()
    except HistoryUnavailable:
        return False
    return True

async def fill():
    history = SQLiteHistory(sys.argv[1])
    history.startService()
    large, small = Publication.of("a", "x" * 50_000), Publication.of("a", "x")
    await history.append([small])
    answers = [await available(history)]
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    refused = 0
    while refused < 5:
        try:
            await history.append([large])
        except HistoryUnavailable:
            refused += 1
            answers.append(await available(history))
    await deferLater(reactor, 1.5, lambda: None)
    answers.append(await available(history))
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await deferLater(reactor, 3.5, lambda: None)
    answers.append(await available(history))
    await history.append([large])
    await history.stopService()
    return answers

def end(answers):
    print(json.dumps([answers, lines], default=str))
    reactor.stop()

Deferred.fromCoroutine(fill()).addBoth(end)
reactor.run()
"""


class FullDiskTests(SQLiteTestCase):
    """
    A disk without room.
    """

    async def test_full(self) -> None:
        """
        It is not available from the first refusal on, until there is room for what was
        refused, and nobody has to publish for that; the log has two lines.
        """
        done = subprocess.run(
            [sys.executable, "-c", _FULL, str(self.path)],
            check=True,
            capture_output=True,
            text=True,
        )
        answers, lines = json.loads(done.stdout)

        self.assertEqual(answers, [True, *[False] * 6, True])
        begun, ended = lines
        self.assertIn("History is not available: ", begun)
        self.assertIn("History is available again after ", ended)


class AvailabilityTests(SQLiteTestCase):
    """
    Asking whether a history is available.
    """

    async def refused(self, history: SQLiteHistory) -> str:
        """
        Why *history* is not available.
        """
        with self.assertRaises(HistoryUnavailable) as caught:
            await history.check_available()
        return str(caught.exception)

    async def test_written(self) -> None:
        """
        The file is written to, although nothing is published, but not for every question.
        """
        history = self.open()
        await history.append([publication("a")])
        self.clock.advance(2)
        with closing(sqlite3.connect(self.path)) as other:
            other.execute("BEGIN EXCLUSIVE")
            reason = await self.refused(history)
        self.assertIn("locked by another program", reason)
        self.assertIn("locked by another program", await self.refused(history))
        self.clock.advance(1)
        await history.append([publication("b")])
        await history.check_available()

    async def test_stopped(self) -> None:
        """
        A history that does not run is not available.
        """
        history = SQLiteHistory(self.path, clock=self.clock)

        self.assertIn("not running", await self.refused(history))


class RemovedTests(SQLiteTestCase):
    """
    A file that is removed, or replaced, while a hub uses it.
    """

    async def turns(self, history: SQLiteHistory) -> None:
        """
        Let a second pass, and the threads do what is due.
        """
        for seconds in (0, 1, 0):
            self.clock.advance(seconds)
            for _ in range(10):
                # Nobody has read before, so the file cannot be opened for that now.
                with contextlib.suppress(HistoryUnavailable):
                    await history.tail(1)
                # Writing takes longer, in another thread.
                await deferLater(reactor, 0.001)

    async def test_removed(self) -> None:
        """
        It is noticed within a second, and said once; nothing more is acknowledged that would
        be lost; when the file is put back, everything is as before.
        """
        for replace in (False, True):
            with self.subTest(replace=replace), capturedLogs() as logged:
                path = self.path.with_name(f"{replace}.db")
                away = path.with_name(f"{replace}.away")
                history = self.open(path)
                await history.append([publication("a")])
                path.rename(away)
                if replace:
                    path.write_bytes(away.read_bytes())
                await self.turns(history)
                for _ in range(3):
                    with self.assertRaisesRegex(HistoryUnavailable, "put it back, or restart"):
                        await history.append([publication("lost")])
                    with self.assertRaisesRegex(HistoryUnavailable, "put it back, or restart"):
                        await history.check_available()
                    await self.turns(history)
                os.replace(away, path)
                await self.turns(history)
                await self.turns(history)
                await history.check_available()
                await history.append([publication("b")])
                self.clock.advance(1)
                found = data_of((await history.tail(10)).kept)
                await history.stopService()

            self.assertEqual(found, ["a", "b"])
            levels = [one["log_level"] for one in logged]
            self.assertEqual(levels, [LogLevel.warn, LogLevel.info])


class LogTests(SQLiteTestCase):
    """
    The write-ahead log.
    """

    async def test_reader(self) -> None:
        """
        A reader that is forgotten lets the log grow, which is said once; and once more when
        it is over.
        """
        with capturedLogs() as logged:
            history = self.open(sync="normal")
            await history.append([publication("a")])
            with closing(sqlite3.connect(self.path, isolation_level=None)) as other:
                other.execute("BEGIN")
                other.execute("SELECT * FROM events").fetchall()
                for _ in range(24):
                    await history.append([publication("x" * 1_000_000)])
                await self.passes(history)
                await self.passes(history)
            await self.passes(history)
            await self.passes(history)

        lines = [formatEvent(one) or "" for one in logged]
        self.assertEqual(len(lines), 2, lines)
        self.assertIn("write-ahead log", lines[0])
        self.assertIn("end that program or its transaction", lines[0])
        self.assertIn("emptied again", lines[1])

    async def passes(self, history: SQLiteHistory) -> None:
        """
        Let a second pass, and the threads do what is due.
        """
        self.clock.advance(1)
        for _ in range(5):
            await history.append([publication("y")])
            await deferLater(reactor, 0)
