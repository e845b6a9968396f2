"""
One question for all who ask the same.
"""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.singleflight import SingleFlight

__all__ = ["FlightsTests"]


class FlightsTests(SynchronousTestCase):
    """
    Questions to somebody who answers late.
    """

    def setUp(self) -> None:
        """
        Nothing was asked yet.
        """
        self.flights: SingleFlight[str] = SingleFlight()
        self.asked: list[Deferred[str]] = []

    def ask(self) -> Deferred[str]:
        """
        Ask a question that has no answer yet.
        """
        self.asked.append(Deferred())
        return self.asked[-1]

    def test_once(self) -> None:
        """
        The same question is asked once, and all get the answer.
        """
        answers = [self.flights.call("a", self.ask) for _ in range(3)]
        self.asked[0].callback("yes")

        self.assertEqual([self.successResultOf(one) for one in answers], ["yes"] * 3)
        self.assertEqual(len(self.asked), 1)

    def test_others(self) -> None:
        """
        Another question is asked by itself, and one that was answered is asked again.
        """
        self.flights.call("a", self.ask)
        self.flights.call("b", self.ask)
        self.asked[0].callback("yes")
        again = self.flights.call("a", self.ask)

        self.assertEqual(len(self.asked), 3)
        self.assertNoResult(again)

    def test_failure(self) -> None:
        """
        All are told of a failure.
        """
        answers = [self.flights.call("a", self.ask) for _ in range(2)]
        self.asked[0].errback(ValueError("no"))

        for one in answers:
            self.failureResultOf(one, ValueError)

    def test_cancelled(self) -> None:
        """
        Who waits no longer leaves the answer to the others.
        """
        first, second = (self.flights.call("a", self.ask) for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.asked[0].callback("yes")

        self.assertEqual(self.successResultOf(second), "yes")

    def test_at_once(self) -> None:
        """
        An answer that is there at once is given at once.
        """
        asked: Deferred[str] = Deferred()
        asked.callback("yes")

        self.assertEqual(self.successResultOf(self.flights.call("a", lambda: asked)), "yes")
