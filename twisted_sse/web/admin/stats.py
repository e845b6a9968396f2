"""
The stream that a page draws: one point each second, while anybody looks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.server import Request

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.admin.access import AdminAccess
from twisted_sse.web.admin.points import point_between
from twisted_sse.web.admin.processes import Processes, whole_sample
from twisted_sse.web.admin.sample import Sample

__all__ = ["KEPT_POINTS", "Stats"]

# Seconds between two points.
_INTERVAL = 1.0

#: How many points somebody is sent who begins to look: two minutes.
KEPT_POINTS = 120

# Over how many points quantiles are taken.
_RECENT = 10


class _Taken(NamedTuple):
    at: float
    sample: Sample


class Stats:
    """
    Takes samples while there are viewers.

    Args:
        access: Asked again before each point, since a token may be withdrawn while
            somebody looks.
    """

    _log = Logger()

    def __init__(self, processes: Processes, access: AdminAccess) -> None:
        self._processes = processes
        self._access = access
        self._clock = processes.broker.clock
        self._points: deque[dict[str, Any]] = deque(maxlen=KEPT_POINTS)
        self._taken: deque[_Taken] = deque(maxlen=_RECENT + 1)
        self._viewers = 0
        self._running = False
        self._waiting: list[Deferred[dict[str, Any]]] = []

    async def follow(self, request: Request) -> AsyncIterator[ServerSentEvent]:
        """
        Yield an event ``points`` with the newest points, and an event ``point`` for each
        that follows, while *request* would be admitted.
        """
        self._join()
        try:
            yield ServerSentEvent.json(list(self._points), event="points")
            while True:
                point = await self._next()
                if not await self._access.still_admits(request):
                    return
                yield ServerSentEvent.json(point, event="point")
        finally:
            self._leave()

    def _join(self) -> None:
        self._viewers += 1
        if not self._running:
            self._running = True
            self._taken.clear()
            self._take()

    def _leave(self) -> None:
        self._viewers -= 1

    def _next(self) -> Deferred[dict[str, Any]]:
        waiting: Deferred[dict[str, Any]] = Deferred(self._waiting.remove)
        self._waiting.append(waiting)
        return waiting

    def _take(self) -> None:
        """
        Take a sample now, and another one each second, while anybody looks.
        """
        if not self._viewers:
            self._running = False
            return
        taking = Deferred.fromCoroutine(whole_sample(self._processes))
        taken = taking.addCallback(self._add).addErrback(self._failed)
        taken.addCallback(lambda _: self._plan())

    def _plan(self) -> None:
        self._clock.callLater(_INTERVAL, self._take)

    def _add(self, sample: Sample) -> None:
        taken = _Taken(self._clock.seconds(), sample)
        if self._taken:
            self._tell(self._taken[-1], taken)
        self._taken.append(taken)

    def _tell(self, earlier: _Taken, later: _Taken) -> None:
        seconds = max(later.at - earlier.at, 1e-3)
        point = point_between(earlier.sample, later.sample, self._taken[0].sample, seconds)
        point["time"] = round(self._processes.broker.now(), 3)
        self._points.append(point)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            one.callback(point)

    def _failed(self, failure: Any) -> None:
        self._log.failure("The numbers of the hub could not be taken", failure)
