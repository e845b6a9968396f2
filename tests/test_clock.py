"""
The global reactor as a clock.
"""

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.trial.unittest import TestCase
from zope.interface.verify import verifyObject

from twisted_sse.clock import GlobalClock

__all__ = ["GlobalClockTests"]


class GlobalClockTests(TestCase):
    """
    It forwards to the reactor.
    """

    def test_interface(self) -> None:
        """
        It is an `IReactorTime`.
        """
        self.assertTrue(verifyObject(IReactorTime, GlobalClock()))

    def test_seconds(self) -> None:
        """
        It returns the reactor's time.
        """
        before = IReactorTime(reactor).seconds()
        now = GlobalClock().seconds()

        self.assertTrue(before <= now <= IReactorTime(reactor).seconds())

    def test_call(self) -> None:
        """
        A delayed call is the reactor's, and can be found and cancelled.
        """
        clock = GlobalClock()
        call = clock.callLater(60, self.fail, "too early")

        self.assertIn(call, clock.getDelayedCalls())
        self.assertIn(call, IReactorTime(reactor).getDelayedCalls())
        call.cancel()
        self.assertNotIn(call, clock.getDelayedCalls())

    async def test_arguments(self) -> None:
        """
        A delayed call gets its arguments.
        """
        called: Deferred[tuple[object, ...]] = Deferred()
        GlobalClock().callLater(0, lambda *one, two: called.callback((*one, two)), 1, two=2)

        self.assertEqual(await called, (1, 2))
