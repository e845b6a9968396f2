"""
The publish/subscribe engine: the way of a publication, from submission to sinks.

submit -> intake -> history -> window -> audiences -> fan-out

A publication is sent when history has kept it, and never before.  Nothing is
global: history, clock and limits belong to one broker.  The way of a subscriber
is `twisted_sse.broker.admission`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.admission import Admission
from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.connections.listeners import Listeners
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.broker.connections.retry import ReconnectionTime
from twisted_sse.broker.distribution import Distribution
from twisted_sse.broker.intake import Intake
from twisted_sse.broker.measures.measures import Measures
from twisted_sse.broker.measures.stalls import StallWatch
from twisted_sse.broker.parts import Parts
from twisted_sse.broker.presence.presence import HubPresence
from twisted_sse.broker.presence.settings import Presence
from twisted_sse.broker.publishrate import PublishRate
from twisted_sse.broker.readiness import Readiness
from twisted_sse.broker.receipts import Find, PublishOutcome, Receipts, RepeatKey, Submit
from twisted_sse.broker.replay.catchup import FallenBehind
from twisted_sse.broker.siblings import Siblings, count_all
from twisted_sse.broker.singleflight import SingleFlight
from twisted_sse.broker.topicchanges import TopicRequest
from twisted_sse.clock import dates_of
from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.publication import Position, Publication, Published, Record, Tail
from twisted_sse.interfaces import (
    IHistoryProvider,
    ISearchableHistory,
    ISharedHistoryProvider,
)
from twisted_sse.topics import Interest
from twisted_sse.transport.refusals import Refusals

__all__ = ["Broker"]

T = TypeVar("T")

# For how long after its start a hub looks in history for publications that it may have
# kept before, in seconds: longer than publishers repeat a request.
_YOUNG = 600.0


class Broker:
    """
    Gives publications their order, and sends them to connections.

    Args:
        retry, keepalive, send_timeout, max_lifetime, fallen_behind, window_events,
            window_bytes, max_connections, max_connections_per_address,
            max_connections_per_user, max_publish_rate: As `twisted_sse.Hub` takes
            them.

        presence: How presence is kept; ``None`` to keep none.

    Attributes:
        admission: Takes subscribers.

        listeners: The application's listeners for connections that begin and end.

        history: The `IHistoryProvider`.

        clock: What everything here is scheduled with.

        now: Returns the date, in seconds since 1970: grants expire by it.

        retry, retry_spread: As `set_retry` was given them.

        reconnection: Chooses the reconnection time that a stream begins with.

        before_start: Called before history is asked for the first time.

        closed: Whether publications are refused, because the hub is stopping.

        leaving: Whether the hub is about to stop, and so is not ready any more.

        receipts: The outcomes of the newest publishing requests.

        presence: Who is on which topic; ``None`` if that is not kept.

        publish_rate: Limits what one publisher sends over HTTP; ``None`` if nothing
            does.

        refusals: Counts what the hub's limits have refused.

        measures: What the hub counts and times.

        stalls: Notices when the reactor is held, once it is started.

        readiness: Finds out whether the hub works.

        distribution: Sends what history has kept.

        endings: Knows which topics have ended.

        parts: What begins with the hub, and ends before the hub drains.

        start_soon: Called when the hub has something to do although nobody uses it.
    """

    _log = Logger()

    def __init__(
        self,
        history: IHistoryProvider,
        clock: IReactorTime,
        *,
        retry: int | None,
        retry_spread: int | None = None,
        keepalive: float | None,
        send_timeout: float | None,
        max_lifetime: float | None = None,
        fallen_behind: FallenBehind,
        window_events: int,
        window_bytes: int,
        max_connections: int | None,
        max_connections_per_address: int | None,
        presence: Presence | None = None,
        max_connections_per_user: int | None = None,
        max_publish_rate: int | None = None,
    ) -> None:
        self.history = history
        self.clock = clock
        self.now = dates_of(clock)
        self.set_retry(retry, retry_spread)
        self.closed = False
        self.leaving = False
        self.before_start: Callable[[], None] = lambda: None
        self.start_soon: Callable[[], None] = lambda: None
        self.parts = Parts(lambda: self.start_soon())
        self.listeners = Listeners()
        self._made = clock.seconds()
        self.receipts = Receipts(asks_first=self.may_be_repeats)
        self._siblings: Siblings | None = None
        self.presence = None if presence is None else HubPresence(presence, history, clock)
        self.set_publish_rate(max_publish_rate)
        self.refusals = Refusals()
        self.measures = Measures()
        self.stalls = StallWatch(self.measures.stalls, clock, lambda: self.closed)
        self._shared = ISharedHistoryProvider(history, None)
        self._window = Window(window_events, window_bytes)
        self._preload = window_events
        self.distribution = distribution = Distribution(
            history, clock, self._window, fallen_behind, self.measures
        )
        self.endings = distribution.endings
        # What a shared history has kept comes back to every hub by `follow`.
        deliver = distribution.deliver if self._shared is None else distribution.count_records
        self._intake = Intake(
            *(history, clock, deliver, self.measures, distribution.latency),
            distribution.fanout.after_sends,
        )
        self._starts: SingleFlight[None] = SingleFlight()
        self.readiness = Readiness(
            history,
            self._window,
            clock,
            start=self.start,
            check_kept=self._intake.check,
            is_stopping=lambda: self.closed or self.leaving,
        )
        self._started = False
        self.admission = Admission(
            distribution=distribution,
            registry=Registry(
                max_connections, max_connections_per_address, max_connections_per_user
            ),
            listeners=self.listeners,
            keepalive=keepalive,
            send_timeout=send_timeout,
            max_lifetime=max_lifetime,
            clock=clock,
            start=self.start,
            started=lambda: self._started,
            presence=self.presence,
            measures=self.measures,
        )

    def set_retry(self, retry: int | None, spread: int | None) -> None:
        """
        Begin new streams with these reconnection times.

        Args:
            retry, spread: The *retry* and *retry_spread* of `twisted_sse.Hub`.
        """
        self.retry = retry
        self.retry_spread = spread
        self.reconnection = ReconnectionTime(retry, spread)

    def set_publish_rate(self, limit: int | None) -> None:
        """
        Limit what one publisher sends over HTTP from now on.

        Args:
            limit: Publications per second; ``None`` for no limit.
        """
        self.publish_rate = None if limit is None else PublishRate(limit, self.clock)

    @property
    def ready(self) -> bool:
        """
        Whether subscribers and publications are taken.
        """
        return self._started and not self.closed

    @property
    def position(self) -> Position:
        """
        The position of the newest publication.
        """
        return self._window.head

    def newest_id(self, interest: Interest) -> str | None:
        """
        The newest event ID that a subscriber with *interest* may be shown, if there
        is one; only events that it may not read follow that ID.
        """
        return self._window.shown_id(interest.may_read) if self.position.number > 0 else None

    def start(self) -> Deferred[None]:
        """
        Ask history where it ends.  Called by the broker when that is first needed.

        Raises:
            HistoryUnavailable: As the failure of the `Deferred`; the next call
                tries again.
        """
        if self._started:
            return succeed(None)
        self.before_start()
        # A schedule that begins then may have started the broker.
        if self._started:
            return succeed(None)
        return self._starts.call(None, self._start)

    def perform(
        self, call: Callable[[], T], records: Callable[[T], Sequence[Record]]
    ) -> Deferred[T]:
        """
        Call history, which keeps publications of its own, and have these sent; see
        `Intake.perform`.

        Raises:
            HistoryUnavailable, HubClosed: As failures of the `Deferred`.
        """
        if self.closed:
            return fail(HubClosed("The hub is stopping; nothing more is begun."))
        done = self._intake.perform(call, records)
        if not self._started:
            self.start().addErrback(self._intake.refuse)
        return done

    def submit(self, publications: Sequence[Publication]) -> Deferred[list[Published]]:
        """
        Have *publications* kept and sent, all or none, one after the other.

        Returns:
            One `Published` for each, in the same order.

        Raises:
            HistoryUnavailable, HubClosed: As failures of the `Deferred`; none
                was kept, and none was sent.
        """
        if self.closed:
            return fail(HubClosed("The hub is stopping; this was not published."))
        if not publications:
            return succeed([])
        done = self._intake.submit(publications)
        if not self._started:
            self.start().addErrback(self._intake.refuse)
        return done if self._siblings is None else done.addCallback(count_all, self._siblings)

    @property
    def has_siblings(self) -> bool:
        """
        Whether this is one of several processes of a hub.
        """
        return self._siblings is not None

    def may_be_repeats(self) -> bool:
        """
        Whether requests that are new here may repeat some that another process has
        submitted: another hub with the same history, or this one before its last start.
        """
        if not ISearchableHistory.providedBy(self.history):
            return False
        return self._shared is not None or self.clock.seconds() - self._made < _YOUNG

    def submit_once(
        self,
        repeat: RepeatKey,
        publications: Sequence[Publication],
        submit: Submit,
        find: Find | None,
    ) -> Deferred[Sequence[PublishOutcome]]:
        """
        Submit *publications*, unless this repeats an earlier request; see `Receipts.once`.
        """
        if self._siblings is None:
            return self.receipts.once(repeat, submit, find)
        return self._siblings.submit_once(repeat, publications, submit, find)

    async def change_topics(
        self, name: str, user: str | None, request: TopicRequest
    ) -> Sequence[str] | None:
        """
        Do what `TopicChanges.change` does, for the connections of all processes.
        """
        changes = self.admission.topic_changes
        topics: Iterable[str] | None = await changes.change(name, user, request)
        if topics is None and self._siblings is not None:
            topics = await self._siblings.change_topics(name, user, request)
        return None if topics is None else list(topics)

    def join(self, siblings: Siblings) -> None:
        """
        Be one of several processes of a hub.
        """
        self._siblings = siblings
        self.admission.connections.elsewhere = siblings.connections

    def flush(self) -> Deferred[None]:
        """
        Fire when everything that was submitted before is kept or refused.
        """
        return self._intake.flush()

    def stop_accepting(self) -> None:
        """
        Refuse subscribers and publications; open connections stay.
        """
        self.closed = True
        self.admission.close()
        if self.presence is not None:
            self.presence.suspend()

    def stop(self) -> None:
        """
        Do nothing more.  Call this after all connections have ended.
        """
        self.stop_accepting()
        self._intake.stop()
        self.admission.stop()
        self.distribution.stop()

    def _start(self) -> Deferred[None]:
        tail: Deferred[Tail] = maybeDeferred(self.history.tail, self._preload)
        return tail.addCallback(self._begin).addErrback(self._unavailable)

    def _begin(self, tail: Tail) -> None:
        if self.closed:
            raise HubClosed("The hub has stopped.")
        self._window.start(tail)
        if self._shared is not None:
            self._shared.follow(tail.newest, self._follow, self._restart)
        self._started = True
        self._intake.start()

    def _unavailable(self, failure: Failure) -> Failure:
        if failure.check(HistoryUnavailable, HubClosed):
            return failure
        self._log.failure("History has failed", failure)
        return Failure(HistoryUnavailable("History has failed; the log says how."))

    def _follow(self, records: Sequence[Record]) -> None:
        if not self.closed or len(self.admission.connections):
            self.distribution.deliver(records)
            self.distribution.catchup.moved_on()
            self.readiness.arrived()

    def _restart(self, tail: Tail) -> None:
        """
        Begin anew with *tail*: history could not go on where it was.
        """
        self._log.warn(
            "History continues at {newest}, and what came before that is unknown",
            newest=tail.newest.id,
        )
        connections = self.admission.connections
        # The window tells the position of live connections, and it ends here.
        for connection in connections:
            connection.invalidate_position()
        self.distribution.restart(tail)
        for connection in connections:
            connection.resume()
        self.readiness.arrived(restarted=True)
