"""
How long those are waited for who cannot be written to, and take nothing.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["SendTimeout", "Stallable"]

# Looks in the time that a reader is given, so it is let go at most a quarter of
# that time late.
_LOOKS = 4


class Stallable(Protocol):
    """
    What may be blocked, and can be let go.
    """

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`.
        """

    def abort(self, reason: EndReason) -> None:
        """
        End it without waiting: what was not sent stays unsent.
        """


class SendTimeout:
    """
    Lets go of connections that are blocked and have taken nothing for too long.

    Attributes:
        limit: How long, in seconds, greater than 0.
    """

    def __init__(self, limit: float, clock: IReactorTime) -> None:
        self.limit = limit
        self._clock = clock
        # Since when, and what was unsent then.
        self._blocked: dict[Stallable, tuple[float, int]] = {}

    def wait_for(self, connection: Stallable) -> None:
        """
        *connection* is blocked.
        """
        self._blocked.setdefault(connection, (self._clock.seconds(), connection.unsent))
        if not self._loop.running:
            self._loop.start(self.limit / _LOOKS, now=False)

    def wait_no_more(self, connection: Stallable) -> None:
        """
        *connection* can be written to, or has ended.
        """
        self._blocked.pop(connection, None)
        if not self._blocked and self._loop.running:
            self._loop.stop()

    @cached_property
    def _loop(self) -> LoopingCall:
        # Not sooner than it is needed, because making one chooses a reactor.
        loop = LoopingCall(self._look)
        loop.clock = self._clock
        return loop

    def _look(self) -> None:
        now = self._clock.seconds()
        for connection, (since, unsent) in list(self._blocked.items()):
            left = connection.unsent
            if left < unsent:
                since = now
            if since <= now - self.limit:
                connection.abort(EndReason.SEND_TIMEOUT)
            else:
                self._blocked[connection] = (since, left)
