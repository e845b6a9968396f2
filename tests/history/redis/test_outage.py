"""
History in Redis while Redis is unavailable, and when it comes back.
"""

from collections.abc import Sequence

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent

from tests.support.ports import free_port
from tests.support.redis_histories import (
    ALL,
    MANY,
    RedisTestCase,
    data_of,
    publication,
)
from tests.support.redis_server import RedisServer
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Record
from twisted_sse.history.redis import RedisHistory

__all__ = ["AwayTests", "CrashTests", "FullTests"]


def told(events: Sequence[LogEvent], level: LogLevel) -> list[str]:
    """
    Return the messages that were logged at *level*.
    """
    return [formatEvent(one) for one in events if one["log_level"] == level]


class CrashTests(RedisTestCase):
    """
    Acknowledgements hold, whatever happens to Redis and the connections.
    """

    appendonly = True

    async def keep_on(self, history: RedisHistory, count: int) -> tuple[list[Record], list[str]]:
        """
        Append one after the other; return the acknowledged records, and the data of
        the others.
        """
        records, refused = [], []
        for number in range(count):
            try:
                records += await history.append([publication(str(number))])
            except HistoryUnavailable:
                refused.append(str(number))
                await self.available(history)
        return records, refused

    async def test_kill(self) -> None:
        """
        When Redis is killed and comes back, nothing acknowledged is lost, and everything
        is delivered once.
        """
        history, other = self.open(), self.open()
        following = await self.follow(other)
        appending = Deferred.fromCoroutine(self.keep_on(history, 400))
        for count in (50, 150):
            await following.has(count)
            self.server.kill()
            self.server.restart()
        records, refused = await appending
        found = await history.since(None, ALL, MANY)
        await following.has(len(found))

        self.assertEqual(following.kept, found)
        self.assertEqual(following.restarts, [])
        self.assertEqual([one for one in found if one in records], records)
        self.assertEqual(len({one.publication.event.data for one in found}), len(found))
        self.assertLessEqual(len(found), len(records) + len(refused))

    async def test_connections_lost(self) -> None:
        """
        When connections are lost again and again, everything is kept once, and delivered once.
        """
        history, other = self.open(), self.open()
        following = await self.follow(other)
        appending = Deferred.fromCoroutine(self.keep_on(history, 600))
        for count in range(50, 301, 50):
            await following.has(count)
            self.server.cli("CLIENT", "KILL", "TYPE", "normal")
        records, refused = await appending
        await self.available(history)
        found = await history.since(None, ALL, MANY)
        await following.has(len(found))

        self.assertEqual(following.kept, found)
        self.assertEqual(found, records)
        self.assertEqual(len(records) + len(refused), 600)

    async def test_store_lost(self) -> None:
        """
        A Redis that comes back empty begins a new order.
        """
        server = RedisServer()
        self.addCleanup(server.end)
        history = self.open(url=server.url)
        following = await self.follow(history)
        await self.fill(history, *"abc")
        await following.has(3)
        server.kill()
        server.restart()
        await following.restarted()
        await self.available(history)
        records = await self.fill(history, "d")
        await following.has(4)

        self.assertEqual(following.restarts[0].kept, [])
        self.assertEqual(following.kept[3:], records)
        self.assertEqual(records[0].number, 1)


