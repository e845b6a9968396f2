"""
History in Redis: what is forgotten, and where the order ends.
"""

from tests.support.redis_histories import ALL, MANY, RedisTestCase, data_of, publication
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position
from twisted_sse.history.redis import RedisHistory

__all__ = ["BoundTests", "TailTests"]


class BoundTests(RedisTestCase):
    """
    What is forgotten.
    """

    async def kept(self, history: RedisHistory) -> list[str | None]:
        """
        The data of all that is kept.
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
        The newest are kept, as many as were asked for.
        """
        history = self.open(events=3)
        await self.fill(history, *"abcde")

        self.assertEqual(await self.kept(history), list("cde"))

    async def test_batch(self) -> None:
        """
        A batch larger than the bound is answered in full, and its newest are kept.
        """
        history = self.open(events=2)
        kept = await history.append([publication(str(number)) for number in range(500)])

        self.assertEqual(len(kept), 500)
        self.assertEqual(await self.kept(history), ["498", "499"])
        self.assertEqual(self.server.cli("XLEN", f"{{{self.prefix}}}:events"), "3")

    async def test_bytes(self) -> None:
        """
        The bytes of all texts count, and what surrounds them.
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
        What is larger than all that may be kept is not kept, and costs all the others.
        """
        history = self.open(bytes=10_000)
        await self.fill(history, "a", "x" * 20_000)
        self.assertEqual(await self.kept(history), [])

        await self.fill(history, "b")
        self.assertEqual(await self.kept(history), ["b"])

    async def test_age(self) -> None:
        """
        What is too old is not found, though it is still there.
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
        After everything has become too old the order goes on where it was.
        """
        self.plant_old(3)
        history = self.open()
        kept = await self.fill(history, "new")

        self.assertEqual(kept[0].number, 4)
        self.assertEqual(await history.since("1-3", ALL, MANY), kept)
        self.assertEqual((await history.tail(MANY)).kept, kept)

    async def test_young(self) -> None:
        """
        What is younger than the bound is kept.
        """
        history = self.open(age=3600)
        await self.fill(history, "a")

        self.assertEqual(await self.kept(history), ["a"])

    async def test_small_steps(self) -> None:
        """
        A large surplus goes by and by, so that no append takes long for it.
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
    Where the order ends.
    """

    async def test_never_used(self) -> None:
        """
        Before the first publication there is a position to go on from, always the same.
        """
        history = self.open()
        tail = await history.tail(5)
        again = await history.tail(1)
        kept = await self.fill(history, "a")

        self.assertEqual(tail, (Position(0, tail.before.id), []))
        self.assertEqual(again, tail)
        self.assertEqual(await history.since(tail.before.id, ALL, MANY), kept)

    async def test_newest(self) -> None:
        """
        As many as were asked for, and the position right before them.
        """
        history = self.open()
        batch = [publication(str(number), event_id=f"own-{number}") for number in range(600)]
        kept = await history.append(batch)

        for limit in (1, 255, 256, 257, 599):
            tail = await history.tail(limit)
            self.assertEqual(tail.kept, kept[-limit:])
            self.assertEqual(tail.before.number, kept[-limit].number - 1)
            self.assertEqual(await history.since(tail.before.id, ALL, limit), tail.kept)
        self.assertEqual((await history.tail(MANY)).kept, kept)
        self.assertEqual((await history.tail(MANY)).newest, (600, "own-599"))
