"""
Closes connections when their grants expire.

One delayed call serves all connections: it waits for the grant that expires next.
While no grant expires, nothing is scheduled.  Connections whose grants expire together
are closed over up to two seconds, so that they do not all come back at the same moment.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from math import ceil

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.clock import dates_of

__all__ = ["GrantExpiry"]

# The longest delay of one call, in seconds: the time of day may be set, and then a
# grant may expire sooner than its delayed call.
_LONGEST = 10.0

# Many connections that are due together are closed in this many steps of this many
# seconds, but a few at a time at least.
_STEPS = 40
_STEP = 0.05
_LEAST_SHARE = 5

# Entries of ended connections are removed when they outnumber those of open
# connections by this many.
_STALE = 64


class GrantExpiry:
    """
    Knows when the grants of connections expire.

    Args:
        clock: What the checks are scheduled with.  Grants expire by its date.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._now = dates_of(clock)
        self._ends: dict[Connection, float] = {}
        # The entry of a connection that counts is the one with the time in ``_ends``.
        self._heap: list[tuple[float, int, Connection]] = []
        self._numbers = count()
        self._due = 0.0
        # The share of each step; 0 while no connection is due.
        self._share = 0
        self._call: IDelayedCall | None = None

    def __len__(self) -> int:
        """
        The number of entries, including those of connections that have ended.
        """
        return len(self._heap)

    def plan(self, connection: Connection, expires: float | None) -> None:
        """
        End *connection* at *expires*, whatever was planned for it before.

        Args:
            expires: In seconds; ``None`` plans no end.
        """
        if expires is None:
            self.forget(connection)
            return
        self._ends[connection] = expires
        heappush(self._heap, (expires, next(self._numbers), connection))
        self._tidy()
        if self._call is None or (expires < self._due and not self._share):
            self._schedule()

    def forget(self, connection: Connection) -> None:
        """
        Plan no end for *connection*, which may be unknown.
        """
        if self._ends.pop(connection, None) is None:
            return
        if self._ends:
            self._tidy()
        else:
            self._heap.clear()
            self._unschedule()

    def _tidy(self) -> None:
        if len(self._heap) > 2 * len(self._ends) + _STALE:
            self._heap = [(end, next(self._numbers), one) for one, end in self._ends.items()]
            heapify(self._heap)

    def _schedule(self) -> None:
        self._unschedule()
        self._due = self._heap[0][0]
        later = max(self._due - self._now(), _STEP if self._share else 0.0)
        self._call = self._clock.callLater(min(later, _LONGEST), self._check)

    def _unschedule(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _check(self) -> None:
        self._call = None
        now = self._now()
        for _ in range(self._share or _LEAST_SHARE):
            connection = self._next_due(now)
            if connection is None:
                break
            del self._ends[connection]
            self._end(connection)
        if self._next_due(now) is None:
            self._share = 0
        else:
            due = sum(end <= now for end in self._ends.values())
            self._share = max(self._share, _LEAST_SHARE, ceil(due / _STEPS))
        if not self._ends:
            self._heap.clear()
        # A listener of the application may have planned another end.
        if self._heap and self._call is None:
            self._schedule()

    def _next_due(self, now: float) -> Connection | None:
        while self._heap and self._heap[0][0] <= now:
            expires, _, connection = self._heap[0]
            if self._ends.get(connection) == expires:
                return connection
            heappop(self._heap)
        return None

    def _end(self, connection: Connection) -> None:
        try:
            connection.dismiss(EndReason.EXPIRED)
        except Exception:
            self._log.failure("A stream whose grant has expired could not be ended")
