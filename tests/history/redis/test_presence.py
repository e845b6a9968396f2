"""
Presence in Redis: its keys, and what other programs write there.
"""

from tests.support.redis_histories import RedisTestCase
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.presence import NodeChange, Occupancy

__all__ = ["KeyTests"]

ADA = Occupancy("a", "ada", 1, '"x"')


class KeyTests(RedisTestCase):
    """
    What is in Redis.
    """

    async def test_expire(self) -> None:
        """
        Every key expires, so nothing stays when all hubs are gone.
        """
        history = self.open()
        await history.exchange("one", [ADA], None, 10.0)

        keys = self.server.cli("KEYS", f"{{{self.prefix}}}:presence:*").split()
        names = [key.partition(":presence:")[2] for key in sorted(keys)]
        lives = [int(self.server.cli("TTL", key)) for key in keys]
        self.assertEqual(names, ["counter", "log", "members:one", "nodes"])
        self.assertTrue(all(0 < life <= 3600 for life in lives), lives)

    async def test_bounded(self) -> None:
        """
        The log of changes has a thousand entries at most, and a quiet hub adds none.
        """
        history = self.open()
        for number in range(1, 1101):
            await history.exchange("one", [Occupancy("a", None, number)], None, 10.0)
        before = self.server.cli("XLEN", f"{{{self.prefix}}}:presence:log")
        news = await history.exchange("two", [], None, 10.0)
        for _ in range(10):
            news = await history.exchange("two", [], news.cursor, 10.0)

        after = self.server.cli("XLEN", f"{{{self.prefix}}}:presence:log")
        self.assertEqual((before, after), ("1000", "1000"))

    async def test_strangers(self) -> None:
        """
        What another program writes there is passed over.
        """
        history = self.open()
        after = (await history.exchange("two", [], None, 10.0)).cursor
        await history.exchange("one", [ADA], None, 10.0)
        keys = f"{{{self.prefix}}}:presence:"
        for field, value in [("x", "y"), ('["a"]', "[1]"), ('["a",1]', "[1,null]"), ("[]", "7")]:
            self.server.cli("HSET", f"{keys}members:one", field, value)
        cursor = int(after) + 1
        for fields in (["x", "y"], ["n", "one", "c", "{"], ["n", "one", "c", '[["x","y"]]']):
            cursor += 1
            self.server.cli("XADD", f"{keys}log", f"{cursor}-0", *fields)
        self.server.cli("SET", f"{keys}counter", str(cursor))

        expected = [NodeChange("one", ADA)]
        self.assertEqual(list((await history.exchange("two", [], after, 10.0)).changes), expected)
        self.assertEqual(list((await history.exchange("two", [], None, 10.0)).changes), expected)

    async def test_wrong_type(self) -> None:
        """
        A key that holds something else is named in the error.
        """
        self.server.cli("SET", f"{{{self.prefix}}}:presence:nodes", "x")
        with self.assertRaises(HistoryUnavailable) as caught:
            await self.open().exchange("one", [], None, 10.0)

        self.assertIn("use another prefix", str(caught.exception))

    async def test_lost(self) -> None:
        """
        After a loss of data, an old cursor is answered with everything.
        """
        history = self.open()
        after = (await history.exchange("one", [ADA], None, 10.0)).cursor
        self.server.cli("FLUSHALL")
        await history.exchange("two", [ADA], None, 10.0)
        news = await history.exchange("one", [], after, 10.0)

        self.assertEqual((news.known, news.whole), (False, True))
        self.assertEqual(list(news.changes), [NodeChange("two", ADA)])

    async def test_counter_lost(self) -> None:
        """
        If Redis has evicted only the counter, numbers continue after the newest change.
        """
        history = self.open()
        keys = f"{{{self.prefix}}}:presence:"
        await history.exchange("one", [ADA], None, 10.0)
        late = "9" * 14
        self.server.cli("XADD", f"{keys}log", f"{late}-0", "n", "one", "c", "[]")
        self.server.cli("DEL", f"{keys}counter")
        news = await history.exchange("one", [ADA], None, 10.0)

        self.assertEqual(news.cursor, f"1{'0' * 14}")

    async def test_stopped(self) -> None:
        """
        A history that has stopped raises HistoryUnavailable.
        """
        history = self.open()
        await self.close(history)

        with self.assertRaises(HistoryUnavailable):
            await history.exchange("one", [], None, 10.0)