class AwayTests(RedisTestCase):
    """
    Errors and log messages while Redis does not answer.
    """

    async def refuse(self, asking: Deferred[object]) -> str:
        """
        Assert that history is not available, and return why.
        """
        with self.assertRaises(HistoryUnavailable) as caught:
            await asking
        return str(caught.exception)

    async def test_never_there(self) -> None:
        """
        If there is no Redis, calls fail after one attempt.
        """
        history = self.open(url=f"redis://:secret@127.0.0.1:{free_port()}")
        reasons = await gatherResults([self._told(history.tail(1)) for _ in range(3)])

        for reason in reasons:
            self.assertIn("refused", reason)
            self.assertNotIn("secret", reason)

    async def _told_of(self, asking: Deferred[object]) -> str:
        return await self.refuse(asking)

    def _told(self, asking: Deferred[object]) -> Deferred[str]:
        return Deferred.fromCoroutine(self._told_of(asking))

    async def test_log(self) -> None:
        """
        An outage is logged once, and so is its end.
        """
        server = RedisServer(password="secret")
        self.addCleanup(server.end)
        url = server.url.replace("//", "//:secret@")
        with capturedLogs() as events:
            history = self.open(url=url, timeout=0.5)
            following = await self.follow(history)
            server.kill()
            for _ in range(3):
                await self.refuse(history.append([publication("x")]))
            server.restart()
            await self.available(history)
            await following.restarted()
            # The log says so when it has been available for a second.
            await deferLater(self.reactor(), 1.2)

        warnings = told(events, LogLevel.warn)
        self.assertEqual(len(warnings), 1)
        self.assertIn(f"Redis at 127.0.0.1:{server.port} is not available: ", warnings[0])
        (back,) = told(events, LogLevel.info)
        self.assertIn(f"Redis at 127.0.0.1:{server.port} is available again after ", back)
        self.assertIn("the reason was: ", back)
        self.assertEqual(told(events, LogLevel.critical), [])
        self.assertNotIn("secret", "".join(map(formatEvent, events)))

    async def test_silent(self) -> None:
        """
        A Redis that does not answer is given up, and an append says that it may have been kept.
        """
        history = self.open(timeout=0.5)
        await history.tail(1)
        self.server.pause()
        self.addCleanup(self.server.proceed)
        appending = await self.refuse(history.append([publication("x", event_id="mine")]))
        reading = await self.refuse(history.tail(1))
        self.server.proceed()
        await self.available(history)
        await self.fill(history, "y")

        self.assertIn("may have been kept", appending)
        self.assertIn("is not available", reading)
        self.assertIn(data_of(await history.since(None, ALL, MANY)), (["y"], ["x", "y"]))

    async def test_silent_for_a_moment(self) -> None:
        """
        If Redis comes back in time, a pending append is kept once, and acknowledged.
        """
        history = self.open(timeout=1.0)
        await history.tail(1)
        self.server.pause()
        self.addCleanup(self.server.proceed)
        appending = history.append([publication("x")])
        # The connection is given up after the first second, and there are two.
        await deferLater(self.reactor(), 1.3)
        self.server.proceed()
        (record,) = await appending

        self.assertEqual(await history.since(None, ALL, MANY), [record])

    async def test_stop_while_silent(self) -> None:
        """
        It can be stopped although Redis does not answer.
        """
        history = self.open(timeout=0.3)
        await self.follow(history)
        self.server.pause()
        self.addCleanup(self.server.proceed)
        reason = self._told(history.append([publication("x")]))
        await history.stopService()

        self.assertIn("may have been kept", await reason)

    def reactor(self) -> object:
        """
        The reactor that runs this test.
        """
        from twisted.internet import reactor

        return reactor


class FullTests(RedisTestCase):
    """
    A Redis that keeps nothing.
    """

    async def refused(self, history: RedisHistory) -> str:
        """
        Why *history* is not available.
        """
        error = await self.assertFailure(history.check_available(), HistoryUnavailable)
        return str(error)

    async def test_memory(self) -> None:
        """
        A Redis without memory is not available, before and after a publication was refused;
        it is again without one, and the log has two lines.
        """
        from twisted.internet import reactor

        with capturedLogs() as events:
            history = self.open()
            await self.follow(history)
            await self.fill(history, "a")
            await history.check_available()
            self.server.cli("CONFIG", "SET", "maxmemory", "1")
            self.assertIn("its memory is full", await self.refused(history))
            for _ in range(5):
                await self.assertFailure(history.append([publication("b")]), HistoryUnavailable)
                await self.refused(history)
            self.server.cli("CONFIG", "SET", "maxmemory", "0")
            await deferLater(reactor, 2.5)
            await history.check_available()

        (line,) = told(events, LogLevel.warn)
        self.assertIn("its memory is full", line)
        (line,) = told(events, LogLevel.info)
        self.assertIn("is available again", line)

    async def test_follower(self) -> None:
        """
        A history whose other connection is lost is not available either.
        """
        server = RedisServer()
        self.addCleanup(server.end)
        history = self.open(url=server.url)
        following = await self.follow(history)
        await self.fill(history, "a")
        await following.has(1)
        await history.check_available()
        server.kill()
        self.assertIn("is not available", await self.refused(history))
        server.restart()
        await following.restarted()
        await self.available(history)
        await history.check_available()
