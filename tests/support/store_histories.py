"""
Histories in a database server of the test's own: what tests of Redis and PostgreSQL share.
"""

from collections.abc import Awaitable, Sequence
from typing import Any, Protocol

from twisted.internet.task import deferLater
from twisted.logger import LogEvent, LogLevel, capturedLogs, formatEvent
from twisted.trial.unittest import TestCase

from tests.support.following import ALL, MANY, Following, data_of, publication
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE
from twisted_sse.errors import HistoryUnavailable, PerhapsKept
from twisted_sse.events.publication import Record
from twisted_sse.history.storehistory import StoreHistory

__all__ = ["SECRET", "AwayContract", "StoreServer", "StoreTestCase", "pause", "told"]

# The pause between two attempts, in seconds.
_STEP = 0.02

#: The password in the URLs of tests whose logs are searched for it.
SECRET = "secret"


class StoreServer(Protocol):
    """
    A database server that can be away.
    """

    port: int

    def kill(self) -> None:
        """
        Kill it, as in a crash.
        """

    def restart(self) -> None:
        """
        Start it again, with its data.
        """

    def pause(self) -> None:
        """
        Suspend it until `proceed`.
        """

    def proceed(self) -> None:
        """
        Resume it.
        """


async def pause(seconds: float) -> None:
    """
    Let time pass.
    """
    from twisted.internet import reactor

    await deferLater(reactor, seconds)


def told(events: Sequence[LogEvent], level: LogLevel) -> list[str]:
    """
    Return the messages that were logged at *level*.
    """
    return [formatEvent(one) for one in events if one["log_level"] == level]


class StoreTestCase(TestCase):
    """
    Opens histories of one store.
    """

    timeout = PATIENCE

    def make(self, **options: object) -> StoreHistory[Any]:
        """
        Make a history of this test's part of the store.
        """
        raise NotImplementedError

    def open(self, **options: object) -> StoreHistory[Any]:
        """
        Make a history and start it; it is stopped after the test.
        """
        history = self.make(**options)
        history.startService()
        self.addCleanup(self.close, history)
        return history

    async def close(self, history: StoreHistory[Any]) -> None:
        """
        Stop *history*, if it still runs.
        """
        if history.running:
            await history.stopService()

    async def fill(self, history: StoreHistory[Any], *data: str) -> list[Record]:
        """
        Append each of *data* by itself.
        """
        return [(await history.append([publication(one)]))[0] for one in data]

    async def keep_on(
        self, history: StoreHistory[Any], count: int
    ) -> tuple[list[Record], list[str]]:
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

    async def follow(self, history: StoreHistory[Any]) -> Following:
        """
        Follow *history* from its end.
        """
        following = Following()
        tail = await history.tail(1)
        history.follow(tail.newest, following.deliver, following.restart)
        return following

    async def available(self, *histories: StoreHistory[Any]) -> None:
        """
        Wait until all *histories* answer.
        """
        for history in histories:
            while True:
                try:
                    await history.check_available()
                except HistoryUnavailable:
                    # Poll until it is back; test cases have a time-out.
                    await pause(_STEP)
                else:
                    break

    async def refuse(self, asking: Awaitable[object]) -> str:
        """
        Assert that history is not available, and return why.
        """
        with self.assertRaises(HistoryUnavailable) as caught:
            await asking
        return str(caught.exception)


class AwayContract:
    """
    Errors and log messages while the store does not answer; for a `StoreTestCase`.

    Attributes:
        server: It has everything again after `StoreServer.restart`.

        name: What log messages call the store.
    """

    server: StoreServer
    name: str

    def address(self, port: int) -> str:
        """
        The URL of a store at *port*, with the password `SECRET`.
        """
        raise NotImplementedError

    async def test_never_there(self) -> None:
        """
        If there is no server, calls fail after one attempt.
        """
        history = self.open(url=self.address(free_port()))
        for asking in (history.tail(1), history.tail(1), history.append([publication("x")])):
            reason = await self.refuse(asking)
            self.assertIn("refused", reason)
            self.assertNotIn(SECRET, reason)

    async def test_log(self) -> None:
        """
        An outage is logged once, and so is its end, whatever a hub does meanwhile.
        """
        with capturedLogs() as events:
            history = self.open(url=self.address(self.server.port), timeout=3.0)
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

        store = f"{self.name} at 127.0.0.1:{self.server.port} is"
        (line,) = told(events, LogLevel.warn)
        self.assertIn(f"{store} not available: ", line)
        (line,) = told(events, LogLevel.info)
        self.assertIn(f"{store} available again after ", line)
        self.assertIn("the reason was: ", line)
        self.assertEqual(told(events, LogLevel.critical), [])
        self.assertNotIn(SECRET, "".join(map(formatEvent, events)))
        self.assertEqual((following.data, following.restarts), (["a", "b"], []))

    async def test_silent(self) -> None:
        """
        A store that does not answer is given up, and an append says that it may have been kept;
        when it answers again, nothing is kept twice.
        """
        patient, history = self.open(), self.open(timeout=1.0)
        await self.fill(patient, "a")
        await self.available(history)
        self.server.pause()
        self.addCleanup(self.server.proceed)
        with self.assertRaisesRegex(PerhapsKept, "may have been kept"):
            await history.append([publication("x", event_id="mine")])
        reading = await self.refuse(history.tail(1))
        self.server.proceed()
        await self.available(patient, history)
        await self.fill(patient, "y")

        self.assertIn("is not available", reading)
        found = data_of(await patient.since(None, ALL, MANY))
        self.assertIn(found, (["a", "y"], ["a", "x", "y"]))

    async def test_silent_for_a_moment(self) -> None:
        """
        If it comes back in time, a pending append is kept once, and acknowledged.
        """
        history = self.open(timeout=3.0)
        await history.tail(1)
        self.server.pause()
        self.addCleanup(self.server.proceed)
        appending = history.append([publication("x")])
        # The connection is given up after three seconds, and there are six.
        await pause(3.2)
        self.server.proceed()
        (record,) = await appending

        self.assertEqual(await history.since(None, ALL, MANY), [record])

    async def test_stop_while_silent(self) -> None:
        """
        It can be stopped although the store does not answer.
        """
        history = self.open(timeout=1.0)
        await self.available(history)
        await self.follow(history)
        self.server.pause()
        self.addCleanup(self.server.proceed)
        appending = self.assertFailure(history.append([publication("x")]), PerhapsKept)
        await history.stopService()

        self.assertIn("may have been kept", str(await appending))
