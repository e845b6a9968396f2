"""
The schema of a former version is brought up to date, and that of a later one is refused.
"""

import psycopg

from tests.support.following import ALL, data_of
from tests.support.postgres_histories import PostgresTestCase
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.postgres import PostgresHistory
from twisted_sse.history.postgres.schema import NEWEST, Schema

__all__ = ["LaterTests", "UpgradeTests"]

LATER = NEWEST + 1


class UpgradeTests(PostgresTestCase):
    """
    The schema has version 1.
    """

    def first_version(self, schema: str) -> PostgresHistory:
        """
        Install version 1, and let a topic end in the outbox.
        """
        self.schema = schema
        self.sql(Schema(schema).script_of(1))
        self.sql("SELECT @.publish(ARRAY['a'], 'one'), @.end_topics(ARRAY['b'], data => 'two')")
        return self.make()

    async def check(self) -> None:
        """
        Check that the schema is the newest one, and that nothing is lost.
        """
        with self.assertRaisesRegex(psycopg.Error, "the topic b has ended"):
            self.sql("SELECT @.publish(ARRAY['b'], 'late')")
        history = self.open()
        following = await self.follow(history)
        await following.has(2)
        self.sql("SELECT @.publish(ARRAY['a'], '3'::jsonb)")
        await following.has(3)

        self.assertEqual(data_of(await history.since(None, ALL, 9)), ["one", "two", "3"])
        self.assertEqual(self.sql("SELECT count(*) FROM @.outbox_end"), [(0,)])
        versions = self.sql("SELECT version FROM @.migration ORDER BY 1")
        self.assertEqual(versions, [(number,) for number in range(1, NEWEST + 1)])

    async def test_old_hub(self) -> None:
        """
        A hub says which version it has found, which one it needs, and what to do.
        """
        self.first_version("refused_old")
        sentence = f"has version 1, and this twisted-sse needs version {NEWEST}: run .* --install"

        with self.assertRaisesRegex(HistoryUnavailable, sentence):
            await self.open().tail(1)

    async def test_installed(self) -> None:
        """
        `install` runs what is missing, and an end that waits in the outbox still counts.
        """
        history = self.first_version("upgraded")
        installed = [await history.install(), await history.install()]

        self.assertEqual(installed, [True, False])
        await self.check()

    async def test_printed(self) -> None:
        """
        The SQL that is printed does the same, and nothing when it is run again.
        """
        history = self.first_version("printed_upgrade")
        for _ in range(2):
            self.sql(history.install_sql())

        await self.check()

    async def test_rights(self) -> None:
        """
        What was granted before stays, and nothing more is allowed.
        """
        self.first_version("kept_rights")
        self.sql("CREATE ROLE early LOGIN")
        self.sql("SELECT @.allow_publisher('early')")
        await self.make().install()
        self.sql(
            "SELECT @.publish(ARRAY['a'], 'x'), @.publish(ARRAY['a'], '1'::jsonb)", user="early"
        )

        for text in ("SELECT @.hidden()", "SELECT * FROM @.outbox_end", "TABLE @.outbox"):
            with self.assertRaises(psycopg.errors.InsufficientPrivilege, msg=text):
                self.sql(text, user="early")


class LaterTests(PostgresTestCase):
    """
    The schema was brought up to date by a later twisted-sse.
    """

    async def test_refused(self) -> None:
        """
        A hub and `install` say which version they have found, which one they know, and what to
        do.
        """
        self.sql("INSERT INTO @.migration VALUES (%s)", LATER)
        sentence = f"has version {LATER}, and this twisted-sse knows version {NEWEST}: upgrade"

        with self.assertRaisesRegex(HistoryUnavailable, sentence):
            await self.open().tail(1)
        with self.assertRaisesRegex(HistoryUnavailable, sentence):
            await self.make().install()

    async def test_connected(self) -> None:
        """
        A hub that is connected when the schema changes continues.
        """
        history = self.open()
        await self.fill(history, "one")
        await history.tail(1)
        self.sql("INSERT INTO @.migration VALUES (%s)", LATER)
        await self.fill(history, "two")

        self.assertEqual(data_of((await history.tail(5)).kept), ["one", "two"])
