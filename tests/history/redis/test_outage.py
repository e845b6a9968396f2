"""
History in Redis while Redis is unavailable, and when it comes back.
"""

from twisted.internet.defer import Deferred
from twisted.logger import LogLevel, capturedLogs

from tests.support.redis_histories import (
    ALL,
    MANY,
    RedisTestCase,
    publication,
)
from tests.support.redis_server import RedisServer
from tests.support.store_histories import SECRET, AwayContract, pause, told
from twisted_sse.errors import HistoryUnavailable

__all__ = ["AwayTests", "CrashTests", "FullTests"]


class CrashTests(RedisTestCase):
    """
    Acknowledgements hold, whatever happens to Redis and the connections.
    """

    appendonly = True

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


class AwayTests(AwayContract, RedisTestCase):
    """
    Errors and log messages while Redis does not answer.
    """

    appendonly = True
    password = SECRET
    name = "Redis"

    def address(self, port: int) -> str:
        """
        See `AwayContract.address`.
        """
        return f"redis://:{SECRET}@127.0.0.1:{port}"


class FullTests(RedisTestCase):
    """
    A Redis that keeps nothing.
    """

    async def test_memory(self) -> None:
        """
        A Redis without memory is not available, before and after a publication was refused;
        it is again without one, and the log has two lines.
        """
        with capturedLogs() as events:
            history = self.open()
            await self.follow(history)
            await self.fill(history, "a")
            await history.check_available()
            self.server.cli("CONFIG", "SET", "maxmemory", "1")
            self.assertIn("its memory is full", await self.refuse(history.check_available()))
            for _ in range(5):
                await self.assertFailure(history.append([publication("b")]), HistoryUnavailable)
                await self.refuse(history.check_available())
            self.server.cli("CONFIG", "SET", "maxmemory", "0")
            await pause(2.5)
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
        self.assertIn("is not available", await self.refuse(history.check_available()))
        server.restart()
        await following.restarted()
        await self.available(history)
        await history.check_available()
