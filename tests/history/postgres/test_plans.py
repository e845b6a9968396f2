"""
How PostgreSQL finds missed events: counted in rows, not in time.
"""

from tests.support.postgres_histories import PostgresTestCase
from tests.support.waiting import eventually
from twisted_sse.topics import Selection

__all__ = ["PlanTests"]

# They alternate between the topics t/0 to t/7.
EVENTS = 100_000

# Behind so many events, of which every eighth has the topic.
BEHIND = 800


class PlanTests(PostgresTestCase):
    """
    A large table of which PostgreSQL has no statistics yet.
    """

    def enlarge(self) -> None:
        """
        Keep `EVENTS` events after the first, which takes too long with a history.
        """
        self.sql("ALTER TABLE @.event SET (autovacuum_enabled = false)")
        self.sql(
            """
            INSERT INTO @.event (number, size, ends, topics, keys, private, again, data)
                SELECT n, 300, n * 300, ARRAY[t], ARRAY[hashtextextended(t, 0)], false, false,
                    repeat('x', 192)::bytea
                FROM generate_series(2, %s + 1) AS n, concat('t/', mod(n, 8)) AS t
            """,
            EVENTS,
        )

    def rows_read(self, index: str) -> int:
        """
        The rows that all statements so far have found in *index*.
        """
        ((count,),) = self.sql(
            """
            SELECT idx_tup_read FROM pg_stat_all_indexes
            WHERE schemaname = %s AND indexrelname = %s
            """,
            self.schema,
            index,
        )
        return int(str(count))

    async def test_near(self) -> None:
        """
        A subscriber that is a little behind costs what it has missed, not the size of the table.
        """
        history = self.open()
        (first,) = await self.fill(history, "first")
        self.enlarge()
        epoch = first.id.partition("-")[0]
        before = self.rows_read("event_pkey")
        asked = f"{epoch}-{EVENTS + 1 - BEHIND}"
        found = await history.since(asked, Selection.of("t/3"), 1000)
        await history.stopService()
        # A process of the server tells what it has read at the latest when it ends.
        eventually(lambda: not self.server.backends(), "a connection stays")

        self.assertEqual(len(found), BEHIND // 8)
        self.assertEqual(self.rows_read("event_keys"), 0)
        self.assertLess(self.rows_read("event_pkey") - before, 3 * BEHIND)
