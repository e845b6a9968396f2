"""
History in Redis: which IDs are known.
"""

from tests.support.redis_histories import ALL, MANY, RedisTestCase, data_of, publication
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position
from twisted_sse.history.redis import RedisHistory

__all__ = ["IDTests"]


class IDTests(RedisTestCase):
    """
    Which IDs are known.
    """

    async def refuse(self, history: RedisHistory, event_id: str) -> None:
        """
        Assert that *event_id* is unknown.
        """
        for asking in (history.since(event_id, ALL, MANY), history.locate(event_id)):
            with self.assertRaises(UnknownEventID):
                await asking

    async def test_foreign(self) -> None:
        """
        An ID that this history has not assigned is unknown, however similar it looks.
        """
        history = self.open()
        (record,) = await self.fill(history, "x")
        epoch, _, sequence = record.id.partition("-")
        later = f"{int(epoch) + 1000}-0"
        cases = [
            "",
            "-",
            "+",
            "$",
            "earliest",
            "1",
            epoch,
            f"{epoch}-",
            f"0{record.id}",
            "1-1",
            "*",
        ]
        cases += [f"{epoch}-0{sequence}", f" {record.id}", f"{record.id}\n", f"({record.id}", later]
        cases += [f"{'9' * 30}-0", "x" * 100_000, "\0", "\ud800", "é", "' OR 1=1 --", "\u0661-0"]

        for event_id in cases:
            await self.refuse(history, event_id)

    async def test_locate(self) -> None:
        """
        `locate` finds every position, and the beginning.
        """
        history = self.open()
        before = (await history.tail(1)).before
        records = [
            *await self.fill(history, "x"),
            *await history.append([publication("y", "a", "é")]),
        ]

        self.assertEqual(await history.locate(before.id), before)
        for one in records:
            self.assertEqual(await history.locate(one.id), Position(one.number, one.id))

    async def test_publishers(self) -> None:
        """
        A publisher's ID is kept and found, whatever it looks like.
        """
        history = self.open()
        for event_id in ("mine", "é", "1-1", "-", "+", "*", "0-0", "1 2", f"{2**64}-0"):
            (record,) = await history.append([publication("x", event_id=event_id)])
            await self.fill(history, "y")
            found = await history.since(event_id, ALL, MANY)
            self.assertEqual((record.id, data_of(found)), (event_id, ["y"]))

    async def test_same_id(self) -> None:
        """
        The oldest event with an ID counts, whether a publisher or Redis assigned it.
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
        When the oldest event with an ID is forgotten, the ID does not stand for another.
        """
        history = self.open(events=2)
        for one, event_id in zip("wxyz", ("1", "2", "1", "1"), strict=True):
            await history.append([publication(one, event_id=event_id)])

        await self.refuse(history, "1")
        self.assertEqual(data_of(await history.since("2", ALL, MANY)), ["y", "z"])

    async def test_evicted(self) -> None:
        """
        A subscriber can resume from the event right before the oldest, but not from older ones.
        """
        history = self.open(events=3)
        records = await self.fill(history, *"abcdef")

        self.assertEqual(await history.since(records[2].id, ALL, MANY), records[3:])
        await self.refuse(history, records[1].id)

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
        IDs of another life of the store are unknown, publishers' IDs included.
        """
        history = self.open()
        records = await history.append([publication("x"), publication("y", event_id="mine")])
        self.server.cli("DEL", f"{{{self.prefix}}}:events")
        await self.fill(history, "z")

        for one in records:
            await self.refuse(history, one.id)
