"""
Entries in the stream that no hub can read: they are passed over, with one line each.
"""

from twisted.logger import LogLevel, capturedLogs, formatEvent

from tests.support.redis_histories import ALL, MANY, RedisTestCase, data_of
from twisted_sse.history.redis import RedisHistory
from twisted_sse.topics import Selection

__all__ = ["DamageTests"]

# What another program, or a damaged disk, may have put into the stream.
_BAD = (
    ["n", "9" * 400, "b", "0", "topic", "a", "data", "x"],
    ["n", "inf", "b", "0", "topic", "a", "data", "x"],
    ["foo", "bar"],
    ["topic", "a", "data", "x"],
)
# The same, with the number that comes next.
_DAMAGED = (
    ["topic", "a", "data", "x", "retry", "soon"],
    ["data", "x"],
    ["topic", "a", "data", "x", "event", "a\nb"],
)


class DamageTests(RedisTestCase):
    """
    A hub goes on, whatever is between its entries.
    """

    def add(self, *fields: str) -> str:
        """
        Add an entry at the end of the stream, and return its ID.
        """
        return self.server.cli("XADD", f"{{{self.prefix}}}:events", "*", *fields)

    async def data(self, history: RedisHistory, since: str | None, limit: int = MANY) -> list[str]:
        """
        The data of what follows *since*.
        """
        return [one or "" for one in data_of(await history.since(since, ALL, limit))]

    async def test_without_number(self) -> None:
        """
        Entries that have no place in the order are passed over.
        """
        history = self.open()
        following = await self.follow(history)
        with capturedLogs() as events:
            (first,) = await self.fill(history, "first")
            strangers = [self.add(*fields) for fields in _BAD]
            records = await self.fill(history, "second", "third")
            await following.has(3)
            other = self.open()
            tail = await other.tail(MANY)
            again = await self.follow(other)
            found = await self.data(other, first.id)
            one = await self.data(history, first.id, 1)
            await self.fill(other, "fourth")
            await again.has(1)

        self.assertEqual(following.data[:3], ["first", "second", "third"])
        self.assertEqual(following.restarts, [])
        self.assertEqual([one.number for one in records], [2, 3])
        self.assertEqual((found, one), (["second", "third"], ["second"]))
        self.assertEqual(data_of(tail.kept), ["first", "second", "third"])
        self.assertEqual(again.data, ["fourth"])
        self.assertEqual(await self.data(history, None), ["first", "second", "third", "fourth"])
        lines = [formatEvent(one) or "" for one in events if one["log_level"] == LogLevel.warn]
        for stranger in strangers:
            # One for each hub.
            self.assertEqual(len([line for line in lines if stranger in line]), 2, lines)
        self.assertEqual(len(lines), 2 * len(strangers))

    async def test_many(self) -> None:
        """
        Many of them in a row hide nothing.
        """
        history = self.open()
        (first,) = await self.fill(history, "first")
        script = "for i=1,700 do redis.call('XADD', KEYS[1], '*', 'foo', 'bar') end"
        self.server.cli("EVAL", script, "1", f"{{{self.prefix}}}:events")
        following = await self.follow(history)
        await self.fill(history, "second")
        await following.has(1)

        self.assertEqual(await self.data(history, first.id), ["second"])
        self.assertEqual(await self.data(history, first.id, 1), ["second"])
        self.assertEqual(data_of((await history.tail(5)).kept), ["first", "second"])

    async def test_damaged(self) -> None:
        """
        An entry with a number that is no publication is passed over, and the order goes on.
        """
        history = self.open()
        following = await self.follow(history)
        (first,) = await self.fill(history, "first")
        for number, fields in enumerate(_DAMAGED, 2):
            self.add("n", str(number), "b", "500", *fields)
        await self.fill(history, "second")
        await following.has(2)
        some = await history.since(first.id, Selection.of(["a"]), 1)

        self.assertEqual(following.data, ["first", "second"])
        self.assertEqual(following.restarts, [])
        self.assertEqual(await self.data(history, first.id), ["second"])
        self.assertEqual(data_of(some), ["second"])

    async def test_oldest(self) -> None:
        """
        They are forgotten with the rest, and do not prevent that.
        """
        history = self.open(events=5)
        for fields in _BAD:
            await self.fill(history, "before")
            self.add(*fields)
        for number in range(100):
            await self.fill(history, str(number))

        self.assertEqual(await self.data(history, None), [str(one) for one in range(95, 100)])
        self.assertLess(int(self.server.cli("XLEN", f"{{{self.prefix}}}:events")), 80)

    async def test_ids(self) -> None:
        """
        Nonsense in the table of publishers' IDs prevents nothing.
        """
        history = self.open(events=2)
        self.server.cli("HSET", f"{{{self.prefix}}}:ids", "mine", "nonsense")
        await self.fill(history, "a")
        self.server.cli("HSET", f"{{{self.prefix}}}:ids", "mine", "nonsense")
        await self.fill(history, "b", "c", "d")

        self.assertIsNone(await history.find("mine"))
        self.assertEqual(await self.data(history, None), ["c", "d"])
