"""
The way of a subscriber into the hub, from capacity check to open stream.

Each step needs the one before it, so all of them are one call, `Admission.admit`.
What a connection reports afterwards arrives here too: blocked, unblocked, ended.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.python.failure import Failure

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.connections.connection import Connection, ConnectionObserver
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.broker.connections.keepalive import Keepalive
from twisted_sse.broker.connections.lifetime import MaxLifetime
from twisted_sse.broker.connections.listeners import Listeners
from twisted_sse.broker.connections.reauthorization import Reauthorizer
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.broker.connections.sendtimeout import CurrentSendTimeout
from twisted_sse.broker.distribution import Distribution
from twisted_sse.broker.measures.measures import Measures
from twisted_sse.broker.pendingstarts import PendingStarts
from twisted_sse.broker.presence.presence import HubPresence
from twisted_sse.broker.subscriber import Subscriber
from twisted_sse.broker.topicchanges import TopicChanges
from twisted_sse.errors import HistoryUnavailable, HubClosed, NoContent
from twisted_sse.events.preamble import (
    OLDEST,
    UNLOCATED,
    Introduction,
    Priming,
    ResetReason,
    StreamStart,
)
from twisted_sse.topics import Selection

__all__ = ["Admission", "Begin"]

#: Writes the head of the response and the preamble of the stream.
Begin = Callable[[Connection, StreamStart], None]


class Admission:
    """
    Admits subscribers, and releases what a connection held when it ends.

    Args:
        distribution: Sends records to those who were admitted.

        start: Makes sure that the hub knows where history ends.

        started: Whether it knows already.

        presence: Told of connections; ``None`` if the hub keeps no presence.

        measures: Counts and times connections.

    Attributes:
        connections: The `Registry` of open connections.

        reauthorizer: Keeps every connection within its grant.

        topic_changes: Changes the topics of open connections.

        keepalive: After how many seconds of silence a keepalive follows; ``None`` if none
            does.

        send_timeout: May be changed.
    """

    def __init__(
        self,
        *,
        distribution: Distribution,
        registry: Registry,
        listeners: Listeners,
        keepalive: float | None,
        send_timeout: float | None,
        max_lifetime: float | None,
        clock: IReactorTime,
        start: Callable[[], Deferred[None]],
        started: Callable[[], bool],
        presence: HubPresence | None = None,
        measures: Measures | None = None,
    ) -> None:
        self._measures = Measures() if measures is None else measures
        window, audiences, endings = (
            distribution.window,
            distribution.audiences,
            distribution.endings,
        )
        self.connections = registry
        self.reauthorizer = Reauthorizer(
            registry, audiences, clock, self._regranted, endings.learn_later
        )
        self._endings = endings
        self._presence = presence
        self.topic_changes = TopicChanges(
            *(registry, window, audiences), self._locate, self._retopiced, clock
        )
        self._audiences = audiences
        self._catchup = distribution.catchup
        self._listeners = listeners
        self.keepalive = keepalive
        self._keepalive = None if keepalive is None else Keepalive(keepalive, clock)
        self._clock = clock
        self.send_timeout = CurrentSendTimeout(send_timeout, clock)
        self._lifetimes = None if max_lifetime is None else MaxLifetime(max_lifetime, clock)
        self._start = start
        self._started = started
        self._window = window
        self._pending = PendingStarts(self._find, self._place, clock)
        # How the streams tell their positions that cannot do so yet.
        self._primings: dict[Connection, Priming] = {}
        self._closed = False
        self._observer = ConnectionObserver(
            resume=distribution.fanout.resume,
            blocked=self._blocked,
            unblocked=self._unblocked,
            ended=self._ended,
            lag=window.count_after,
            seconds=clock.seconds,
            name=registry.names.of,
        )

    def admit(self, subscriber: Subscriber, begin: Begin) -> tuple[Connection, Deferred[None]]:
        """
        Open a stream for *subscriber*.

        Args:
            begin: Called once it is known where the stream starts, and only if
                the connection has not ended before.  While history is not available,
                it is called with `UNLOCATED`; the preamble follows in the stream.

        Returns:
            The connection, which counts from now on, and a `Deferred` that fires
            when events flow or the subscriber has left.

        Raises:
            HubClosed, TooManyConnections, TooManyConnectionsFromAddress,
                TooManyConnectionsOfUser: Nothing was admitted.

            NoContent: As a failure of the `Deferred`: all topics have ended, and the
                subscriber has been sent everything.

            HubClosed, HistoryUnavailable: As failures of the `Deferred`; the
                connection has ended.  Only another hub gets the latter, because it
                knows to come back.
        """
        self.check_capacity(subscriber.address, subscriber.grant.user)
        connection = self._register(subscriber, self._enter(subscriber))
        known = self._known_start(connection.audience, subscriber.last_event_id)
        if known is not None:
            failed = self._begin_now(known, connection, begin)
            return connection, succeed(None) if failed is None else fail(failed)
        located = self._find(connection, subscriber.last_event_id)
        opened = located.addCallbacks(
            lambda start: self._open(start, connection, begin),
            lambda failure: self._wait(failure, connection, subscriber, begin),
        )
        return connection, opened.addErrback(self._fail, connection)

    def admit_at_once(self, subscriber: Subscriber, audience: Audience, begin: Begin) -> bool:
        """
        Do what `admit` does, if the stream can begin now.

        Args:
            audience: That of a stream of the same grant, selection, representation and
                framing.

        Returns:
            False if it cannot, and nothing was done: `admit` knows what else there is.
        """
        start = self._known_start(audience, subscriber.last_event_id)
        if (
            self._closed
            or start is None
            or not self.connections.has_room(subscriber.address, subscriber.grant.user)
            or not self._audiences.enter_again(audience)
        ):
            return False
        self._begin_now(start, self._register(subscriber, audience), begin)
        return True

    def start_of(
        self, selection: Selection, grant: Grant, last_event_id: str | None
    ) -> StreamStart | None:
        """
        Where a stream would start, as its subscriber would be shown it; ``None`` if history
        has to be asked.
        """
        if not self._started():
            return None
        return self._catchup.starts.shown(grant.interest(selection), last_event_id)

    def check_capacity(self, address: IAddress, user: str | None = None) -> None:
        """
        Raise what `admit` would raise for a subscriber at *address*.

        Raises:
            HubClosed: The hub is stopping.

            TooManyConnections: A limit of all connections is reached.

            TooManyConnectionsFromAddress: The limit of *address* is reached.

            TooManyConnectionsOfUser: The limit of *user* is reached.
        """
        if self._closed:
            raise HubClosed("The hub is stopping; come back in a moment.")
        self.connections.check_capacity(address, user)

    def introduction(self, connection: Connection) -> Introduction:
        """
        What the stream of *connection* tells about itself.
        """
        return Introduction(None if connection.fixed else connection.name, self.keepalive)

    @property
    def keepalives(self) -> int:
        """
        How many keepalive comments were due.
        """
        return 0 if self._keepalive is None else self._keepalive.sent

    def close(self) -> None:
        """
        Admit no more subscribers; open connections stay.
        """
        self._closed = True

    def stop(self) -> None:
        """
        Do nothing more.  Call this after all connections have ended.
        """
        self._pending.stop()

    def _known_start(self, audience: Audience, last_event_id: str | None) -> StreamStart | None:
        """
        Where a stream of *audience* starts, if history need not be asked for it.
        """
        # benchmarks (memory, accept): most start so, and each Deferred on the way costs
        # as much as a step of it.
        if not (self._started() and self._endings.is_open(audience)):
            return None
        return self._catchup.starts.known(audience, last_event_id)

    def _begin_now(
        self, start: StreamStart, connection: Connection, begin: Begin
    ) -> Failure | None:
        # Most of them miss nothing: they are live at once, and wait for no turn.
        connection.reading = True
        try:
            self._open(start, connection, begin)
        except Exception:
            return self._fail(Failure(), connection)
        connection.reading = False
        self._catchup.begin(connection)
        return None

    def _find(self, connection: Connection, last_event_id: str | None) -> Deferred[StreamStart]:
        finding = self._locate(connection, last_event_id)
        return finding.addCallback(self._endings.check, connection.audience)

    def _locate(self, connection: Connection, last_event_id: str | None) -> Deferred[StreamStart]:
        return self._start().addCallback(
            lambda _: self._catchup.starts.find(connection, last_event_id)
        )

    def _wait(
        self, failure: Failure, connection: Connection, subscriber: Subscriber, begin: Begin
    ) -> None:
        """
        Open the stream before its position is known, and find that later.
        """
        failure.trap(HistoryUnavailable)
        if self._closed or subscriber.representation.shows_everything:
            failure.raiseException()
        connection.reading = True
        self._open(StreamStart(UNLOCATED), connection, begin)
        if connection.ended is None:
            self._primings[connection] = subscriber.priming
            self._pending.add(connection, subscriber.last_event_id)

    def _place(self, connection: Connection, start: StreamStart) -> None:
        audience = connection.audience
        self._note_start(connection, start)
        self._count_reset(start)
        # The reconnection time was in the first bytes.
        preamble = audience.representation.preamble(
            audience.shown(start),
            self._window.head,
            None,
            self._primings.pop(connection),
            self.introduction(connection),
        )
        connection.place(start.position, preamble)

    def _enter(self, subscriber: Subscriber) -> Audience:
        interest = subscriber.grant.interest(subscriber.selection)
        representation = subscriber.representation.within(interest)
        return self._audiences.enter(interest, representation, subscriber.sink.framing)

    def _register(self, subscriber: Subscriber, audience: Audience) -> Connection:
        grant, sink = subscriber.grant, subscriber.sink
        connection = Connection(self._observer, audience, sink, grant.user, subscriber.address)
        connection.fixed = subscriber.fixed
        connection.protocol = subscriber.protocol
        self.connections.add(connection)
        self._measures.opened[subscriber.protocol or "unknown"] += 1
        if grant is not ANONYMOUS:
            self.reauthorizer.hold(connection, grant, subscriber.reauthorize)
        # Another hub is not a member.
        if self._presence is not None and not subscriber.representation.shows_everything:
            self._presence.admitted(connection, grant, subscriber.presence)
        return connection

    def _open(self, start: StreamStart, connection: Connection, begin: Begin) -> None:
        if connection.ended is EndReason.GONE:
            return
        if connection.ended is not None:
            raise HubClosed("This stream was ended before it began; come back in a moment.")
        self._note_start(connection, start)
        begin(connection, connection.audience.shown(start))
        self._measures.first_byte.observe(self._clock.seconds() - connection.since)
        self._count_reset(start)
        connection.open(start.position, self.send_timeout.limit)
        if self._keepalive is not None:
            self._keepalive.watch(connection)
        if self._lifetimes is not None:
            self._lifetimes.watch(connection)

    def _note_start(self, connection: Connection, start: StreamStart) -> None:
        # Whoever resumes has been sent what precedes that.
        if not start.resumed:
            connection.began = max(start.position.number, OLDEST.number)

    def _count_reset(self, start: StreamStart) -> None:
        if start.asked is not None:
            self._measures.resets[ResetReason.UNKNOWN.value] += 1

    def _fail(self, failure: Failure, connection: Connection) -> Failure:
        connection.end(EndReason.ENDED if failure.check(NoContent) else EndReason.FAILED)
        return failure

    def _blocked(self, connection: Connection) -> None:
        if connection.ended is None:
            self.send_timeout.wait_for(connection)

    def _unblocked(self, connection: Connection) -> None:
        self.send_timeout.wait_no_more(connection)
        # The application's listeners may ask who is there.
        if self._presence is not None:
            self._presence.writable(connection)
        self._listeners.writable(connection)

    def _regranted(self, connection: Connection, grant: Grant) -> None:
        if self._presence is not None:
            self._presence.changed(connection, grant)

    def _retopiced(self, connection: Connection) -> None:
        # Some of the new topics may have ended.
        self._endings.learn_later(connection.audience)
        if self._presence is not None:
            self._presence.moved(connection)

    def _ended(self, connection: Connection, reason: EndReason) -> None:
        self.connections.remove(connection)
        self._count_end(connection, reason)
        self._audiences.exit(connection.audience)
        self.reauthorizer.forget(connection)
        self._pending.forget(connection)
        self._primings.pop(connection, None)
        if self._keepalive is not None:
            self._keepalive.forget(connection)
        if self._lifetimes is not None:
            self._lifetimes.forget(connection)
        self.send_timeout.wait_no_more(connection)
        if self._presence is not None:
            self._presence.ended(connection)
        self._listeners.ended(connection, reason)

    def _count_end(self, connection: Connection, reason: EndReason) -> None:
        measures = self._measures
        measures.closed[reason.value] += 1
        measures.durations.observe(connection.duration)
        measures.ended_events += connection.sent_events
        measures.ended_bytes += connection.sent_bytes
