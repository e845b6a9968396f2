"""
Writes comments to idle connections, so that no proxy closes them.

HTML: "Legacy proxy servers are known to, in certain cases, drop HTTP
connections after a short timeout.  To protect against such proxy servers,
authors can include a comment line [...] every 15 seconds or so."

One `LoopingCall` serves all connections.  It checks each connection once in an
interval, so an event costs nothing here.  No comment is early.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from math import ceil
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_sse.clock import looping_call

__all__ = ["Keepalive", "Watched"]

_COMMENT = b":\n\n"

# Checks per interval: each one handles a small share of the connections, and a
# comment is at most 1/128 of an interval late.
_CHECKS = 128
_SHORTEST_STEP = 0.05  # seconds

# Connections that fall silent together, as after a broadcast, are due together.  A
# check then handles this many times its even share and leaves the rest to the next
# checks: the comments end up spread over a quarter of the interval, and stay so.
_RUSH = 4
_LEAST_SHARE = 100

# Marks a connection that is due.
_NOW = 0

# Two clock readings that should be equal may differ by this, in seconds.
_TOLERANCE = 1e-6


class Watched(Protocol):
    """
    A connection that can be kept alive.

    Attributes:
        due: The check at which `Keepalive` looks at it, or ``None``.
    """

    due: int | None

    @property
    def written(self) -> float:
        """
        When it was last written to on its own, in seconds.
        """

    @property
    def silent_since(self) -> float:
        """
        When it was last written to, in seconds.
        """

    def keep_alive(self, comment: bytes) -> None:
        """
        Write *comment*, unless something else is waiting to be written.
        """


class Keepalive:
    """
    Writes a comment to each watched connection after an interval of silence.

    Args:
        interval: In seconds, greater than 0.

        clock: What the checks are scheduled with.

        checks: The number of checks in an interval.  With more of them, comments
            are less late.

    Attributes:
        sent: How many times a comment was due.
    """

    _log = Logger()

    def __init__(self, interval: float, clock: IReactorTime, checks: int = _CHECKS) -> None:
        self._interval = interval
        self._clock = clock
        self._step = min(interval, max(interval / checks, _SHORTEST_STEP))
        self._began = 0.0
        self.sent = 0
        self._watched = 0
        self._checks: dict[int, dict[Watched, None]] = {}
        self._late: deque[Watched] = deque()
        self._checked = 0

    def watch(self, connection: Watched) -> None:
        """
        Watch *connection*, which has just been opened.
        """
        if not self._loop.running:
            self._began = self._clock.seconds()
            self._checked = 0
            self._loop.start(self._step, now=False)
        self._watched += 1
        self._plan(connection, connection.written)

    def forget(self, connection: Watched) -> None:
        """
        Stop watching *connection*.
        """
        if connection.due is None:
            return
        if connection.due != _NOW:
            del self._checks[connection.due][connection]
        connection.due = None
        self._watched -= 1
        if not self._watched:
            self._loop.stop()
            self._checks.clear()
            self._late.clear()

    def _plan(self, connection: Watched, silent_since: float) -> None:
        elapsed = silent_since + self._interval - self._began
        connection.due = max(ceil((elapsed - _TOLERANCE) / self._step), self._checked + 1)
        self._checks.setdefault(connection.due, {})[connection] = None

    @cached_property
    def _loop(self) -> LoopingCall:
        # Made when first needed, because making a LoopingCall chooses a reactor.
        return looping_call(self._clock, self._check)

    def _check(self) -> None:
        now = self._clock.seconds()
        until = int((now - self._began + _TOLERANCE) / self._step)
        for check in range(self._checked + 1, until + 1):
            for connection in self._checks.pop(check, ()):
                connection.due = _NOW
                self._late.append(connection)
        self._checked = until
        call = max(_LEAST_SHARE, ceil(_RUSH * self._watched * self._step / self._interval))
        while self._late and call:
            self._check_one(self._late.popleft(), now)
            call -= 1

    def _check_one(self, connection: Watched, now: float) -> None:
        if connection.due is None:
            return
        silent_since = connection.silent_since
        if now - silent_since > self._interval - _TOLERANCE:
            self.sent += 1
            try:
                connection.keep_alive(_COMMENT)
            except Exception:
                self._log.failure("A keepalive comment could not be written")
            silent_since = now
        if connection.due is not None:
            self._plan(connection, silent_since)
