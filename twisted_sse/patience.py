"""
How long those are waited for who cannot be written to.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from twisted_sse.connection import Connection, Reason

__all__ = ["Patience"]

# Looks in the time that a reader is given, so it is let go at most a quarter of
# that time late.
_LOOKS = 4


class Patience:
    """
    Lets go of connections that have been blocked for too long.

    Args:
        limit: How long, in seconds, greater than 0.
    """

    def __init__(self, limit: float, clock: IReactorTime) -> None:
        self._limit = limit
        self._clock = clock
        self._blocked: dict[Connection, float] = {}
        self._loop = LoopingCall(self._look)
        self._loop.clock = clock

    def wait_for(self, connection: Connection) -> None:
        """
        *connection* is blocked.
        """
        self._blocked.setdefault(connection, self._clock.seconds())
        if not self._loop.running:
            self._loop.start(self._limit / _LOOKS, now=False)

    def wait_no_more(self, connection: Connection) -> None:
        """
        *connection* can be written to, or has ended.
        """
        self._blocked.pop(connection, None)
        if not self._blocked and self._loop.running:
            self._loop.stop()

    def _look(self) -> None:
        latest = self._clock.seconds() - self._limit
        for connection, since in list(self._blocked.items()):
            if since <= latest:
                connection.cut(Reason.STUCK)
