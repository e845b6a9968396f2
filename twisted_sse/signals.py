"""
How the hub on its own is told to stop.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

from twisted.application.service import Service
from twisted.logger import Logger

__all__ = ["StopSignals"]


class StopSignals(Service):
    """
    Stops the reactor on SIGINT and SIGTERM, and lets the process end with 0.

    Twisted's own handlers stop it as well, but then twistd sends the signal to
    itself once more: a clean stop would look like a crash to whoever watches.

    Args:
        hurry: Called when the signal comes again: somebody does not want to
            wait for slow readers.
    """

    _log = Logger()

    def __init__(self, reactor: Any, hurry: Callable[[], object]) -> None:
        self._reactor = reactor
        self._hurry = hurry
        self._stopping = False

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        # The reactor installs its handlers when it starts: ours come after.
        self._reactor.callWhenRunning(self._install)

    def _install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._heard)

    def _heard(self, number: int, frame: object) -> None:
        # A handler interrupts anything: only this wakes the reactor safely.
        self._reactor.callFromThread(self._stop, signal.Signals(number).name)

    def _stop(self, name: str) -> None:
        if self._stopping:
            self._log.info("Received {name} again, waiting for nobody", name=name)
            self._hurry()
            return
        self._stopping = True
        self._log.info("Received {name}, shutting down", name=name)
        self._reactor.stop()
