"""
History in PostgreSQL while PostgreSQL is unavailable, and when it comes back.
"""

import os
import signal

from twisted.internet.defer import Deferred, gatherResults

from tests.support.following import ALL, MANY, data_of, publication
from tests.support.postgres_histories import PostgresTestCase
from tests.support.store_histories import SECRET, AwayContract, pause

__all__ = ["AwayTests", "CrashTests"]

# Of the hubs' connections.
_TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'twisted_sse'
"""


class CrashTests(PostgresTestCase):
    """
    Acknowledgements hold, whatever happens to PostgreSQL and the connections.
    """

    timeout = 60

    async def test_accidents(self) -> None:
        """
        Two hubs append while connections end, single processes and the whole server are killed,
        and it is shut down at once: nothing acknowledged is lost, and everything is delivered
        once and in one order at both.
        """
        first, second = self.open(), self.open()
        followings = [await self.follow(one) for one in (first, second)]
        appending = [
            Deferred.fromCoroutine(self.keep_on(history, 300)) for history in (first, second)
        ]
        accidents = (
            lambda: self.server.sql(_TERMINATE),
            lambda: os.kill(self.server.backends()[0], signal.SIGKILL),
            self.server.kill_postmaster,
            self.server.kill,
            lambda: self.server.stop(signal.SIGQUIT),
        )
        for number, accident in enumerate(accidents, 1):
            await followings[0].has(number * 60)
            accident()
            if number > 2:
                self.server.restart()
            await self.available(first, second)
        answers = await gatherResults(appending)
        found = list(await first.since(None, ALL, MANY))
        for following in followings:
            await following.has(len(found))

        acknowledged = [one for records, _ in answers for one in records]
        self.assertEqual([one.kept for one in followings], [found, found])
        self.assertEqual([one.restarts for one in followings], [[], []])
        self.assertEqual(
            [one for one in found if one in acknowledged],
            sorted(acknowledged, key=lambda one: one.number),
        )
        refused = sum(len(refused) for _, refused in answers)
        self.assertLessEqual(len(found), len(acknowledged) + refused)
        self.assertEqual(len(acknowledged) + refused, 600)

    async def test_repeated(self) -> None:
        """
        A batch whose answer was lost is kept once, and acknowledged.
        """
        history = self.open()
        await self.fill(history, "before")
        self.sql(
            "CREATE FUNCTION @.slow() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$"
        )
        self.sql(
            "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON @.event"
            " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION @.slow()"
        )
        appending = history.append([publication("x"), publication("y")])
        await pause(0.1)
        # The hub loses its connections, and the server does not notice before the commit.
        for connection in history._connections:
            connection.reconnect("of a test")
        records = await appending

        self.assertEqual(data_of(records), ["x", "y"])
        self.assertEqual(data_of(await history.since(None, ALL, MANY)), ["before", "x", "y"])


class AwayTests(AwayContract, PostgresTestCase):
    """
    Errors and log messages while PostgreSQL does not answer.
    """

    name = "PostgreSQL"

    def address(self, port: int) -> str:
        """
        See `AwayContract.address`.
        """
        return f"postgresql://postgres:{SECRET}@127.0.0.1:{port}/postgres"

    async def test_not_installed(self) -> None:
        """
        A database without the schema says how to install it, and is used when it is there.
        """
        history = self.open(schema="later")
        reason = await self.refuse(history.tail(1))
        self.assertIn("the schema later is not installed, but ", reason)
        self.assertIn("history URL --install", reason)
        await history.install()
        await self.available(history)
        await self.fill(history, "x")

        self.assertEqual(data_of((await history.tail(5)).kept), ["x"])

    async def test_isolation(self) -> None:
        """
        Hubs append in the right isolation, whatever the default of the database.
        """
        self.sql("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'")
        self.addCleanup(self.sql, "ALTER DATABASE postgres RESET default_transaction_isolation")
        first, second = self.open(), self.open()
        await gatherResults(
            [
                Deferred.fromCoroutine(self.fill(one, *map(str, range(20))))
                for one in (first, second)
            ]
        )

        self.assertEqual(len(await first.since(None, ALL, MANY)), 40)
