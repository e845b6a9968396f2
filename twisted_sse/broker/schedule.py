"""
Publishes every so many seconds.

What goes wrong in one turn is logged, and the next turn comes nevertheless.
There is never more than one event of a schedule on its way: while one is being
made, or history takes its time, turns are skipped and not queued.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.publication import Receipt

__all__ = ["MakeEvent", "Schedule", "Schedules"]

#: Makes what is to be published, as `Hub.publish` takes it: data or a
#: `ServerSentEvent`, or a `Deferred` or a coroutine of it.  ``None`` is for not
#: this time.
MakeEvent = Callable[[], object]


class Schedule:
    """
    One event after the other; made by `Hub.every`.

    Args:
        seconds: The time from one turn to the next, greater than 0.

        topics: What the log calls it by.

        publish: Publishes what was made.

        wanted: Whether there is to be an event in this turn.

    Raises:
        ValueError: *seconds* cannot be waited for.
    """

    _log = Logger()

    def __init__(
        self,
        seconds: float,
        topics: tuple[str, ...],
        make_event: MakeEvent,
        *,
        publish: Callable[[object], Deferred[Receipt]],
        wanted: Callable[[], bool],
        clock: IReactorTime,
        owner: Schedules,
    ) -> None:
        if not 0 < seconds < inf:
            raise ValueError(f"every {seconds} seconds is not possible: it has to be more than 0")
        self._seconds = seconds
        self._topics = topics
        self._make_event = make_event
        self._publish = publish
        self._wanted = wanted
        self._clock = clock
        self._owner = owner
        self._loop: LoopingCall | None = None
        self._under_way: Deferred[None] | None = None
        self._refused = False

    def start(self) -> None:
        """
        Have the first turn now, and then one after each interval.
        """
        if self._loop is None:
            # Not sooner, because making a LoopingCall chooses a reactor; and a
            # new one for every start, because the last may be waiting still.
            self._loop = LoopingCall(self._turn)
            self._loop.clock = self._clock
            self._loop.start(self._seconds)

    def pause(self) -> None:
        """
        Have no more turns until `start`.  An event that is being made is
        cancelled; one that was published is not taken back.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        if self._under_way is not None:
            self._under_way.cancel()

    def stop(self) -> None:
        """
        Have no more turns, for good.
        """
        self._owner.remove(self)
        self.pause()

    def _turn(self) -> Deferred[None]:
        turn = Deferred.fromCoroutine(self._make_and_publish())
        self._under_way = turn
        return turn.addBoth(self._done, turn)

    def _done(self, _: object, turn: Deferred[None]) -> None:
        if self._under_way is turn:
            self._under_way = None

    async def _make_and_publish(self) -> None:
        loop = self._loop
        try:
            made: Any = await maybeDeferred(self._make_event) if self._wanted() else None
            if made is not None and loop is self._loop:
                await self._publish(made)
                self._refused = False
        except (HistoryUnavailable, HubClosed) as error:
            self._not_taken(error)
        except Exception as error:
            if loop is self._loop or not isinstance(error, CancelledError):
                self._log.failure("No event for {topics} could be published", topics=self._topics)

    def _not_taken(self, error: Exception) -> None:
        # Once for each outage: in an hour of it, thousands would say the same.
        if not self._refused:
            self._refused = True
            self._log.warn(
                "Events for {topics} cannot be published: {error}",
                topics=self._topics,
                error=error,
            )


class Schedules:
    """
    All schedules of a hub, which start and stop together.
    """

    def __init__(self) -> None:
        self._schedules: dict[Schedule, None] = {}
        self._running = False

    def add(self, schedule: Schedule) -> None:
        """
        Start *schedule* with the others: at once, if they run.
        """
        self._schedules[schedule] = None
        if self._running:
            schedule.start()

    def remove(self, schedule: Schedule) -> None:
        """
        Start *schedule* no more; it need not be known.
        """
        self._schedules.pop(schedule, None)

    def start(self) -> None:
        """
        Start all.
        """
        self._running = True
        for schedule in list(self._schedules):
            schedule.start()

    def stop(self) -> None:
        """
        Pause all, until they are started again.
        """
        self._running = False
        for schedule in list(self._schedules):
            schedule.pause()
