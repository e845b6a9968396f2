"""
Equal calls share one result.
"""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker.singleflight import SingleFlight

__all__ = ["SingleFlightTests"]


class SingleFlightTests(SynchronousTestCase):
    """
    `SingleFlight.call`.
    """

    def setUp(self) -> None:
        """
        A SingleFlight without calls.
        """
        self.calls: SingleFlight[str] = SingleFlight()
        self.started: list[Deferred[str]] = []

    def start(self) -> Deferred[str]:
        """
        Start a call that has no result yet.
        """
        self.started.append(Deferred())
        return self.started[-1]

    def test_once(self) -> None:
        """
        Calls with the same key run once, and all get the result.
        """
        answers = [self.calls.call("a", self.start) for _ in range(3)]
        self.started[0].callback("yes")

        self.assertEqual([self.successResultOf(one) for one in answers], ["yes"] * 3)
        self.assertEqual(len(self.started), 1)

    def test_others(self) -> None:
        """
        A call with another key runs by itself, and a finished key runs again.
        """
        self.calls.call("a", self.start)
        self.calls.call("b", self.start)
        self.started[0].callback("yes")
        again = self.calls.call("a", self.start)

        self.assertEqual(len(self.started), 3)
        self.assertNoResult(again)

    def test_failure(self) -> None:
        """
        All callers get the failure.
        """
        answers = [self.calls.call("a", self.start) for _ in range(2)]
        self.started[0].errback(ValueError("no"))

        for one in answers:
            self.failureResultOf(one, ValueError)

    def test_cancelled(self) -> None:
        """
        A cancelled caller does not affect the others.
        """
        first, second = (self.calls.call("a", self.start) for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.started[0].callback("yes")

        self.assertEqual(self.successResultOf(second), "yes")

    def test_at_once(self) -> None:
        """
        A result that is available at once is returned at once.
        """
        result: Deferred[str] = Deferred()
        result.callback("yes")

        self.assertEqual(self.successResultOf(self.calls.call("a", lambda: result)), "yes")
