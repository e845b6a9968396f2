"""
Calls between two processes, in memory.
"""

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from tests.server.workers.pairs import connect
from twisted_sse.broker.receipts import KeyReused
from twisted_sse.errors import (
    EndsNotKept,
    HistoryUnavailable,
    HubClosed,
    PerhapsKept,
    TopicEnded,
)
from twisted_sse.server.workers.calls import Calls

__all__ = ["CallsTests"]


class CallsTests(SynchronousTestCase):
    """
    `Calls`.
    """

    def test_result(self) -> None:
        """
        A call has arguments and a result, and several may be under way.
        """
        calls, _, deliver = connect({}, {"add": lambda one, other: one + other})

        first, second = calls.call("add", 1, 2), calls.call("add", "é\n", "x")
        deliver()

        self.assertEqual(self.successResultOf(first), 3)
        self.assertEqual(self.successResultOf(second), "é\nx")

    def test_later(self) -> None:
        """
        A result that comes later is sent when it comes.
        """
        coming: Deferred[int] = Deferred()
        calls, _, deliver = connect({}, {"ask": lambda: coming})
        result = calls.call("ask")
        deliver()
        self.assertNoResult(result)

        coming.callback(7)
        deliver()

        self.assertEqual(self.successResultOf(result), 7)

    def test_errors(self) -> None:
        """
        The errors that publishers are told arrive as what they were.
        """
        for kind in (EndsNotKept, HistoryUnavailable, HubClosed, KeyReused, PerhapsKept):
            with self.subTest(kind=kind):
                calls, _, deliver = connect({}, {"ask": lambda kind=kind: fail(kind("why"))})
                result = calls.call("ask")
                deliver()

                failure = self.failureResultOf(result, kind)
                self.assertIs(type(failure.value), kind)
                self.assertEqual(str(failure.value), "why")

    def test_ended_topics(self) -> None:
        """
        So does which topics have ended.
        """
        calls, _, deliver = connect({}, {"ask": lambda: fail(TopicEnded(["a", "b"]))})
        result = calls.call("ask")
        deliver()

        self.assertEqual(self.failureResultOf(result, TopicEnded).value.topics, ("a", "b"))

    def test_defect(self) -> None:
        """
        An error that nobody expects is logged where it happens; the outcome is unknown.
        """
        calls, _, deliver = connect({}, {"ask": lambda: 1 / 0})
        result = calls.call("ask")
        deliver()

        self.failureResultOf(result, PerhapsKept)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_tell(self) -> None:
        """
        A call without an answer is made, and a failure of it is logged.
        """
        told: list[int] = []
        calls, _, deliver = connect({}, {"note": told.append, "fail": lambda: 1 / 0})

        calls.tell("note", 5)
        calls.tell("fail")
        deliver()

        self.assertEqual(told, [5])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_split(self) -> None:
        """
        Bytes may arrive in pieces of any size.
        """
        told: list[str] = []
        written: list[bytes] = []
        Calls(written.append, {}).tell("note", "hello")
        receiving = Calls(written.append, {"note": told.append})

        for place in range(len(written[0])):
            receiving.feed(written[0][place : place + 1])

        self.assertEqual(told, ["hello"])

    def test_lost(self) -> None:
        """
        When the other end is gone, calls fail, and nothing more is written.
        """
        written: list[bytes] = []
        calls = Calls(written.append, {})
        waiting = calls.call("ask")

        calls.lose()
        calls.tell("note")

        self.failureResultOf(waiting, PerhapsKept)
        self.failureResultOf(calls.call("ask"), PerhapsKept)
        self.assertEqual(len(written), 1)

    def test_late_answer(self) -> None:
        """
        An answer to a call that was given up is ignored.
        """
        calls, _, deliver = connect({}, {"ask": lambda: 1})
        result = calls.call("ask")
        result.cancel()
        self.failureResultOf(result)

        deliver()

        self.assertEqual(self.successResultOf(self.again(calls, deliver)), 1)

    def again(self, calls: Calls, deliver: object) -> "Deferred[object]":
        """
        Make another call.
        """
        result = calls.call("ask")
        deliver()  # type: ignore[operator]
        return result

    def test_bounded(self) -> None:
        """
        An end that never answers does not make calls collect.
        """
        calls = Calls(lambda data: None, {})
        pending = [calls.call("ask") for _ in range(10_000)]

        self.failureResultOf(calls.call("ask"), PerhapsKept)
        self.assertNoResult(pending[0])
