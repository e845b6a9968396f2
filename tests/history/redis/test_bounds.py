"""
History in Redis: bounds, and the end of the order.
"""

from tests.support.redis_histories import ALL, MANY, RedisTestCase, data_of, publication
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position
from twisted_sse.history.redis import RedisHistory

__all__ = ["BoundTests", "TailTests"]


class BoundTests(RedisTestCase):
    """
    The bounds.
    """

    async def kept(self, history: RedisHistory) -> list[str | None]:
        """
        Return the data of all that is kept.
        """
        return data_of(await history.since(None, ALL, MANY))

    def plant_old(self, count: int) -> None:
        """
        Put publications of the year 1970 into the store.
        """
        stream = f"{{{self.prefix}}}:events"
        self.server.cli("XADD", stream, "1-0", "n", "0", "b", "0")
        for number in range(1, count + 1):
            fields = ["n", str(number), "b", str(number * 100), "topic", "a", "data", "old"]
            self.server.cli("XADD", stream, f"1-{number}", *fields)

    async def test_events(self) -> None:
        """
        The newest are kept, up to the bound.
        """
        history = self.open(events=3)
        await self.fill(history, *"abcde")

        self.assertEqual(await self.kept(history), list("cde"))

    async def test_batch(self) -> None:
        """
        A batch larger than the bound is acknowledged in full, and its newest are kept.
        """
        history = self.open(events=2)
        records = await history.append([publication(str(number)) for number in range(500)])

        self.assertEqual(len(records), 500)
        self.assertEqual(await self.kept(history), ["498", "499"])
        self.assertEqual(self.server.cli("XLEN", f"{{{self.prefix}}}:events"), "3")

    async def test_bytes(self) -> None:
        """
        The bytes of all texts count, and an overhead for each entry.
        """
        history = self.open(bytes=100_000)
        await self.fill(history, *["x" * 9_800] * 30)
        self.assertEqual(len(await self.kept(history)), 10)

        await history.append([publication("") for _ in range(1000)])
        self.assertLess(len(await self.kept(history)), 1000)

    async def test_bytes_not_characters(self) -> None:
        """
        A character that takes four bytes counts as four.
        """
        history = self.open(bytes=100_000)
        await self.fill(history, *["\U0001f600" * 9_500] * 5)

        self.assertEqual(len(await self.kept(history)), 2)

    async def test_too_large(self) -> None:
        """
        An event larger than the bound is not kept, and displaces all others.
        """
        history = self.open(bytes=10_000)
        await self.fill(history, "a", "x" * 20_000)
        self.assertEqual(await self.kept(history), [])

        await self.fill(history, "b")
        self.assertEqual(await self.kept(history), ["b"])

    async def test_age(self) -> None:
        """
        Events that are too old are not found, even before they are deleted.
        """
        self.plant_old(3)
        history = self.open()
        tail = await history.tail(MANY)

        self.assertEqual(await self.kept(history), [])
        self.assertEqual(tail, (Position(3, "1-3"), []))
        with self.assertRaises(UnknownEventID):
            await history.since("1-2", ALL, 1)

    async def test_age_goes_on(self) -> None:
        """
        When everything is too old, the order continues where it was.
        """
        self.plant_old(3)
        history = self.open()
        records = await self.fill(history, "new")

        self.assertEqual(records[0].number, 4)
        self.assertEqual(await history.since("1-3", ALL, MANY), records)
        self.assertEqual((await history.tail(MANY)).kept, records)

    async def test_young(self) -> None:
        """
        Events younger than the bound are kept.
        """
        history = self.open(age=3600)
        await self.fill(history, "a")

        self.assertEqual(await self.kept(history), ["a"])

    async def test_small_steps(self) -> None:
        """
        A large surplus is deleted in steps, so that no append takes long.
        """
        self.plant_old(100)
        history = self.open()
        await self.fill(history, "a")
        left = int(self.server.cli("XLEN", f"{{{self.prefix}}}:events"))
        await self.fill(history, "b")

        self.assertIn(left, range(30, 42))
        self.assertEqual(self.server.cli("XLEN", f"{{{self.prefix}}}:events"), "3")


class TailTests(RedisTestCase):
    """
    The end of the order.
    """

    async def test_never_used(self) -> None:
        """
        Before the first publication there is a position to resume from, always the same.
        """
        history = self.open()
        tail = await history.tail(5)
        again = await history.tail(1)
        records = await self.fill(history, "a")

        self.assertEqual(tail, (Position(0, tail.before.id), []))
        self.assertEqual(again, tail)
        self.assertEqual(await history.since(tail.before.id, ALL, MANY), records)

    async def test_newest(self) -> None:
        """
        The newest are returned, up to the limit, with the position right before them.
        """
        history = self.open()
        batch = [publication(str(number), event_id=f"own-{number}") for number in range(600)]
        records = await history.append(batch)

        for limit in (1, 255, 256, 257, 599):
            tail = await history.tail(limit)
            self.assertEqual(tail.kept, records[-limit:])
            self.assertEqual(tail.before.number, records[-limit].number - 1)
            self.assertEqual(await history.since(tail.before.id, ALL, limit), tail.kept)
        self.assertEqual((await history.tail(MANY)).kept, records)
        self.assertEqual((await history.tail(MANY)).newest, (600, "own-599"))
