"""
Signals and garbage collection; `tests.e2e.test_stopping` sends signals to a real process.
"""

import gc
import signal
from functools import partial
from typing import Any

import pytest
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.build import make_server
from twisted_sse.server.config.config import default_config
from twisted_sse.server.process import GarbageCollection, MonotonicTimers, StopSignals

__all__ = ["GarbageCollectionTests", "MonotonicTimersTests", "StopSignalsTests"]


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
        self.said: list[str] = []
        self.start()

    def start(self, delay: float = 0.0) -> None:
        """
        Start the service, and run the reactor.
        """
        leave, abort = partial(self.said.append, "leave"), partial(self.said.append, "abort")
        service = StopSignals(self.reactor, leave, abort, delay)
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

        self.assertEqual((self.reactor.stops, self.said), (1, ["leave"]))

    def test_again(self) -> None:
        """
        The next signal aborts, and does not stop the reactor again.
        """
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

        self.assertEqual((self.reactor.stops, self.said), (1, ["leave", "abort"]))

    def test_delay(self) -> None:
        """
        With a delay the reactor stops later, but the hub knows at once that it will.
        """
        self.start(delay=5.0)
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual((self.reactor.stops, self.said), (0, ["leave"]))

        self.reactor.advance(4.9)
        self.assertEqual(self.reactor.stops, 0)

        self.reactor.advance(0.1)
        self.assertEqual((self.reactor.stops, self.said), (1, ["leave"]))

    def test_again_in_delay(self) -> None:
        """
        A second signal ends the delay.
        """
        self.start(delay=5.0)
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        self.assertEqual((self.reactor.stops, self.said), (1, ["leave", "abort"]))

        self.reactor.advance(5.0)
        self.assertEqual(self.reactor.stops, 1)


class MonotonicTimersTests(SynchronousTestCase):
    """
    `MonotonicTimers`.
    """

    def test_reactor(self) -> None:
        """
        The reactor keeps its time and its calls, and does not look at the date any more.
        """
        reactor: Any = SelectReactor()
        for reader in reactor.removeAll():
            self.addCleanup(reader.connectionLost, None)
        date = [1_800_000_000.0]
        reactor.seconds = lambda: date[0]
        call = reactor.callLater(10, int)
        MonotonicTimers(reactor).privilegedStartService()
        date[0] -= 3600
        call.reset(20)

        self.assertLess(abs(reactor.seconds() - 1_800_000_000), 5)
        self.assertLess(abs(call.getTime() - 1_800_000_020), 5)

    def test_first(self) -> None:
        """
        It is the first part of the server that starts.
        """
        first = next(iter(make_server(default_config(), MemoryReactorClock())))

        self.assertIsInstance(first, MonotonicTimers)


@pytest.mark.usefixtures("thaw")
class GarbageCollectionTests(SynchronousTestCase):
    """
    `GarbageCollection`.
    """

    def test_start(self) -> None:
        """
        The start freezes the objects that exist, and makes collections of old objects rare.
        """
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        existing: list[object] = []
        GarbageCollection().startService()

        self.assertFalse(any(one is existing for one in gc.get_objects()))
        self.assertEqual(gc.get_threshold(), (2_000, 10, 10_000))
