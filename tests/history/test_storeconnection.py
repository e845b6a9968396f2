"""
A connection that is made again, and the bell that ends its pauses; time is a `Clock`.
"""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history.bell import Bell
from twisted_sse.history.outage import Outage
from twisted_sse.history.storeconnection import StoreConnection

__all__ = ["BellTests", "StoreConnectionTests"]


class Line:
    """
    One connection, which ends when the test says so.
    """

    def __init__(self) -> None:
        self.heard = 0.0
        self.waiting = 0
        self.dropped: list[Exception] = []
        self._gone: Deferred[Exception] = Deferred()

    def drop(self, reason: Exception) -> None:
        """
        See `StoreProtocol`.
        """
        self.dropped.append(reason)
        if not self._gone.called:
            self._gone.callback(reason)

    def when_gone(self) -> Deferred[Exception]:
        """
        See `StoreProtocol`.
        """
        return succeed(self.dropped[0]) if self.dropped else self._gone


class Lines(StoreConnection[Line]):
    """
    Connects to nothing.
    """

    def _reason_of(self, error: Exception) -> str:
        return str(error)

    async def line(self) -> Line:
        """
        The connection that a call would use.
        """
        line = await self._connected()
        self._expect_answer(line)
        return line


class BellTests(SynchronousTestCase):
    """
    `Bell`.
    """

    def setUp(self) -> None:
        """
        Hang it up.
        """
        self.clock = Clock()
        self.bell = Bell(self.clock)

    def waiting(self) -> Deferred[None]:
        """
        Wait for ten seconds.
        """
        return Deferred.fromCoroutine(self.bell.wait(10))

    def test_time(self) -> None:
        """
        A wait ends when the time is over, and not before.
        """
        waiting = self.waiting()
        self.clock.advance(9.9)
        self.assertNoResult(waiting)

        self.clock.advance(0.1)
        self.successResultOf(waiting)

    def test_ring(self) -> None:
        """
        Ringing ends it, and leaves no timer; what was rung before counts for one wait.
        """
        waiting = self.waiting()
        self.bell.ring()
        self.successResultOf(waiting)
        self.bell.ring()
        self.successResultOf(self.waiting())

        self.assertNoResult(self.waiting())
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)

    def test_cancel(self) -> None:
        """
        A wait that is canceled leaves no timer, and the next one waits.
        """
        waiting = self.waiting()
        waiting.cancel()
        self.failureResultOf(waiting)

        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertNoResult(self.waiting())


class StoreConnectionTests(SynchronousTestCase):
    """
    `StoreConnection`.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        self.clock = Clock()
        self.attempts: list[Deferred[Line]] = []
        self.lines = Lines(self.attempt, Outage("The store", self.clock), 5.0, 1.0, self.clock)

    def attempt(self) -> Deferred[Line]:
        """
        Begin to connect.
        """
        self.attempts.append(Deferred())
        return self.attempts[-1]

    def fail(self, why: str = "refused") -> None:  # type: ignore[override]
        """
        Let the last attempt fail.
        """
        self.attempts[-1].errback(OSError(why))

    def calling(self) -> Deferred[Line]:
        """
        Ask for the connection.
        """
        return Deferred.fromCoroutine(self.lines.line())

    def test_first(self) -> None:
        """
        Calls wait for the first attempt, and fail at once after it has failed.
        """
        calling = self.calling()
        self.assertNoResult(calling)
        self.fail()

        for each in (calling, self.calling()):
            failure = self.failureResultOf(each, HistoryUnavailable)
            self.assertEqual(str(failure.value), "The store is not available: refused.")

    def test_again(self) -> None:
        """
        It connects again after a pause, and pauses are at most as long as the longest.
        """
        for _ in range(12):
            self.fail()
            before = len(self.attempts)
            self.clock.advance(1.0)
            self.assertEqual(len(self.attempts), before + 1)
        line = Line()
        self.attempts[-1].callback(line)

        self.assertIs(self.successResultOf(self.calling()), line)

    def test_encouraged(self) -> None:
        """
        When it is encouraged, it connects at once, and calls wait for that.
        """
        self.fail()
        before = len(self.attempts)
        self.lines.encourage()
        calling = self.calling()
        self.assertEqual(len(self.attempts), before + 1)
        self.assertNoResult(calling)
        # This attempt may have begun before there was a reason.
        self.fail()
        self.assertEqual(len(self.attempts), before + 2)
        self.assertNoResult(calling)
        self.fail("still refused")

        failure = self.failureResultOf(calling, HistoryUnavailable)
        self.assertIn("still refused", str(failure.value))
        self.assertEqual(len(self.attempts), before + 2)

    def test_silent(self) -> None:
        """
        A store that owes an answer and says nothing is given up.
        """
        line = Line()
        self.attempts[-1].callback(line)
        line.waiting = 1
        self.successResultOf(self.calling())
        self.clock.advance(3)
        line.heard = 3.0
        self.clock.advance(4.9)
        self.assertEqual(line.dropped, [])
        self.clock.advance(0.1)

        self.assertEqual(str(line.dropped[0]), "it has not answered for 5 seconds")

    def test_stop(self) -> None:
        """
        When it is stopped, it does not connect again, and no timer is left but that of the log.
        """
        line = Line()
        self.attempts[-1].callback(line)
        self.successResultOf(Deferred.fromCoroutine(self.lines.stop()))
        self.lines.encourage()
        self.clock.advance(100)

        self.assertEqual((len(self.attempts), len(line.dropped)), (1, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.successResultOf(self.lines.ready())
