"""
Signals and garbage collection; `tests.e2e.test_stopping` sends signals to a real process.
"""

import gc
import signal

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.process import GarbageCollection, StopSignals

__all__ = ["GarbageCollectionTests", "StopSignalsTests"]


class StoppingReactor(MemoryReactorClock):
    """
    Counts its stops, and runs calls from threads at once.
    """

    stops = 0

    def stop(self) -> None:
        """
        See `IReactorCore.stop`.
        """
        self.stops += 1

    def callFromThread(self, callable: object, *args: object, **kwargs: object) -> None:
        """
        See `IReactorFromThreads.callFromThread`.
        """
        callable(*args, **kwargs)  # type: ignore[operator]


class StopSignalsTests(SynchronousTestCase):
    """
    `StopSignals`.
    """

    def setUp(self) -> None:
        """
        Install the handlers, and restore those of this process afterward.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.reactor = StoppingReactor()
        self.aborted: list[bool] = []
        service = StopSignals(self.reactor, lambda: self.aborted.append(True))
        service.startService()
        self.before = signal.getsignal(signal.SIGTERM)
        for call, arguments, options in self.reactor.whenRunningHooks:
            call(*arguments, **options)

    def test_waits_for_the_reactor(self) -> None:
        """
        The handlers replace those that the reactor installs when it starts.
        """
        self.assertIsNot(signal.getsignal(signal.SIGTERM), self.before)

    def test_stops(self) -> None:
        """
        A signal stops the reactor, and nothing is aborted.
        """
        signal.raise_signal(signal.SIGTERM)

        self.assertEqual((self.reactor.stops, self.aborted), (1, []))

    def test_again(self) -> None:
        """
        The next signal aborts, and does not stop the reactor again.
        """
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

        self.assertEqual((self.reactor.stops, self.aborted), (1, [True]))


class GarbageCollectionTests(SynchronousTestCase):
    """
    `GarbageCollection`.
    """

    def test_start(self) -> None:
        """
        The start freezes the objects that exist, and makes collections of old objects rare.
        """
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        GarbageCollection().startService()

        self.assertGreater(gc.get_freeze_count(), 0)
        self.assertEqual(gc.get_threshold(), (2_000, 10, 10_000))
