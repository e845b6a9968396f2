"""
Ends streams whose readers take nothing for too long.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.clock import looping_call

__all__ = ["CurrentSendTimeout", "SendTimeout", "Stallable"]

# Checks per time-out: a stream ends at most a quarter of the time-out late.
_CHECKS = 4


class Stallable(Protocol):
    """
    A stream that can be blocked and aborted.
    """

    @property
    def unsent(self) -> int:
        """
        See `Sink.unsent`.
        """

    def abort(self, reason: EndReason) -> None:
        """
        End the stream without waiting: what was not sent stays unsent.
        """


class SendTimeout:
    """
    Aborts connections that are blocked and whose readers take nothing.

    Attributes:
        limit: The time-out in seconds, greater than 0.
    """

    def __init__(self, limit: float, clock: IReactorTime) -> None:
        self.limit = limit
        self._clock = clock
        # Since when each is blocked, and how many bytes were unsent then.
        self._blocked: dict[Stallable, tuple[float, int]] = {}

    def wait_for(self, connection: Stallable) -> None:
        """
        Watch *connection*, which is blocked.
        """
        self._blocked.setdefault(connection, (self._clock.seconds(), connection.unsent))
        if not self._loop.running:
            self._loop.start(self.limit / _CHECKS, now=False)

    def wait_no_more(self, connection: Stallable) -> None:
        """
        Stop watching *connection*: it can be written to, or has ended.
        """
        self._blocked.pop(connection, None)
        if not self._blocked and self._loop.running:
            self._loop.stop()

    def stop(self) -> list[Stallable]:
        """
        Stop watching all connections.

        Returns:
            Those that were watched.
        """
        watched = list(self._blocked)
        for connection in watched:
            self.wait_no_more(connection)
        return watched

    @cached_property
    def _loop(self) -> LoopingCall:
        # Made when first needed, because making a LoopingCall chooses a reactor.
        return looping_call(self._clock, self._check)

    def _check(self) -> None:
        now = self._clock.seconds()
        for connection, (since, unsent) in list(self._blocked.items()):
            left = connection.unsent
            if left < unsent:
                since = now
            if since <= now - self.limit:
                connection.abort(EndReason.SEND_TIMEOUT)
            else:
                self._blocked[connection] = (since, left)


class CurrentSendTimeout:
    """
    A `SendTimeout` that may be changed, or be none.

    Attributes:
        limit: In seconds; ``None`` for none.
    """

    def __init__(self, limit: float | None, clock: IReactorTime) -> None:
        self._clock = clock
        self._current: SendTimeout | None = None
        self.limit: float | None = None
        self.set(limit)

    def set(self, limit: float | None) -> None:
        """
        Apply *limit* from now on, also to connections that are blocked.
        """
        blocked = [] if self._current is None else self._current.stop()
        self.limit = limit
        self._current = None if limit is None else SendTimeout(limit, self._clock)
        for connection in blocked:
            self.wait_for(connection)

    def wait_for(self, connection: Stallable) -> None:
        """
        See `SendTimeout.wait_for`.
        """
        if self._current is not None:
            self._current.wait_for(connection)

    def wait_no_more(self, connection: Stallable) -> None:
        """
        See `SendTimeout.wait_no_more`.
        """
        if self._current is not None:
            self._current.wait_no_more(connection)
