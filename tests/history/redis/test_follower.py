"""
History in Redis, shared: every hub gets every event once, in the same order.
"""

from collections.abc import Sequence

from twisted.internet.defer import gatherResults

from tests.support.redis_histories import (
    ALL,
    MANY,
    Following,
    RedisTestCase,
    data_of,
    publication,
)
from twisted_sse.events.publication import Position, Record, Tail

__all__ = ["FollowTests", "RestartTests"]


class FollowTests(RedisTestCase):
    """
    Exact delivery.
    """

    async def test_own(self) -> None:
        """
        Appended records are delivered as `append` returned them.
        """
        history = self.open()
        following = await self.follow(history)
        records = await self.fill(history, *"abc")
        await following.has(3)

        self.assertEqual(following.kept, records)

    async def test_two_hubs(self) -> None:
        """
        When two hubs append at the same time, both are delivered everything, in one order.
        """
        hubs = [self.open(), self.open()]
        followings = [await self.follow(hub) for hub in hubs]
        batches = [
            hubs[number % 2].append([publication(f"{number}-{index}") for index in range(3)])
            for number in range(100)
        ]
        appended = await gatherResults(batches)
        for following in followings:
            await following.has(300)

        first, second = followings
        self.assertEqual(first.kept, second.kept)
        self.assertEqual([one.number for one in first.kept], list(range(1, 301)))
        self.assertEqual(sorted(one for batch in appended for one in batch), sorted(first.kept))
        self.assertEqual(first.kept, await hubs[0].since(None, ALL, MANY))

    async def test_between(self) -> None:
        """
        Records appended between `tail` and `follow` are delivered.
        """
        history, other = self.open(), self.open()
        await history.append([publication("a"), publication("b", event_id="mine")])
        tail = await history.tail(5)
        records = await other.append([publication(str(one), event_id="mine") for one in range(700)])
        following = Following()
        history.follow(tail.newest, following.deliver, following.restart)
        await following.has(700)

        self.assertEqual(following.kept, records)
        self.assertEqual(following.restarts, [])

    async def test_two_lives(self) -> None:
        """
        It can be followed again after a stop and a start.
        """
        history = self.open()
        await self.follow(history)
        await history.stopService()
        history.startService()
        following = await self.follow(history)
        records = await self.fill(history, "a")
        await following.has(1)

        self.assertEqual(following.kept, records)

    async def test_not_taken(self) -> None:
        """
        An error in `deliver` is logged, and later records are delivered.
        """
        history = self.open()
        following = Following()

        def deliver(records: Sequence[Record]) -> None:
            following.deliver(records)
            raise RuntimeError

        history.follow((await history.tail(1)).newest, deliver, following.restart)
        for count, data in enumerate("ab", 1):
            await self.fill(history, data)
            await following.has(count)

        self.assertEqual(following.data, ["a", "b"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)


class RestartTests(RedisTestCase):
    """
    Restarts, when exact delivery is not possible.
    """

    async def test_wiped(self) -> None:
        """
        When the store is emptied, a new order begins with the next append.
        """
        history, other = self.open(), self.open()
        following = await self.follow(history)
        await self.fill(history, "a", "b")
        await following.has(2)
        self.server.cli("FLUSHALL")
        records = await self.fill(other, "c")
        await following.restarted()
        records += await self.fill(other, "d")
        while len(following.restarts[0].kept) + len(following.kept) < 4:
            await following.has(len(following.kept) + 1)

        (tail,) = following.restarts
        self.assertEqual(tail.before.number, 0)
        self.assertEqual([*tail.kept, *following.kept[2:]], records)

    async def test_wiped_and_silent(self) -> None:
        """
        An emptied store is noticed although nothing is appended.
        """
        history = self.open()
        following = await self.follow(history)
        await self.fill(history, "a")
        await following.has(1)
        self.server.cli("FLUSHALL")
        await following.restarted()

        (tail,) = following.restarts
        self.assertEqual(tail, (tail.before, []))
        self.assertEqual(await history.tail(1), tail)

    async def test_too_far(self) -> None:
        """
        A position that is no longer kept leads to a restart, and delivery continues.
        """
        history = self.open(events=5)
        await self.fill(history, "a")
        tail = await history.tail(1)
        records = await history.append([publication(str(one)) for one in range(20)])
        following = Following()
        history.follow(tail.newest, following.deliver, following.restart)
        await following.restarted()
        records = [*records, *await self.fill(history, "b")]
        await following.has(1)

        self.assertEqual(following.restarts[0].kept, records[15:20])
        self.assertEqual(following.kept, records[20:])

    async def test_another_life(self) -> None:
        """
        A number of another life of the store is not mistaken for one of this life.
        """
        history = self.open()
        await self.fill(history, "a", "b")
        tail = await history.tail(1)
        self.server.cli("FLUSHALL")
        await self.fill(history, *"xyz")
        following = Following()
        history.follow(tail.newest, following.deliver, following.restart)
        await following.restarted()

        self.assertEqual(data_of(following.restarts[0].kept), list("xyz"))
        self.assertEqual(following.kept, [])

    async def test_cut(self) -> None:
        """
        An entry that was deleted from the middle is noticed.
        """
        history = self.open()
        records = await self.fill(history, *"abcd")
        self.server.cli("XDEL", f"{{{self.prefix}}}:events", records[2].id)
        following = Following()
        history.follow(Position(*records[0][:2]), following.deliver, following.restart)
        await following.restarted()

        self.assertEqual(following.data, ["b"])

    async def test_not_taken(self) -> None:
        """
        An error in `restart` is logged, and later records are delivered.
        """
        history = self.open()
        following = Following()

        def restart(tail: Tail) -> None:
            following.restart(tail)
            raise RuntimeError

        history.follow((await history.tail(1)).newest, following.deliver, restart)
        self.server.cli("FLUSHALL")
        await following.restarted()
        await self.fill(history, "a")
        await following.has(1)

        self.assertEqual(following.data, ["a"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
