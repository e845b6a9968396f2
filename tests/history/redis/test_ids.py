"""
History in Redis: whose IDs are known.
"""

from tests.support.redis_histories import ALL, MANY, RedisTestCase, data_of, publication
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position
from twisted_sse.history.redis import RedisHistory

__all__ = ["IDTests"]


class IDTests(RedisTestCase):
    """
    Whose IDs are known.
    """

    async def refuse(self, history: RedisHistory, event_id: str) -> None:
        """
        Assert that *event_id* is not known.
        """
        for asking in (history.since(event_id, ALL, MANY), history.locate(event_id)):
            with self.assertRaises(UnknownEventID):
                await asking

    async def test_foreign(self) -> None:
        """
        What this history has not written is not known, however much it looks alike.
        """
        history = self.open()
        (kept,) = await self.fill(history, "x")
        epoch, _, sequence = kept.id.partition("-")
        later = f"{int(epoch) + 1000}-0"
        cases = ["", "-", "+", "$", "earliest", "1", epoch, f"{epoch}-", f"0{kept.id}", "1-1", "*"]
        cases += [f"{epoch}-0{sequence}", f" {kept.id}", f"{kept.id}\n", f"({kept.id}", later]
        cases += [f"{'9' * 30}-0", "x" * 100_000, "\0", "\ud800", "é", "' OR 1=1 --", "\u0661-0"]

        for event_id in cases:
            await self.refuse(history, event_id)

    async def test_locate(self) -> None:
        """
        Each is found where it stands, the beginning as well.
        """
        history = self.open()
        before = (await history.tail(1)).before
        kept = [*await self.fill(history, "x"), *await history.append([publication("y", "a", "é")])]

        self.assertEqual(await history.locate(before.id), before)
        for one in kept:
            self.assertEqual(await history.locate(one.id), Position(one.number, one.id))

    async def test_publishers(self) -> None:
        """
        A publisher's ID is kept and found, also when it looks like anything.
        """
        history = self.open()
        for event_id in ("mine", "é", "1-1", "-", "+", "*", "0-0", "1 2", f"{2**64}-0"):
            (kept,) = await history.append([publication("x", event_id=event_id)])
            await self.fill(history, "y")
            found = await history.since(event_id, ALL, MANY)
            self.assertEqual((kept.id, data_of(found)), (event_id, ["y"]))

    async def test_same_id(self) -> None:
        """
        Of several with the same ID the oldest counts, whoever has given it.
        """
        history = self.open()
        (own,) = await self.fill(history, "w")
        pairs = zip("xyz", ("1", "2", "1"), strict=True)
        await history.append([publication(one, event_id=event_id) for one, event_id in pairs])
        await history.append([publication("again", event_id=own.id)])

        self.assertEqual(data_of(await history.since("1", ALL, 2)), ["y", "z"])
        self.assertEqual(data_of(await history.since("2", ALL, 1)), ["z"])
        self.assertEqual(data_of(await history.since(own.id, ALL, 1)), ["x"])

    async def test_same_id_evicted(self) -> None:
        """
        When the oldest of several is forgotten, the ID is not taken for another's.
        """
        history = self.open(events=2)
        for one, event_id in zip("wxyz", ("1", "2", "1", "1"), strict=True):
            await history.append([publication(one, event_id=event_id)])

        await self.refuse(history, "1")
        self.assertEqual(data_of(await history.since("2", ALL, MANY)), ["y", "z"])

    async def test_evicted(self) -> None:
        """
        The event right before the oldest is still a place to go on from, an older one is not.
        """
        history = self.open(events=3)
        kept = await self.fill(history, *"abcdef")

        self.assertEqual(await history.since(kept[2].id, ALL, MANY), kept[3:])
        await self.refuse(history, kept[1].id)

    async def test_again(self) -> None:
        """
        A publisher's ID is forgotten with its event, and can be used again.
        """
        history = self.open(events=1)
        await history.append([publication("x", event_id="mine")])
        await self.fill(history, "y", "z")
        await self.refuse(history, "mine")
        await history.append([publication("z", event_id="mine")])

        self.assertEqual(await history.since("mine", ALL, MANY), [])
        self.assertEqual(
            self.server.cli("HGETALL", f"{{{self.prefix}}}:ids").split("\n")[0], "mine"
        )

    async def test_wiped(self) -> None:
        """
        An ID of another life of the store is not known, nor is a publisher's.
        """
        history = self.open()
        kept = await history.append([publication("x"), publication("y", event_id="mine")])
        self.server.cli("DEL", f"{{{self.prefix}}}:events")
        await self.fill(history, "z")

        for one in kept:
            await self.refuse(history, one.id)
