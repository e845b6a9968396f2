"""
Gives publications their order, and brings them to the connections.

publish -> intake -> history -> window -> audiences -> connections

An exchange holds no global state: history, clock and limits are its own.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IAddress, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.broker.audiences.index import AudienceIndex
from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.connections.connection import Connection, ConnectionObserver, EndReason
from twisted_sse.broker.connections.keepalive import Keepalive
from twisted_sse.broker.connections.listeners import Listeners
from twisted_sse.broker.connections.reauthorization import Reauthorizer
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.broker.connections.sendtimeout import SendTimeout
from twisted_sse.broker.fanout import Fanout
from twisted_sse.broker.intake import Intake
from twisted_sse.broker.replay.catchup import Catchup, FallenBehind
from twisted_sse.broker.singleflight import SingleFlight
from twisted_sse.clock import GlobalClock
from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.preamble import StreamStart
from twisted_sse.events.publication import Position, Publication, Receipt, Record, Tail
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider, ISharedHistoryProvider
from twisted_sse.topics import Interest
from twisted_sse.transport.sinks.framing import Annotating, Framing
from twisted_sse.transport.sinks.sink import Sink

__all__ = ["Broker"]

# How long a fan-out holds the reactor before others get their turn, in seconds:
# about a thousand connections.  A publisher that waits for each answer needs two
# turns for it, so this also bounds how often it can publish meanwhile.
_BUDGET = 0.003

_CLOSED = "The hub is stopping; this was not published."


class Broker:
    """
    The heart of a `Hub`, without its doors.

    Attributes:
        connections: The `Registry`: who is connected.

        terms: The `Reauthorizer`: who is held to which grant.

        history: The `IHistoryProvider`.

        clock: What everything here is scheduled with.

        closed: Whether it takes nothing more.
    """

    _log = Logger()

    def __init__(
        self,
        history: IHistoryProvider | None = None,
        *,
        keepalive: float | None = 15.0,
        retry: int | None = 3000,
        send_timeout: float | None = 60.0,
        fallen_behind: FallenBehind = "resume",
        window_events: int = 1024,
        window_bytes: int = 16 * 1024 * 1024,
        max_connections: int | None = None,
        max_connections_per_address: int | None = None,
        reactor: IReactorTime | None = None,
    ) -> None:
        self.clock = GlobalClock() if reactor is None else reactor
        self.history = MemoryHistory(clock=self.clock) if history is None else history
        self.connections = Registry(max_connections, max_connections_per_address)
        self.retry = retry
        self._listeners = Listeners()
        self._shared = ISharedHistoryProvider(self.history, None)
        self._window = Window(window_events, window_bytes)
        self._preload = window_events
        self._audiences = AudienceIndex(self._window)
        self.terms = Reauthorizer(self.connections, self._audiences, self.clock)
        self._catchup = Catchup(self._window, self.history, self.clock, fallen_behind)
        self._fanout = Fanout(self.clock, _BUDGET, self._catchup.advance)
        # What a shared history has kept comes back to every hub by `follow`.
        deliver = self._deliver if self._shared is None else self._count
        self._intake = Intake(self.history, self.clock, deliver)
        self._keepalive = None if keepalive is None else Keepalive(keepalive, self.clock)
        self._send_timeout = send_timeout
        self._send_timeouts = (
            None if send_timeout is None else SendTimeout(send_timeout, self.clock)
        )
        self._observer = ConnectionObserver(
            resume=self._fanout.resume,
            blocked=self._blocked,
            unblocked=self._unblocked,
            ended=self._ended,
            lag=self._window.count_after,
            seconds=self.clock.seconds,
        )
        self._starts: SingleFlight[None] = SingleFlight()
        self._begun = False
        self.closed = False

    @property
    def ready(self) -> bool:
        """
        Whether newcomers and publications are taken.
        """
        return self._begun and not self.closed

    @property
    def position(self) -> Position:
        """
        The position of the newest publication.
        """
        return self._window.head

    def start(self) -> Deferred[None]:
        """
        Find out how history ends.  Done by itself when it is first needed.

        Raises:
            HistoryUnavailable: That cannot be found out now; the next call
                tries again.
        """
        if self._begun:
            return succeed(None)
        return self._starts.call(None, self._start)

    def check(self) -> Deferred[bool]:
        """
        See whether newcomers and publications are taken, and history answers.
        """
        if self.closed:
            return succeed(False)
        asked = self.start().addCallback(lambda _: maybeDeferred(self.history.tail, 1))
        asked.addErrback(self._unavailable)
        return asked.addCallbacks(lambda _: self.ready, lambda _: False)

    def submit_one(self, publication: Publication) -> Deferred[Receipt]:
        """
        The same as `submit` for one, with its receipt.
        """
        if self.closed:
            return fail(HubClosed(_CLOSED))
        done = self._intake.submit_one(publication)
        self._start_for_intake()
        return done

    def submit(self, publications: Sequence[Publication]) -> Deferred[list[Receipt]]:
        """
        Have *publications* kept and sent, all or none, one after the other.

        Returns:
            A receipt for each.

        Raises:
            HistoryUnavailable: They were not kept, and not sent.

            HubClosed: The same, because the hub has stopped.
        """
        if self.closed:
            return fail(HubClosed(_CLOSED))
        if not publications:
            return succeed([])
        done = self._intake.submit(publications)
        self._start_for_intake()
        return done

    def submit_for_others(self, publications: Sequence[Publication]) -> Deferred[Sequence[Record]]:
        """
        The same as `submit`, and what history has made of them instead of
        receipts: for another hub, which has to know where they stand.
        """
        if self.closed:
            return fail(HubClosed(_CLOSED))
        done = self._intake.submit_for_others(publications)
        self._start_for_intake()
        return done

    def flush(self) -> Deferred[None]:
        """
        Fire when all that was submitted before is kept, or refused.
        """
        return self._intake.flush()

    def check_capacity(self, address: IAddress) -> None:
        """
        See whether `admit` would let somebody from *address* in, and raise what
        it would raise.
        """
        if self.closed:
            raise HubClosed("The hub is stopping; come back in a moment.")
        self.connections.check_capacity(address)

    def admit(
        self,
        sink: Sink,
        interest: Interest,
        user: str | None,
        address: IAddress,
        *,
        annotated: bool = False,
    ) -> Connection:
        """
        Take a newcomer in; its `Connection.end` lets it out.

        Args:
            annotated: Whether it is told what `twisted_sse.events.replication` tells.

        Raises:
            HubClosed: Nobody is taken in any more.

            TooManyConnections: There is no room.

            TooManyFromAddress: There is no room for more from *address*.
        """
        self.check_capacity(address)
        framing: Framing = Annotating(sink.framing) if annotated else sink.framing
        audience = self._audiences.enter(interest, framing)
        connection = Connection(self._observer, audience, sink, user, address)
        self.connections.add(connection)
        return connection

    def locate(self, connection: Connection, last_event_id: str | None) -> Deferred[StreamStart]:
        """
        Find where *connection* is to begin.

        Args:
            last_event_id: Sent by the client; ``None`` if it asks for nothing
                that has been.

        Raises:
            HistoryUnavailable: It cannot be found now.
        """
        return self.start().addCallback(lambda _: self._catchup.locate(connection, last_event_id))

    def open(self, connection: Connection, start: StreamStart) -> None:
        """
        Let the events flow: what `first_frames` gives has been written.
        """
        connection.open(start.position, self._send_timeout)
        if self._keepalive is not None:
            self._keepalive.watch(connection)

    def stop_accepting(self) -> None:
        """
        Refuse newcomers and publications; those who are here stay.
        """
        self.closed = True

    def stop(self) -> None:
        """
        Do nothing more.  To be called after all connections have ended.
        """
        self.closed = True
        self._intake.stop()
        self._catchup.stop()
        self._fanout.stop()

    def _start_for_intake(self) -> None:
        if not self._begun:
            self.start().addErrback(self._intake.refuse)

    def _start(self) -> Deferred[None]:
        tail: Deferred[Tail] = maybeDeferred(self.history.tail, self._preload)
        return tail.addCallback(self._begin).addErrback(self._unavailable)

    def _begin(self, tail: Tail) -> None:
        if self.closed:
            raise HubClosed("The hub has stopped.")
        self._window.start(tail)
        if self._shared is not None:
            self._shared.follow(tail.newest, self._follow, self._restart)
        self._begun = True
        self._intake.start()

    def _unavailable(self, failure: Failure) -> Failure:
        if failure.check(HistoryUnavailable, HubClosed):
            return failure
        self._log.failure("History has failed", failure)
        return Failure(HistoryUnavailable("History has failed; the log says how."))

    def _follow(self, kept: Sequence[Record]) -> None:
        if not self.closed or len(self.connections):
            self._deliver(kept)
            self._catchup.moved_on()

    def _restart(self, tail: Tail) -> None:
        """
        Begin anew with *tail*: history could not go on where it was.
        """
        self._log.warn(
            "History goes on at {newest}, and cannot tell what was between",
            newest=tail.newest.id,
        )
        # Where live connections stand is told by the window that ends here.
        for connection in self.connections:
            connection.invalidate_position()
        self._window.start(tail)
        self._catchup.restart()
        for connection in self.connections:
            connection.resume()

    def _count(self, kept: Sequence[Record]) -> list[int]:
        """
        Tell how many will get each, without sending.
        """
        wanting = self._audiences.wanting
        return [sum(one.size for one in wanting(item.publication)) for item in kept]

    def _deliver(self, kept: Sequence[Record]) -> list[int]:
        """
        Send what history has kept; tell how many get each.
        """
        counts = []
        for entry in self._window.extend(kept):
            count = 0
            for audience in self._audiences.wanting(entry):
                audience.add(entry)
                self._fanout.announce(audience)
                count += audience.size
            counts.append(count)
        self._fanout.flush()
        return counts

    def _blocked(self, connection: Connection) -> None:
        if self._send_timeouts is not None and connection.ended is None:
            self._send_timeouts.wait_for(connection)

    def _unblocked(self, connection: Connection) -> None:
        if self._send_timeouts is not None:
            self._send_timeouts.wait_no_more(connection)
        self._listeners.writable(connection)

    def _ended(self, connection: Connection, reason: EndReason) -> None:
        self.connections.remove(connection)
        self._audiences.exit(connection.audience)
        self.terms.forget(connection)
        if self._keepalive is not None:
            self._keepalive.forget(connection)
        if self._send_timeouts is not None:
            self._send_timeouts.wait_no_more(connection)
        self._listeners.ended(connection, reason)
