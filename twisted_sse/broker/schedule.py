"""
Publishes events at an interval.

A failure in one turn is logged, and the schedule continues.  A schedule has at most
one event under way: while an event is being made or kept, turns are skipped, not
queued.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from twisted_sse.clock import looping_call
from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.publication import Receipt
from twisted_sse.units import check_seconds

__all__ = ["MakeEvent", "Schedule", "Schedules"]

#: Returns what `Hub.publish` takes as *data*, or a `Deferred` or a coroutine of it;
#: ``None`` publishes nothing in this turn.
MakeEvent = Callable[[], object]


class Schedule:
    """
    Publishes one event after the other; made by `Hub.every`.

    Args:
        seconds: The time from one turn to the next, greater than 0.

        topics: Names the schedule in the log.

        publish: Publishes what was made.

        wanted: Tells whether to publish in this turn.

    Raises:
        ValueError: *seconds* is not a positive, finite number.
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
        check_seconds("seconds", seconds)
        if not callable(make_event):
            raise TypeError(
                f"make_event is {make_event!r}: give a function, such as lambda: {make_event!r}"
            )
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
        Take the first turn now, and then one after each interval.
        """
        if self._loop is None:
            # Made here, because making a LoopingCall chooses a reactor; and a new one
            # for each start, because the last one may still be waiting.
            self._loop = looping_call(self._clock, self._turn)
            self._loop.start(self._seconds)

    def pause(self) -> None:
        """
        Take no more turns until `start` is called.

        An event that is being made is cancelled; an event that is being kept is
        not.
        """
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.stop()
        if self._under_way is not None:
            self._under_way.cancel()

    def stop(self) -> None:
        """
        Take no more turns, ever.
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
        # One line for each outage, which may last for thousands of turns.
        if not self._refused:
            self._refused = True
            self._log.warn(
                "Events for {topics} cannot be published: {error}",
                topics=self._topics,
                error=error,
            )


class Schedules:
    """
    All schedules of a hub: they start and stop together.
    """

    def __init__(self) -> None:
        self._schedules: dict[Schedule, None] = {}
        self._running = False

    def add(self, schedule: Schedule) -> None:
        """
        Start *schedule* with the others, or at once if they run.
        """
        self._schedules[schedule] = None
        if self._running:
            schedule.start()

    def remove(self, schedule: Schedule) -> None:
        """
        Forget *schedule*, which may be unknown.
        """
        self._schedules.pop(schedule, None)

    def start(self) -> None:
        """
        Start all schedules.
        """
        self._running = True
        for schedule in list(self._schedules):
            schedule.start()

    def stop(self) -> None:
        """
        Pause all schedules until they are started again.
        """
        self._running = False
        for schedule in list(self._schedules):
            schedule.pause()
