"""
What exceeds the bounds is deleted, in small steps, and found by nobody before that.
"""

from twisted.internet.task import deferLater

from tests.support.following import ALL, MANY, data_of, publication
from tests.support.postgres_histories import PostgresTestCase

__all__ = ["BoundTests"]


class BoundTests(PostgresTestCase):
    """
    Deletion, and searching meanwhile.
    """

    def rows(self, table: str) -> int:
        """
        The number of rows of *table*.
        """
        ((count,),) = self.sql(f"SELECT count(*) FROM @.{table}")
        assert isinstance(count, int)
        return count

    async def shrinks(self, table: str, most: int) -> None:
        """
        Wait until *table* has at most so many rows.
        """
        from twisted.internet import reactor

        while self.rows(table) > most:
            await deferLater(reactor, 0.02)

    async def test_deleted(self) -> None:
        """
        After some appends, the table has little more than the bound, and so have the others.
        """
        history = self.open(events=50)
        for number in range(30):
            await history.append([publication(f"{number}-{one}") for one in range(40)])
        await self.shrinks("event", 300)
        await self.shrinks("batch", 10)
        kept = data_of(await history.since(None, ALL, MANY))

        self.assertEqual(kept, data_of((await history.tail(MANY)).kept))
        self.assertEqual(len(kept), 50)
        self.assertEqual(kept[-1], "29-39")
        self.assertEqual(self.rows("forgotten"), 1)

    async def test_bisected(self) -> None:
        """
        The oldest within each bound is found, although much more is in the table.
        """
        writer = self.open()
        records = []
        for _ in range(10):
            records += await writer.append([publication("x" * 900) for _ in range(100)])
        self.sql("UPDATE @.event SET at = at - interval '1 hour' WHERE number <= 700")
        for bounds, count in (
            ({"events": 1}, 1),
            ({"events": 999}, 999),
            ({"events": 1000}, 1000),
            ({"bytes": 100_100}, 100),
            ({"age": 1800.0}, 300),
            ({"events": 400, "age": 1800.0}, 300),
        ):
            history = self.open(**bounds)
            found = await history.since(None, ALL, MANY)
            self.assertEqual(found, records[1000 - count :], bounds)
            self.assertEqual((await history.locate(records[999].id)).number, 1000)
            await history.stopService()

    async def test_several_epochs(self) -> None:
        """
        Numbers that were left out between two epochs count for no bound.
        """
        history = self.open()
        await self.fill(history, *"abc")
        await history.stopService()
        self.sql(
            "INSERT INTO @.epoch SELECT first + (1::bigint << 32), 'cafecafe', 3, false, system,"
            " timeline FROM @.epoch"
        )
        history = self.open(events=4)
        (record,) = await self.fill(history, "d")
        holdings = await history.describe()

        self.assertEqual(data_of(await history.since(None, ALL, MANY)), list("abcd"))
        self.assertEqual((record.number, record.id), (2**32 + 1, f"cafecafe-{2**32 + 1}"))
        self.assertEqual(holdings.events, 4)
        await self.fill(history, "e")
        self.assertEqual(data_of(await history.since(None, ALL, MANY)), list("bcde"))
