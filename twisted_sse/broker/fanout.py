"""
Sends publications to connections, without holding the reactor.

A turn has a time budget.  What does not fit into it continues in the next turn,
after the reactor has accepted, read and written.  Order holds, because an audience
begins a new batch only when all its members have the one before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_sse.broker.audiences.audience import Audience, PayloadCache
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.gathering import GAP, Gathering

__all__ = ["Fanout"]


class Fanout:
    """
    Writes to audiences, and to connections that are behind.

    Args:
        clock: Tells the time and schedules the turns.

        budget: How long a turn may take, in seconds.  Connections that are behind
            get half as much on top.

        advance: Sends a connection one page; returns true if it could take more.

        swept: Called when all live connections have what was announced.
    """

    def __init__(
        self,
        clock: IReactorTime,
        budget: float,
        advance: Callable[[Connection], bool],
        swept: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._budget = budget
        self._advance = advance
        self._swept = swept
        self._payloads = PayloadCache()
        self._due: dict[Audience, None] = {}
        self._behind: deque[Connection] = deque()
        self._until = 0.0
        self._call: IDelayedCall | None = None
        # What waits for the sends.
        self._after: list[Callable[[], object]] = []
        self._gathering = Gathering()
        # How many times `flush` was called while what was announced waits for more.
        self._waiting = 0

    @property
    def due(self) -> int:
        """
        How many audiences have events that not all their members have.
        """
        return len(self._due)

    def announce(self, audience: Audience) -> None:
        """
        Note that *audience* has new events, which `flush` writes.
        """
        self._due[audience] = None

    def resume(self, connection: Connection) -> None:
        """
        Send more to *connection*, which is behind and can be written to.
        """
        self._behind.append(connection)
        self._schedule()

    def flush(self) -> None:
        """
        Write what was announced: now, or in the turn that is already scheduled, or, if
        publications follow each other closely, in a moment.
        """
        if self._waiting:
            self._wait_for_more()
        elif self._call is None:
            if self._due and self._gathering.begins(self._clock.seconds()):
                self._waiting = 1
                self._call = self._clock.callLater(GAP, self._turn)
            else:
                self._run()

    def after_sends(self, call: Callable[[], object]) -> None:
        """
        Make *call* when what was announced is written: at once if it is, or if it is being
        written, so that nothing waits for a large fan-out, or if it waits for more; and
        otherwise at the end of the next turn.
        """
        # In the order in which they are asked for.
        if self._after or (self._due and self._call is not None and not self._answers_first):
            self._after.append(call)
        else:
            call()

    def stop(self) -> None:
        """
        Do nothing more, but for the calls that wait for the sends.
        """
        self._due.clear()
        self._behind.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None
        self._waiting = 0
        self._make_calls()

    @property
    def _answers_first(self) -> bool:
        gathering = self._gathering
        return bool(self._waiting) or gathering.pays or gathering.sending

    def _wait_for_more(self) -> None:
        self._waiting += 1
        assert self._call is not None
        if self._gathering.goes_on(self._clock.seconds()):
            self._call.reset(GAP)

    def _run(self) -> None:
        self._sweep()
        self._bring_forward()
        self._payloads.forget()
        if self._due or self._behind:
            self._schedule()
        self._make_calls()

    def _make_calls(self) -> None:
        calls, self._after = self._after, []
        for call in calls:
            call()

    def _sweep(self) -> None:
        now = self._clock.seconds()
        self._until = now + self._budget
        if self._due:
            self._gathering.sends(now)
        while self._due:
            audience = next(iter(self._due))
            del self._due[audience]
            audience.sweep(self._payloads, self._more_time)
            audience.written = now
            if audience.releasing:
                audience.release(self._more_time)
            if audience.waiting or audience.releasing:
                # Moved to the end, so that a large audience does not delay the small
                # ones.
                self._due[audience] = None
            if not self._more_time():
                break
        if not self._due:
            self._gathering.sent(self._clock.seconds())
            self._swept()

    def _bring_forward(self) -> None:
        self._until = self._clock.seconds() + self._budget / 2
        while self._behind:
            connection = self._behind.popleft()
            if connection.ready and self._advance(connection):
                self._behind.append(connection)
            if not self._more_time():
                break

    def _more_time(self) -> bool:
        return self._clock.seconds() < self._until

    def _schedule(self) -> None:
        if self._call is None:
            self._call = self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._call = None
        if self._waiting:
            self._gathering.over(self._waiting)
            self._waiting = 0
        self._run()
