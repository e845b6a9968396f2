"""
Ends connections when the time is over that their grants are for.

One delayed call serves all of them, for the next that falls due.  Where no grant
ends, nothing is scheduled.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["GrantExpiry"]

# The longest that is waited in one go, in seconds: a reactor need not be able to
# wait until a grant of ten thousand years ends, and the time of day may be set.
_LONGEST = 3600.0

# How many connections are ended in one turn of the reactor: about 5 ms.  Grants
# that were given together may end together.
_SLICE = 200

# Entries of those who have left are thrown away when there are this many more
# than of those who are here, and as many again.
_STALE = 64


class GrantExpiry:
    """
    Knows whose time is limited.

    Args:
        clock: Tells the time that grants are measured by.
    """

    _log = Logger()

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._ends: dict[Connection, float] = {}
        # One entry is right for each connection: that with the time of ``_ends``.
        self._heap: list[tuple[float, int, Connection]] = []
        self._numbers = count()
        self._due = 0.0
        self._call: IDelayedCall | None = None

    def __len__(self) -> int:
        """
        How many entries are kept, those of connections that have left included.
        """
        return len(self._heap)

    def plan(self, connection: Connection, expires: float | None) -> None:
        """
        End *connection* at *expires*, in seconds, and not when it was planned
        before; ``None``: not at all.
        """
        if expires is None:
            self.forget(connection)
            return
        self._ends[connection] = expires
        heappush(self._heap, (expires, next(self._numbers), connection))
        self._tidy()
        if self._call is None or expires < self._due:
            self._schedule()

    def forget(self, connection: Connection) -> None:
        """
        End *connection* no more; it need not be known.
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
        later = max(self._due - self._clock.seconds(), 0.0)
        self._call = self._clock.callLater(min(later, _LONGEST), self._look)

    def _unschedule(self) -> None:
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        self._call = None
        now = self._clock.seconds()
        ended = 0
        while self._heap and self._heap[0][0] <= now and ended < _SLICE:
            expires, _, connection = heappop(self._heap)
            if self._ends.get(connection) == expires:
                del self._ends[connection]
                self._end(connection)
                ended += 1
        if not self._ends:
            self._heap.clear()
        # The application hears of each end, and may have planned another.
        if self._heap and self._call is None:
            self._schedule()

    def _end(self, connection: Connection) -> None:
        try:
            connection.dismiss(EndReason.EXPIRED)
        except Exception:
            self._log.failure("A stream whose time is over could not be ended")
