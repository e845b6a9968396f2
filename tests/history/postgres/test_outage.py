"""
History in PostgreSQL while PostgreSQL is unavailable, and when it comes back.
"""

import os
import signal
from collections.abc import Sequence

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent

from tests.support.following import ALL, MANY, data_of, publication
from tests.support.ports import free_port
from tests.support.postgres_histories import PostgresTestCase
from twisted_sse.errors import HistoryUnavailable, PerhapsKept
from twisted_sse.events.publication import Record
from twisted_sse.history.postgres import PostgresHistory

__all__ = ["AwayTests", "CrashTests"]

# Of the hubs' connections.
_TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'twisted_sse'
"""


def told(events: Sequence[LogEvent], level: LogLevel) -> list[str]:
    """
    Return the messages that were logged at *level*.
    """
    return [formatEvent(one) for one in events if one["log_level"] == level]


async def pause(seconds: float) -> None:
    """
    Let time pass.
    """
    from twisted.internet import reactor

    await deferLater(reactor, seconds)


class CrashTests(PostgresTestCase):
    """
    Acknowledgements hold, whatever happens to PostgreSQL and the connections.
    """

    timeout = 60

    async def keep_on(self, history: PostgresHistory, count: int) -> tuple[list[Record], list[str]]:
        """
        Append one after the other; return the acknowledged records, and the data of
        the others.
        """
        records, refused = [], []
        for number in range(count):
            try:
                records += await history.append([publication(str(number))])
            except HistoryUnavailable:
                refused.append(str(number))
                await self.available(history)
        return records, refused

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


class AwayTests(PostgresTestCase):
    """
    Errors and log messages while PostgreSQL does not answer.
    """

    async def refuse(self, asking: Deferred[object]) -> str:
        """
        Assert that history is not available, and return why.
        """
        with self.assertRaises(HistoryUnavailable) as caught:
            await asking
        return str(caught.exception)

    async def test_never_there(self) -> None:
        """
        If there is no PostgreSQL, calls fail after one attempt.
        """
        history = self.open(url=f"postgresql://u:secret@127.0.0.1:{free_port()}/db")
        for asking in (history.tail(1), history.append([publication("x")])):
            reason = await self.refuse(asking)
            self.assertIn("refused", reason)
            self.assertNotIn("secret", reason)

    async def test_not_installed(self) -> None:
        """
        A database without the schema says how to install it, and is used when it is there.
        """
        history = self.open(schema="later")
        self.assertIn("history URL --install", await self.refuse(history.tail(1)))
        await history.install()
        await self.available(history)
        await self.fill(history, "x")

        self.assertEqual(data_of((await history.tail(5)).kept), ["x"])

    async def test_log(self) -> None:
        """
        An outage is logged once, and so is its end, whatever a hub does meanwhile.
        """
        url = self.server.url.replace("postgres@", "postgres:secret@")
        with capturedLogs() as events:
            history = self.open(url=url, timeout=1.0)
            following = await self.follow(history)
            await self.fill(history, "a")
            await following.has(1)
            self.server.kill()
            for _ in range(3):
                await self.refuse(history.append([publication("x")]))
                await self.refuse(history.check_available())
            self.server.restart()
            await self.available(history)
            await self.fill(history, "b")
            await following.has(2)
            # The log says so when it has been available for a second.
            await pause(1.2)

        store = f"PostgreSQL at 127.0.0.1:{self.server.port} is"
        (line,) = told(events, LogLevel.warn)
        self.assertIn(f"{store} not available: ", line)
        (line,) = told(events, LogLevel.info)
        self.assertIn(f"{store} available again after ", line)
        self.assertEqual(told(events, LogLevel.critical), [])
        self.assertNotIn("secret", "".join(map(formatEvent, events)))
        self.assertEqual((following.data, following.restarts), (["a", "b"], []))

    async def test_silent(self) -> None:
        """
        A PostgreSQL that does not answer is given up, and an append says that it may have been
        kept; when it answers again, nothing is kept twice.
        """
        history = self.open(timeout=0.5)
        await self.fill(history, "a")
        self.server.pause()
        self.addCleanup(self.server.proceed)
        with self.assertRaises(PerhapsKept):
            await history.append([publication("x")])
        reading = await self.refuse(history.tail(1))
        self.server.proceed()
        await self.available(history)
        await self.fill(history, "y")

        self.assertIn("is not available", reading)
        found = data_of(await history.since(None, ALL, MANY))
        self.assertIn(found, (["a", "y"], ["a", "x", "y"]))

    async def test_stop_while_silent(self) -> None:
        """
        It can be stopped although PostgreSQL does not answer.
        """
        history = self.open(timeout=0.3)
        await self.follow(history)
        await self.fill(history, "a")
        self.server.pause()
        self.addCleanup(self.server.proceed)
        appending = self.assertFailure(history.append([publication("x")]), HistoryUnavailable)
        await history.stopService()

        await appending

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
