"""
Being told to stop; `tests.e2e.test_stopping` sends real signals to a real hub.
"""

import signal

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.process import StopSignals

__all__ = ["StopSignalsTests"]


class StoppingReactor(MemoryReactorClock):
    """
    Counts how often it is stopped, and does at once what it is told from elsewhere.
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
        Have it installed, and this process's own handlers back afterward.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            self.addCleanup(signal.signal, number, signal.getsignal(number))
        self.reactor = StoppingReactor()
        self.hurried: list[bool] = []
        service = StopSignals(self.reactor, lambda: self.hurried.append(True))
        service.startService()
        self.before = signal.getsignal(signal.SIGTERM)
        for call, arguments, options in self.reactor.whenRunningHooks:
            call(*arguments, **options)

    def test_waits_for_the_reactor(self) -> None:
        """
        The handlers come after the reactor's own, which it installs when it starts.
        """
        self.assertIsNot(signal.getsignal(signal.SIGTERM), self.before)

    def test_stops(self) -> None:
        """
        Either signal stops the reactor, and nobody is hurried.
        """
        signal.raise_signal(signal.SIGTERM)

        self.assertEqual((self.reactor.stops, self.hurried), (1, []))

    def test_again(self) -> None:
        """
        The next one hurries, and does not stop the reactor again.
        """
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

        self.assertEqual((self.reactor.stops, self.hurried), (1, [True]))
