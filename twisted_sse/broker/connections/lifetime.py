"""
Ends connections that have lasted for long, so that they spread over all hubs behind a
load balancer again, also over those that were started after them.

One `LoopingCall` serves all connections.  A client comes back after its reconnection
time, and continues where it was.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cached_property

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.clock import looping_call

__all__ = ["MaxLifetime"]

# Checks per lifetime: a connection ends at most this share of it late.
_CHECKS = 256

# Connections end within this last part of the lifetime, so that those which were opened
# together, as after a restart, do not come back together.
_JITTER = 0.25

# Two clock readings that should be equal may differ by this share of a step.
_TOLERANCE = 1e-6


class MaxLifetime:
    """
    Ends each connection after three quarters of the limit to the whole limit.

    Args:
        limit: In seconds, greater than 0.

        chance: Returns a number from 0 to 1, for each connection.
    """

    _log = Logger()

    def __init__(
        self, limit: float, clock: IReactorTime, chance: Callable[[], float] = random.random
    ) -> None:
        self._limit = limit
        self._clock = clock
        self._chance = chance
        self._step = limit / _CHECKS
        self._began = 0.0
        self._checked = 0
        # The check at which each connection ends, and the connections of each check.
        self._due: dict[Connection, int] = {}
        self._checks: dict[int, dict[Connection, None]] = {}

    def watch(self, connection: Connection) -> None:
        """
        Plan the end of *connection*, which has just been opened.
        """
        if not self._loop.running:
            self._began = self._clock.seconds()
            self._checked = 0
            self._loop.start(self._step, now=False)
        age = self._clock.seconds() - self._began
        lifetime = self._limit * (1 - _JITTER * self._chance())
        # Rounded down, so that no connection lasts longer than the limit.
        check = max(int((age + lifetime) / self._step), self._checked + 1)
        self._due[connection] = check
        self._checks.setdefault(check, {})[connection] = None

    def forget(self, connection: Connection) -> None:
        """
        Plan no end for *connection*, which may be unknown.
        """
        check = self._due.pop(connection, None)
        if check is None:
            return
        found = self._checks[check]
        del found[connection]
        if not found:
            del self._checks[check]
        if not self._due:
            self._loop.stop()

    @cached_property
    def _loop(self) -> LoopingCall:
        # Made when first needed, because making a LoopingCall chooses a reactor.
        return looping_call(self._clock, self._check)

    def _check(self) -> None:
        age = self._clock.seconds() - self._began
        until = int(age / self._step + _TOLERANCE)
        for check in range(self._checked + 1, until + 1):
            self._checked = check
            for connection in list(self._checks.get(check, ())):
                self._end(connection)

    def _end(self, connection: Connection) -> None:
        try:
            connection.dismiss(EndReason.LIFETIME)
        except Exception:
            self._log.failure("A stream that has lasted for its lifetime could not be ended")
