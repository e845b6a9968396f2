"""
Starts what a hub needs, and drains the hub, once each, whoever asks first.

A hub of an application starts with its service.  A hub without a service starts at
the first need, and is drained when the reactor shuts down.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

from twisted.application.service import IService
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorCore
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.drain import OtherStreams, drain
from twisted_sse.broker.schedule import Schedules
from twisted_sse.broker.shutdown import wait_for
from twisted_sse.clock import GlobalClock, reactor_behind
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Lifecycle"]

# How a hub without a service is drained; in seconds.
_GRACE = 8.0
_SPREAD = 10.0

# Not the logger of an instance: Twisted keeps the first events until a log begins, and
# they would keep the hub.
_starts = Logger()

# How long history may take to stop after slow readers have used all of the grace, in
# seconds: with the default grace, a stop takes less than 10 seconds in all.
_HISTORY_GRACE = 1.0


class Lifecycle:
    """
    The start and the end of one hub.

    Args:
        responses: The streams that generators fill.

        schedules: They run as long as the hub does.

    Attributes:
        managed: Whether an application starts the hub, so that the reactor need not.
    """

    _log = Logger()

    def __init__(self, broker: Broker, responses: OtherStreams, schedules: Schedules) -> None:
        self._broker = broker
        self._responses = responses
        self._schedules = schedules
        self._history = IService(broker.history, None)
        self._started = False
        self.managed = False
        self._stopping = False
        self._stopped: list[Deferred[None]] | None = []
        self._forget_shutdown: Callable[[], None] = lambda: None

    def start(self) -> None:
        """
        Start history, if it is a service, then the hub and its schedules.

        Only the first call has an effect.
        """
        if not self._started:
            self._prepare()
            self._broker.start().addErrback(self._not_started)

    def before_first_use(self) -> None:
        """
        Start history and the schedules, if nobody has started the hub, and drain it
        when the reactor shuts down.
        """
        if self._started or self._stopping:
            return
        core = IReactorCore(reactor_behind(self._broker.clock), None)
        if core is not None:
            trigger = core.addSystemEventTrigger("before", "shutdown", self._stop_at_shutdown)
            self._forget_shutdown = partial(core.removeSystemEventTrigger, trigger)
        self._prepare()

    def start_with_reactor(self) -> None:
        """
        Start the hub when the reactor runs, if nobody has started it by then.

        If no reactor has been chosen yet, this does not choose one: the hub then
        starts at the first need.
        """
        clock = self._broker.clock
        if not isinstance(clock, GlobalClock) or "twisted.internet.reactor" in sys.modules:
            core = IReactorCore(reactor_behind(clock), None)
            if core is not None:
                core.callWhenRunning(self._start_if_needed)

    def stop(self, grace: float, spread: float, farewell: ServerSentEvent | None) -> Deferred[None]:
        """
        Drain the hub, then stop history.

        The first call decides how; later calls wait for it.

        Args:
            grace, spread, farewell: As for `twisted_sse.broker.drain.drain`.
        """
        if self._stopped is None:
            return succeed(None)
        done: Deferred[None] = Deferred()
        self._stopped.append(done)
        if not self._stopping:
            self._stopping = True
            self._forget_shutdown()
            self._schedules.stop()
            stopping = Deferred.fromCoroutine(self._stop(grace, spread, farewell))
            stopping.addErrback(self._not_stopped)
            stopping.addCallback(self._tell)
        return done

    def _stop_at_shutdown(self) -> Deferred[None]:
        self._forget_shutdown = lambda: None
        return self.stop(_GRACE, _SPREAD, None)

    async def _stop(self, grace: float, spread: float, farewell: ServerSentEvent | None) -> None:
        clock = self._broker.clock
        deadline = clock.seconds() + grace + _HISTORY_GRACE
        await self._stop_parts(clock.seconds() + grace)
        await drain(self._broker, self._responses, grace, spread, farewell)
        await self._stop_presence(spread, deadline)
        self._broker.stop()
        if self._history is not None and self._started:
            stopping = maybeDeferred(self._history.stopService)
            left = max(deadline - clock.seconds(), _HISTORY_GRACE)
            if not await wait_for(clock, left, stopping):
                self._log.warn("History has not stopped in time")

    async def _stop_parts(self, deadline: float) -> None:
        clock = self._broker.clock
        for part in self._broker.parts:
            stopping = Deferred.fromCoroutine(part.stop())
            left = max(deadline - clock.seconds(), 0.0)
            try:
                in_time = await wait_for(clock, left, stopping)
            except Exception:
                self._log.failure("A part of the hub could not be stopped")
                continue
            if not in_time:
                self._log.warn("A part of the hub has not stopped in time")

    async def _stop_presence(self, spread: float, deadline: float) -> None:
        presence = self._broker.presence
        if presence is None:
            return
        # Each subscriber was told to come back within this time.
        longest = spread + (self._broker.retry or 0) / 1000
        stopping = Deferred.fromCoroutine(presence.stop(longest))
        left = max(deadline - self._broker.clock.seconds(), _HISTORY_GRACE)
        if not await wait_for(self._broker.clock, left, stopping):
            self._log.warn("Presence has not stopped in time")

    def _prepare(self) -> None:
        self._started = True
        # Not its repr, which may contain a password.
        name = type(self._broker.history).__name__
        _starts.info("The hub starts; its history is a {name}", name=name)
        if self._history is not None:
            self._history.startService()
        if self._broker.presence is not None:
            self._broker.presence.start()
        self._schedules.start()
        self._broker.parts.begin()

    def _start_if_needed(self) -> None:
        if not (self._started or self._stopping or self.managed):
            self._broker.start().addErrback(self._not_started)

    def _tell(self, _: object) -> None:
        waiting, self._stopped = self._stopped or [], None
        for done in waiting:
            done.callback(None)

    def _not_started(self, failure: Failure) -> None:
        # The hub tries again when it is first used.
        self._log.warn("History is not available yet: {error}", error=failure.value)

    def _not_stopped(self, failure: Failure) -> None:
        self._log.failure("The hub could not be stopped in good order", failure)
