"""
Comments for idle connections, so that nothing on the way takes them for dead.

HTML: "Legacy proxy servers are known to, in certain cases, drop HTTP
connections after a short timeout.  To protect against such proxy servers,
authors can include a comment line [...] every 15 seconds or so."

One `LoopingCall` serves all connections.  It looks at each of them once an
interval, so an event costs nothing here; nobody gets a comment early.
"""

from __future__ import annotations

from collections import deque
from functools import cached_property
from math import ceil
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

__all__ = ["Keepalive", "Watched"]

_COMMENT = b":\n\n"

# Looks an interval is divided into: each takes a small share of the
# connections, and a comment is at most 1/128 of an interval late.
_LOOKS = 128
_SHORTEST_STEP = 0.05  # seconds

# If all connections fall silent together, as after a broadcast, they fall due
# together.  A look then takes this many times its even share and leaves the
# others to the next looks: the comments end up spread over a quarter of the
# interval, and stay so.
_RUSH = 4
_LEAST_SHARE = 100

# The look of a connection whose turn it is.
_NOW = 0

# Two clock readings that should be equal may differ by this, in seconds.
_TOLERANCE = 1e-6


class Watched(Protocol):
    """
    What can be kept alive.

    Attributes:
        due: The look at which `Keepalive` looks after it; ``None``: at none.
    """

    due: int | None

    @property
    def written(self) -> float:
        """
        When it was last written to alone, in seconds.
        """

    @property
    def silent_since(self) -> float:
        """
        When it was last written to, in seconds.
        """

    def keep_alive(self, comment: bytes) -> None:
        """
        Write *comment*, unless there is something to be written already.
        """


class Keepalive:
    """
    Watches connections, and writes a comment after every *interval* of silence.

    Args:
        interval: In seconds, greater than 0.

        clock: What the looks are scheduled with.

        looks: How many there are in an interval: the more, the sooner after its
            interval everybody gets a comment.
    """

    _log = Logger()

    def __init__(self, interval: float, clock: IReactorTime, looks: int = _LOOKS) -> None:
        self._interval = interval
        self._clock = clock
        self._step = min(interval, max(interval / looks, _SHORTEST_STEP))
        self._began = 0.0
        self._watched = 0
        self._looks: dict[int, dict[Watched, None]] = {}
        self._late: deque[Watched] = deque()
        self._looked = 0

    def watch(self, connection: Watched) -> None:
        """
        Look after *connection*, which has just been opened.
        """
        if not self._loop.running:
            self._began = self._clock.seconds()
            self._looked = 0
            self._loop.start(self._step, now=False)
        self._watched += 1
        self._plan(connection, connection.written)

    def forget(self, connection: Watched) -> None:
        """
        Look after *connection* no longer.
        """
        if connection.due is None:
            return
        if connection.due != _NOW:
            del self._looks[connection.due][connection]
        connection.due = None
        self._watched -= 1
        if not self._watched:
            self._loop.stop()
            self._looks.clear()
            self._late.clear()

    def _plan(self, connection: Watched, silent_since: float) -> None:
        elapsed = silent_since + self._interval - self._began
        connection.due = max(ceil((elapsed - _TOLERANCE) / self._step), self._looked + 1)
        self._looks.setdefault(connection.due, {})[connection] = None

    @cached_property
    def _loop(self) -> LoopingCall:
        # Not sooner than it is needed, because making one chooses a reactor.
        loop = LoopingCall(self._look)
        loop.clock = self._clock
        return loop

    def _look(self) -> None:
        now = self._clock.seconds()
        until = int((now - self._began + _TOLERANCE) / self._step)
        for look in range(self._looked + 1, until + 1):
            for connection in self._looks.pop(look, ()):
                connection.due = _NOW
                self._late.append(connection)
        self._looked = until
        call = max(_LEAST_SHARE, ceil(_RUSH * self._watched * self._step / self._interval))
        while self._late and call:
            self._look_at(self._late.popleft(), now)
            call -= 1

    def _look_at(self, connection: Watched, now: float) -> None:
        if connection.due is None:
            return
        silent_since = connection.silent_since
        if now - silent_since > self._interval - _TOLERANCE:
            try:
                connection.keep_alive(_COMMENT)
            except Exception:
                self._log.failure("A keepalive comment could not be written")
            silent_since = now
        if connection.due is not None:
            self._plan(connection, silent_since)
