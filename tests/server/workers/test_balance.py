"""
A worker that is ahead leaves new connections to the others.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.workers.balance import Balance

__all__ = ["BalanceTests"]


class StubEndpoint:
    """
    Records whether it accepts.
    """

    accepts = True

    def pause(self) -> None:
        """
        See `EndpointService.pause`.
        """
        self.accepts = False

    def resume(self) -> None:
        """
        See `EndpointService.resume`.
        """
        self.accepts = True


class BalanceTests(SynchronousTestCase):
    """
    `Balance`.
    """

    def setUp(self) -> None:
        """
        A worker without connections.
        """
        self.clock = Clock()
        self.endpoint: Any = StubEndpoint()
        self.own = 0
        self.balance = Balance([self.endpoint], lambda: self.own, self.clock)

    def test_ahead(self) -> None:
        """
        It pauses for 20 ms, not longer, however far it is ahead.
        """
        self.own = 100
        self.balance.learn(20, 2)
        self.assertFalse(self.endpoint.accepts)
        self.clock.advance(0.019)
        self.assertFalse(self.endpoint.accepts)

        self.clock.advance(0.002)

        self.assertTrue(self.endpoint.accepts)
        self.balance.check()
        self.assertFalse(self.endpoint.accepts)

    def test_even(self) -> None:
        """
        It does not pause for a few connections more.
        """
        for own, elsewhere, workers in [(4, 0, 2), (104, 100, 2), (0, 900, 2), (1000, 0, 1)]:
            with self.subTest(own=own, elsewhere=elsewhere):
                self.own = own
                self.balance.learn(elsewhere, workers)

                self.assertTrue(self.endpoint.accepts)

    def test_stop(self) -> None:
        """
        Nothing happens after the stop.
        """
        self.own = 100
        self.balance.learn(0, 2)

        self.balance.stop()

        self.assertEqual(self.clock.getDelayedCalls(), [])
