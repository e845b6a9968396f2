"""
History in Redis, shared: every hub gets the same, in the same order, once.
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
    What is delivered as long as it can be told exactly.
    """

    async def test_own(self) -> None:
        """
        What was appended is delivered, as it was answered.
        """
        history = self.open()
        following = await self.follow(history)
        kept = await self.fill(history, *"abc")
        await following.has(3)

        self.assertEqual(following.kept, kept)

    async def test_two_hubs(self) -> None:
        """
        Of what two append at the same time both get all, in one order.
        """
        hubs = [self.open(), self.open()]
        followings = [await self.follow(hub) for hub in hubs]
        batches = [
            hubs[number % 2].append([publication(f"{number}-{place}") for place in range(3)])
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
        What was appended after the tail was told, and before it is followed, is delivered.
        """
        history, other = self.open(), self.open()
        await history.append([publication("a"), publication("b", event_id="mine")])
        tail = await history.tail(5)
        kept = await other.append([publication(str(one), event_id="mine") for one in range(700)])
        following = Following()
        history.follow(tail.newest, following.deliver, following.restart)
        await following.has(700)

        self.assertEqual(following.kept, kept)
        self.assertEqual(following.restarts, [])

    async def test_two_lives(self) -> None:
        """
        It can be followed again after it was stopped and started.
        """
        history = self.open()
        await self.follow(history)
        await history.stopService()
        history.startService()
        following = await self.follow(history)
        kept = await self.fill(history, "a")
        await following.has(1)

        self.assertEqual(following.kept, kept)

    async def test_not_taken(self) -> None:
        """
        A failure to take something is logged, and what follows is delivered.
        """
        history = self.open()
        following = Following()

        def deliver(kept: Sequence[Record]) -> None:
            following.deliver(kept)
            raise RuntimeError

        history.follow((await history.tail(1)).newest, deliver, following.restart)
        for count, data in enumerate("ab", 1):
            await self.fill(history, data)
            await following.has(count)

        self.assertEqual(following.data, ["a", "b"])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 2)


class RestartTests(RedisTestCase):
    """
    What is told when it cannot be told exactly what was between.
    """

    async def test_wiped(self) -> None:
        """
        When the store is emptied, the order begins anew with what is then appended.
        """
        history, other = self.open(), self.open()
        following = await self.follow(history)
        await self.fill(history, "a", "b")
        await following.has(2)
        self.server.cli("FLUSHALL")
        kept = await self.fill(other, "c")
        await following.restarted()
        kept += await self.fill(other, "d")
        while len(following.restarts[0].kept) + len(following.kept) < 4:
            await following.has(len(following.kept) + 1)

        (tail,) = following.restarts
        self.assertEqual(tail.before.number, 0)
        self.assertEqual([*tail.kept, *following.kept[2:]], kept)

    async def test_wiped_and_silent(self) -> None:
        """
        That the store is empty is noticed although nothing is appended.
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
        Whoever would follow what is kept no longer is told of what is there, and goes on.
        """
        history = self.open(events=5)
        await self.fill(history, "a")
        tail = await history.tail(1)
        kept = await history.append([publication(str(one)) for one in range(20)])
        following = Following()
        history.follow(tail.newest, following.deliver, following.restart)
        await following.restarted()
        kept = [*kept, *await self.fill(history, "b")]
        await following.has(1)

        self.assertEqual(following.restarts[0].kept, kept[15:20])
        self.assertEqual(following.kept, kept[20:])

    async def test_another_life(self) -> None:
        """
        A number of another life of the store is not taken for this one's.
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
        What somebody has deleted from the middle is seen to be missing.
        """
        history = self.open()
        kept = await self.fill(history, *"abcd")
        self.server.cli("XDEL", f"{{{self.prefix}}}:events", kept[2].id)
        following = Following()
        history.follow(Position(*kept[0][:2]), following.deliver, following.restart)
        await following.restarted()

        self.assertEqual(following.data, ["b"])

    async def test_not_taken(self) -> None:
        """
        A failure to begin anew is logged, and what follows is delivered.
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
