"""
The process of a standalone hub: its signals, its timers, and its garbage collection.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from twisted_sse.clock import make_monotonic

__all__ = ["GarbageCollection", "MonotonicTimers", "StopSignals"]


class StopSignals(Service):
    """
    Stops the reactor on SIGINT and SIGTERM, so that the process exits with status 0.

    Twisted's own handlers stop it as well, but then twistd sends the signal to
    itself again: a clean stop would look like a crash to a process supervisor.

    Args:
        leave: Called at the first signal.

        abort: Called at the next signal, to stop without waiting for slow
            subscribers.

        delay: The time between the first signal and the stop, in seconds.
    """

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        leave: Callable[[], object],
        abort: Callable[[], object],
        delay: float = 0.0,
    ) -> None:
        self._reactor = reactor
        self._leave = leave
        self._abort = abort
        self._delay = delay
        self._leaving = False
        self._waiting: IDelayedCall | None = None

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        # After the reactor has installed its own handlers, which it does when it starts.
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: object) -> None:
        # A handler may interrupt any code: only this call wakes the reactor safely.
        self._reactor.callFromThread(self._stop, signal.Signals(number).name)

    def _stop(self, name: str) -> None:
        if self._leaving:
            self._log.info("Received {name} again, ending all streams now", name=name)
            self._abort()
            self._end_delay()
            return
        self._leaving = True
        self._leave()
        if self._delay:
            self._log.info(
                "Received {name}, shutting down in {seconds:g} seconds",
                name=name,
                seconds=self._delay,
            )
            self._waiting = self._reactor.callLater(self._delay, self._reactor.stop)
        else:
            self._log.info("Received {name}, shutting down", name=name)
            self._reactor.stop()

    def _end_delay(self) -> None:
        if self._waiting is not None and self._waiting.active():
            self._waiting.cancel()
            self._reactor.stop()


class MonotonicTimers(Service):
    """
    Makes all timers of the process right even if the clock of the machine is set.

    It must start before every service that uses a timer.
    """

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor

    def privilegedStartService(self) -> None:
        """
        See `IService.privilegedStartService`, which is called first.
        """
        make_monotonic(self._reactor)


class GarbageCollection(Service):
    """
    Keeps garbage collection from blocking the reactor.

    A full collection examines every object: 142 ms with 8,000 streams, measured.
    Streams leave no reference cycles when they end (a test proves it), so only
    the youngest generation needs frequent collections.
    """

    # Allocations less deallocations between collections of the youngest generation;
    # those collections between two of the middle one, about 3 ms each; and those of
    # the middle one between two of the oldest.
    _THRESHOLDS = (2_000, 10, 10_000)

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        gc.collect()
        # Imported modules stay: the collector need not examine them again.
        gc.freeze()
        gc.set_threshold(*self._THRESHOLDS)
