"""
How many connections are accepted per second.

Law: nobody is refused.  Above the rate the ports are not read for a moment, and
newcomers wait in the kernel's queue, while those who are in are served.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReadDescriptor

from twisted_sse.transport.refusals import Refusals

__all__ = ["AcceptLimit"]

# How many times a second ports may be read.  A burst is what may be accepted between two
# of them: 20 connections of 1,000 a second, which take about 3 ms.
_SLICES = 50


class AcceptLimit:
    """
    Pauses ports when more connections arrive than *rate* allows.

    Args:
        rate: Connections per second, of all ports together.

        clock: An `IReactorTime`.

        refusals: Counts the pauses, as ``accepts``.
    """

    def __init__(self, rate: int, clock: Any, refusals: Refusals) -> None:
        self._rate = rate
        self._clock = clock
        self._refusals = refusals
        self._burst = max(1.0, rate / _SLICES)
        self._left = self._burst
        self._since = clock.seconds()
        self._ports: list[Any] = []
        self._call: Any = None

    def add(self, port: Any) -> None:
        """
        Pause *port* when it is time to.

        Args:
            port: An `IListeningPort`.  One that is no `IReadDescriptor`, as those of
                Twisted are, cannot be paused.
        """
        pausable: Any = IReadDescriptor(port, None)
        if pausable is None:
            return
        self._ports.append(pausable)
        self._slow_down(pausable)
        if self._call is not None:
            pausable.stopReading()

    def remove(self, port: Any) -> None:
        """
        Forget *port*, which is about to be closed.
        """
        if port in self._ports:
            self._ports.remove(port)
        if not self._ports and self._call is not None:
            self._call.cancel()
            self._call = None

    def accepted(self) -> None:
        """
        Count a connection that was accepted.
        """
        now = self._clock.seconds()
        elapsed = max(0.0, now - self._since)
        self._since = now
        self._left = min(self._burst, self._left + elapsed * self._rate) - 1
        # Twisted has accepted all connections of this turn, so some more may follow.
        if self._left < 1 and self._call is None:
            self._refusals.count("accepts")
            self._pause()

    def _pause(self) -> None:
        for port in self._ports:
            port.stopReading()
        # Until a whole burst may be accepted, so that this happens `_SLICES` times a second.
        self._call = self._clock.callLater((self._burst - self._left) / self._rate, self._resume)

    def _resume(self) -> None:
        self._call = None
        missing = self._burst - self._left - self._rate * (self._clock.seconds() - self._since)
        if missing > self._burst / 2:
            # More were accepted after the pause was decided.
            self._call = self._clock.callLater(missing / self._rate, self._resume)
            return
        for port in self._ports:
            self._slow_down(port)
            port.startReading()

    def _slow_down(self, port: Any) -> None:
        # Twisted's ports begin with 100 connections in one turn of the reactor, and
        # adapt that number to what arrives.
        port.numberAccepts = max(1, int(self._burst))
