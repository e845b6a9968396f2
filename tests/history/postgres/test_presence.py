"""
Presence in PostgreSQL: its tables.
"""

from tests.support.postgres_histories import PostgresTestCase
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.presence import NodeChange, Occupancy

__all__ = ["TableTests"]

ADA = Occupancy("a", "ada", 1, '"x"')


class TableTests(PostgresTestCase):
    """
    What is in PostgreSQL.
    """

    async def test_bounded(self) -> None:
        """
        At most a thousand changes are kept, and one row for each user; a quiet hub adds none.
        """
        history = self.open()
        for number in range(1, 1101):
            await history.exchange("one", [Occupancy("a", None, number)], None, 10.0)
        news = await history.exchange("two", [], None, 10.0)
        for _ in range(10):
            news = await history.exchange("two", [], news.cursor, 10.0)

        self.assertEqual(self.sql("SELECT count(*) FROM @.presence_change"), [(1000,)])
        self.assertEqual(self.sql("SELECT count(*) FROM @.presence_member"), [(1,)])

    async def test_many(self) -> None:
        """
        A hub that comes late gets everything, however many pages that takes, and names of any
        length.
        """
        history = self.open()
        users = [Occupancy("t" * 4000, f"user {number}" * 20, 1) for number in range(1200)]
        for start in range(0, 1200, 400):
            await history.exchange("one", users[start : start + 400], None, 10.0)
        news = await history.exchange("two", [], None, 10.0)

        self.assertTrue(news.whole)
        self.assertEqual(sorted(news.changes), sorted(NodeChange("one", user) for user in users))

    async def test_strangers(self) -> None:
        """
        What another program writes there is passed over.
        """
        history = self.open()
        await history.exchange("one", [ADA], None, 10.0)
        self.sql(
            "INSERT INTO @.presence_member (node, key, field, value)"
            " SELECT 'one', 0, f, v FROM (VALUES ('x', 'y'), ('[]', '7')) AS s (f, v)"
        )
        news = await history.exchange("two", [], None, 10.0)

        self.assertEqual(list(news.changes), [NodeChange("one", ADA)])

    async def test_lost(self) -> None:
        """
        After a crash, an old cursor is answered with everything, and a hub is not known.
        """
        history = self.open()
        after = (await history.exchange("one", [ADA], None, 10.0)).cursor
        self.server.kill()
        self.server.restart()
        await self.available(history)
        await history.exchange("two", [ADA], None, 10.0)
        news = await history.exchange("one", [], after, 10.0)

        self.assertEqual((news.known, news.whole), (False, True))
        self.assertEqual(list(news.changes), [NodeChange("two", ADA)])

    async def test_rights(self) -> None:
        """
        A hub needs no more than what allow_hub() grants.
        """
        self.sql("CREATE ROLE announcer LOGIN")
        self.sql("SELECT @.allow_hub('announcer')")
        history = self.open(url=self.server.url.replace("postgres@", "announcer@"))
        await history.exchange("one", [ADA], None, 10.0)
        news = await history.exchange("two", [], None, 10.0)

        self.assertEqual(list(news.changes), [NodeChange("one", ADA)])

    async def test_stopped(self) -> None:
        """
        A history that has stopped raises HistoryUnavailable.
        """
        history = self.open()
        await self.close(history)

        with self.assertRaises(HistoryUnavailable):
            await history.exchange("one", [], None, 10.0)
