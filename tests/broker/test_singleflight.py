"""
Equal calls share one result.
"""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.singleflight import SingleFlight

__all__ = ["FlightsTests"]


class FlightsTests(SynchronousTestCase):
    """
    `SingleFlight.call`.
    """

    def setUp(self) -> None:
        """
        A SingleFlight without calls.
        """
        self.flights: SingleFlight[str] = SingleFlight()
        self.asked: list[Deferred[str]] = []

    def ask(self) -> Deferred[str]:
        """
        Start a call that has no result yet.
        """
        self.asked.append(Deferred())
        return self.asked[-1]

    def test_once(self) -> None:
        """
        Calls with the same key run once, and all get the result.
        """
        answers = [self.flights.call("a", self.ask) for _ in range(3)]
        self.asked[0].callback("yes")

        self.assertEqual([self.successResultOf(one) for one in answers], ["yes"] * 3)
        self.assertEqual(len(self.asked), 1)

    def test_others(self) -> None:
        """
        A call with another key runs by itself, and a finished key runs again.
        """
        self.flights.call("a", self.ask)
        self.flights.call("b", self.ask)
        self.asked[0].callback("yes")
        again = self.flights.call("a", self.ask)

        self.assertEqual(len(self.asked), 3)
        self.assertNoResult(again)

    def test_failure(self) -> None:
        """
        All callers get the failure.
        """
        answers = [self.flights.call("a", self.ask) for _ in range(2)]
        self.asked[0].errback(ValueError("no"))

        for one in answers:
            self.failureResultOf(one, ValueError)

    def test_cancelled(self) -> None:
        """
        A cancelled caller does not affect the others.
        """
        first, second = (self.flights.call("a", self.ask) for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.asked[0].callback("yes")

        self.assertEqual(self.successResultOf(second), "yes")

    def test_at_once(self) -> None:
        """
        A result that is available at once is returned at once.
        """
        asked: Deferred[str] = Deferred()
        asked.callback("yes")

        self.assertEqual(self.successResultOf(self.flights.call("a", lambda: asked)), "yes")
