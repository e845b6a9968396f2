"""
Reads a run in a dialect: one response to one reader.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

from twisted.web.server import Request

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.subscriber import Subscriber
from twisted_sse.errors import NoContent, TwistedSSEError
from twisted_sse.events.control import CONTROL_EVENTS, ENDED, RESET
from twisted_sse.events.ending import OUTCOMES, Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import StreamStart
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.events.runstatus import RunStatus
from twisted_sse.runs.feed import RunFeed
from twisted_sse.topics import Exact, Selection
from twisted_sse.web.dialects.dialect import Dialect, Reading, ReadRun

__all__ = ["RunDialect", "read_run"]


class RunDialect:
    """
    *dialect* for one run: `EventSourceResponse` reads the run through it.

    Args:
        status: The run that is read.

    Attributes:
        after: The last event ID to continue after; sent by the client, so trust nothing
            about it.  ``None`` begins with the first event.

        outcome: How the run has ended, once its last event was read.
    """

    def __init__(self, dialect: Dialect, status: RunStatus) -> None:
        self._dialect = dialect
        self._status = status
        self.after: str | None = None
        self.outcome: Outcome | None = None

    @property
    def reconnects(self) -> bool:
        """
        See `Dialect.reconnects`.
        """
        return self._dialect.reconnects

    def read(self, request: Request, run: ReadRun | None = None) -> Reading:
        """
        See `Dialect.read`.
        """
        reading = self._dialect.read(request, self._status)
        self.after = reading.after
        return _RunReading(reading, self)


class _RunReading:
    """
    A reading that ends as its run does.
    """

    def __init__(self, reading: Reading, dialect: RunDialect) -> None:
        self._reading = reading
        self._dialect = dialect

    @property
    def headers(self) -> Mapping[str, str]:
        return self._reading.headers

    @property
    def after(self) -> str | None:
        return self._reading.after

    @property
    def skip(self) -> int:
        return self._reading.skip

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        return self._reading.event(event, number)

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent] | None:
        # If the end of the run was not read, the response is not complete.
        known = self._dialect.outcome
        return None if known is None else self._reading.end(known)


async def read_run(
    broker: Broker,
    run: RunRecord,
    grant: Grant,
    request: Request,
    dialect: RunDialect,
    find: Callable[[], Awaitable[RunRecord | None]],
) -> AsyncIterator[ServerSentEvent]:
    """
    Yield the events of *run* that follow `RunDialect.after`, or all of them, until it has
    ended, and tell *dialect* how.  An ID that is not known begins with the first event.

    Args:
        find: Looks the run up again.

    Raises:
        RunBrokenOff: The rest cannot be read.
    """
    feed = await _follow(broker, run, grant, request, dialect.after)
    try:
        async for event in feed:
            if event.event == RESET:
                raise RunBrokenOff("History has forgotten what comes next in this run.")
            if event.event == ENDED:
                dialect.outcome = _outcome_in(event)
            elif event.data is not None and event.event not in CONTROL_EVENTS:
                yield event
    finally:
        feed.close()
    if not feed.complete:
        raise RunBrokenOff("The hub has ended this stream before its run.")
    if dialect.outcome is None:
        last = await find()
        dialect.outcome = None if last is None else last.outcome


class RunBrokenOff(TwistedSSEError):
    """
    The reader of a run cannot be sent the rest.
    """


async def _follow(
    broker: Broker, run: RunRecord, grant: Grant, request: Request, after: str | None
) -> RunFeed:
    """
    Follow *run* after *after* if that is known, and otherwise from its start.
    """
    for last_event_id in (after, run.start.id):
        if last_event_id is not None:
            feed = await _open(broker, run, grant, request, last_event_id)
            if feed is not None:
                return feed
    raise RunBrokenOff("History has forgotten the beginning of this run.")


async def _open(
    broker: Broker, run: RunRecord, grant: Grant, request: Request, last_event_id: str
) -> RunFeed | None:
    feed = RunFeed()
    subscriber = Subscriber(
        sink=feed,
        selection=Selection.of([Exact(run.key.topic)]),
        grant=grant,
        address=request.getClientAddress(),
        last_event_id=last_event_id,
        priming=None,
    )
    starts: list[StreamStart] = []
    _, opened = broker.admission.admit(subscriber, lambda _, start: starts.append(start))
    try:
        await opened
    except NoContent:
        # The run has ended, and the reader has everything.
        feed.finish()
        return feed
    if starts and starts[0].asked is not None:
        feed.close()
        return None
    return feed


def _outcome_in(event: ServerSentEvent) -> Outcome:
    named = event.json()["outcome"]
    return next(one for one in OUTCOMES if one == named)
