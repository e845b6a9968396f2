"""
Finding a publication by the ID that its publisher chose, in every kind of history.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from tests.support.redis_server import RedisServer
from tests.support.upstreams import Upstream
from tests.support.waiting import PATIENCE
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history import MemoryHistory, SQLiteHistory
from twisted_sse.history.redis import RedisHistory
from twisted_sse.interfaces import ICheckedHistory, ISearchableHistory

__all__ = ["FindTests"]


def make(topic: str, event_id: str | None = None, *, private: bool = False) -> Publication:
    """
    Make a publication.
    """
    return Publication.of(topic, "x", id=event_id, private=private)


class FindTests(TestCase):
    """
    See `ISearchableHistory`.
    """

    timeout = PATIENCE

    async def check(self, history: Any, publish: Callable[..., Awaitable[Any]]) -> None:
        """
        Check what *history* finds of what *publish* publishes.
        """
        verifyObject(ISearchableHistory, history)

        async def find(event_id: str) -> Record | None:
            found: Record | None = await maybeDeferred(history.find, event_id)
            return found

        batch = [make("a", "mine", private=True), make("b", "mine"), make("c")]
        records: list[Record] = list(await publish(batch))
        found = await find("mine")
        assert found is not None
        self.assertEqual(found[:2], records[0][:2])
        self.assertEqual(found.publication.topics, ("a",))
        self.assertTrue(found.publication.private)
        self.assertEqual(found.publication.event.id, "mine")
        tail = await maybeDeferred(history.tail, 10)
        own = [records[2].id, tail.before.id]
        for other in (*own, "other", "earliest", "", " ", "\ud800", "x" * 5000, "a\nb", "-", "0-0"):
            self.assertIsNone(await find(other), other)
        await publish([make("d", str(number)) for number in range(5)])
        self.assertIsNone(await find("mine"))

    async def test_memory(self) -> None:
        """
        In memory.
        """
        history = MemoryHistory(events=5)

        async def publish(batch: list[Publication]) -> Any:
            return history.append(batch)

        await self.check(history, publish)

    async def test_sqlite(self) -> None:
        """
        In a file.
        """
        home = Path(self.mktemp())
        home.mkdir()
        history = SQLiteHistory(home / "events.db", events=5)
        history.startService()
        self.addCleanup(history.stopService)
        verifyObject(ICheckedHistory, history)

        await self.check(history, history.append)

    async def test_redis(self) -> None:
        """
        In Redis.
        """
        server = RedisServer()
        self.addCleanup(server.end)
        history = RedisHistory(server.url, events=5)
        history.startService()
        self.addCleanup(history.stopService)
        verifyObject(ICheckedHistory, history)

        await self.check(history, history.append)

    async def test_upstream(self) -> None:
        """
        At another hub.
        """
        upstream = Upstream(MemoryHistory(events=5))
        upstream.start()
        self.addCleanup(upstream.stop)
        edge = upstream.edge()
        edge.startService()
        self.addCleanup(edge.stopService)
        verifyObject(ICheckedHistory, edge)

        await self.check(edge, edge.append)
