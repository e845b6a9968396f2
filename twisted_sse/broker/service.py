"""
The service of a hub: starts its history, and drains the hub when it stops.
"""

from __future__ import annotations

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.drain import OtherStreams, drain
from twisted_sse.broker.schedule import Schedules
from twisted_sse.broker.shutdown import wait_for
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.units import check_instance, check_seconds

__all__ = ["HubService"]

# How long history may take to stop after slow readers have used all of the grace, in
# seconds: with the default grace, a stop takes less than 10 seconds in all.
_HISTORY_GRACE = 1.0


class HubService(Service):
    """
    Starts and stops a hub with an application.

    A history provider that is an `IService` starts before the hub and stops after
    it.  When the service stops, new subscribers are refused, and every connection
    is sent a reconnection time and ends in good order.  So do the streams that
    generators fill, after the generators have been told.

    Args:
        responses: The streams that generators fill.

        schedules: They run as long as the service does.

        grace: How long slow readers and generators may take at the end, in
            seconds.  The default leaves time for the rest of the stop before a
            container is killed, usually after 10 seconds.

        spread: The window over which reconnection times are spread, in seconds.

        farewell: The last event of every connection.
    """

    _log = Logger()

    def __init__(
        self,
        broker: Broker,
        responses: OtherStreams,
        schedules: Schedules,
        *,
        grace: float = 8.0,
        spread: float = 10.0,
        farewell: ServerSentEvent | None = None,
    ) -> None:
        check_seconds("grace", grace, zero=True)
        check_seconds("spread", spread, zero=True)
        if farewell is not None:
            check_instance("farewell", farewell, ServerSentEvent, "ServerSentEvent('bye')")
        self._broker = broker
        self._responses = responses
        self._schedules = schedules
        self._grace = grace
        self._spread = spread
        self._farewell = farewell
        self._history = IService(broker.history, None)

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        if self._history is not None:
            self._history.startService()
        self._broker.start().addErrback(self._not_started)
        self._schedules.start()

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        self._schedules.stop()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        clock = self._broker.clock
        deadline = clock.seconds() + self._grace + _HISTORY_GRACE
        await drain(self._broker, self._responses, self._grace, self._spread, self._farewell)
        self._broker.stop()
        if self._history is not None:
            stopping = maybeDeferred(self._history.stopService)
            left = max(deadline - clock.seconds(), _HISTORY_GRACE)
            if not await wait_for(clock, left, stopping):
                self._log.warn("History has not stopped in time")

    def _not_started(self, failure: Failure) -> None:
        # The hub tries again when it is first used.
        self._log.warn("History is not available yet: {error}", error=failure.value)
