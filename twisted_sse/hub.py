"""
The hub, as applications use it.

A `Hub` has a `Broker`, which does the work; what applications call is here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.batch import batch_of, collect
from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection, frame_to_push
from twisted_sse.broker.connections.listeners import ConnectListener, DisconnectListener
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.broker.replay.catchup import FallenBehind
from twisted_sse.broker.schedule import MakeEvent, Schedule, Schedules
from twisted_sse.broker.service import HubService
from twisted_sse.clock import GlobalClock
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import Priming
from twisted_sse.events.publication import Publication, Published, Receipt
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.topics import check_topics
from twisted_sse.web.cors import CORS
from twisted_sse.web.cred import GrantOf, GrantRealm
from twisted_sse.web.generators.streams import GeneratorStreams
from twisted_sse.web.resource import Authorize
from twisted_sse.web.stream import EventStreamResource

__all__ = ["Hub"]

OnConnect = TypeVar("OnConnect", bound=ConnectListener)
OnDisconnect = TypeVar("OnDisconnect", bound=DisconnectListener)


class Hub:
    """
    Publish to it, put its resources into a site, and run its service.

    Two hubs in one process share nothing.  Call all methods in the reactor's
    thread.

    Args:
        history: An `IHistoryProvider`; `MemoryHistory` by default.

        keepalive: The seconds of silence after which a comment is sent;
            ``None`` sends none.

        retry: The reconnection time that every stream begins with, in
            milliseconds; ``None`` leaves it to the browser.

        send_timeout: The seconds after which the stream of a reader ends that
            takes nothing although there is something to send; ``None`` waits
            forever.

        fallen_behind: What happens to a reader that is so slow that history has
            forgotten what comes next: it is sent ``stream-reset`` and continues
            with the oldest event that is kept (``resume``) or with the newest
            event of each topic (``latest``), or its stream ends
            (``disconnect``).

        window_events: The number of recent events that are kept ready to send.

        window_bytes: The most memory that they may take, in bytes.

        max_connections: The most connections; one more is answered with 503.
            ``None`` sets no limit.

        max_connections_per_address: The most connections from one network
            address; one more is answered with 429.  ``None`` sets no limit.

        reactor: What everything is scheduled with.  By default the global
            reactor, looked up when it is first needed.

    Attributes:
        history: The `IHistoryProvider`.

        clock: What everything is scheduled with, an `IReactorTime`.

        connections: The `Registry` of open connections: iterate it, count it,
            search it.

        responses: The open streams of every `EventSourceResponse` of this hub;
            ``len()`` counts them.

        broker: The `Broker` inside, for resources that this package does not
            have.
    """

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
        self.clock: IReactorTime = GlobalClock() if reactor is None else reactor
        self.history = MemoryHistory(clock=self.clock) if history is None else history
        self.broker = Broker(
            self.history,
            self.clock,
            retry=retry,
            keepalive=keepalive,
            send_timeout=send_timeout,
            fallen_behind=fallen_behind,
            window_events=window_events,
            window_bytes=window_bytes,
            max_connections=max_connections,
            max_connections_per_address=max_connections_per_address,
        )
        self.connections: Registry = self.broker.admission.connections
        self.responses = GeneratorStreams(self.clock)
        self._schedules = Schedules()

    def publish(
        self,
        topics: str | Iterable[str],
        data: object,
        *,
        event: str | None = None,
        id: str | None = None,
        retry: int | None = None,
        private: bool = False,
    ) -> Deferred[Receipt]:
        """
        Send an event to everybody who subscribes to one of *topics*.

        May be called without waiting for the result: what is published first is
        sent first.

        Args:
            topics: One or several.

            data: A string as it is; anything else as JSON; or a
                `ServerSentEvent`, which then has everything.

            event: The event type.

            id: An event ID of your own; history makes one if there is none.

            retry: A new reconnection time, in milliseconds.

            private: Only those get it whose grant lets them read it.

        Returns:
            A receipt, when history has kept it.

        Raises:
            InvalidTopic, InvalidEvent: It cannot be sent.

            HistoryUnavailable, HubClosed: As failures of the `Deferred`; it
                was not sent.
        """
        publication = Publication.of(topics, data, event=event, id=id, retry=retry, private=private)
        batch = batch_of(self)
        if batch is not None:
            return batch.add(publication)
        return self.broker.submit((publication,)).addCallback(_first_receipt)

    def batch(self) -> AbstractContextManager[None]:
        """
        Hand over all that is published inside of it together: all or none.

        It is handed over when the block ends, and keeps its order without
        anything between; if the block raises, nothing is published.  A batch
        inside of another becomes part of it.  In a coroutine the block may wait
        for something, but not for what `publish` returns: that has no result
        before the block has ended, and is cancelled if the block raises.
        """
        return collect(self, self.broker.submit)

    def every(
        self,
        seconds: float,
        topics: str | Iterable[str],
        make_event: MakeEvent,
        *,
        idle: bool = True,
    ) -> Schedule:
        """
        Publish what *make_event* makes, now and then every so many seconds.

        It begins when the hub's service starts, or at once if that runs, and
        pauses when the service stops.  A failure is logged, and the schedule
        goes on.  While *make_event* or history takes its time, turns are
        skipped.

        Args:
            seconds: The time from one turn to the next, greater than 0.

            topics: One or several.

            make_event: Returns what `publish` takes as *data*, or a `Deferred`
                or a coroutine of it; ``None`` if there is nothing this time.

            idle: Whether it goes on while nobody who is connected to this hub
                gets to see any of *topics*.

        Returns:
            Its ``stop`` ends the schedule.

        Raises:
            InvalidTopic: Nothing may be published to one of *topics*.

            ValueError: *seconds* cannot be waited for.
        """
        checked = check_topics(topics)
        schedule = Schedule(
            seconds,
            checked,
            make_event,
            publish=lambda data: self.publish(checked, data),
            wanted=lambda: idle or self.broker.is_wanted(checked),
            clock=self.clock,
            owner=self._schedules,
        )
        self._schedules.add(schedule)
        return schedule

    def on_connect(self, listener: OnConnect) -> OnConnect:
        """
        Call ``listener(connection)`` for every stream that begins from now on,
        when its first bytes have left and it can be pushed to.

        A failure is logged, and so is that of a `Deferred` or a coroutine that
        it returns; nobody waits for those.

        Returns:
            The same *listener*, so this decorates a function too.
        """
        self.broker.listeners.on_connect(listener)
        return listener

    def on_disconnect(self, listener: OnDisconnect) -> OnDisconnect:
        """
        Call ``listener(connection, reason)`` for every stream that ends from now
        on, once, and only if it has begun as `on_connect` has it.

        The rest is as for `on_connect`.
        """
        self.broker.listeners.on_disconnect(listener)
        return listener

    def remove_listener(self, listener: ConnectListener | DisconnectListener) -> None:
        """
        Take *listener* away again; it need not be there.
        """
        self.broker.listeners.remove(listener)

    def resource(
        self,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        topics: Iterable[str] | None = None,
        *,
        priming: Priming = "event",
        max_topics: int = 100,
    ) -> EventStreamResource:
        """
        A resource for subscribers; see `EventStreamResource`.
        """
        return EventStreamResource(
            self.broker,
            authorize=authorize,
            cors=cors,
            topics=topics,
            priming=priming,
            max_topics=max_topics,
        )

    def subscribe(self, *topics: str) -> EventStreamResource:
        """
        A resource that streams *topics*, to be returned from a route.
        """
        return self.resource(topics=topics)

    def realm(self, grant_of: GrantOf, **options: Any) -> GrantRealm:
        """
        For a `twisted.cred.portal.Portal`: every avatar is a stream with the
        grant that *grant_of* gives its name; see `GrantRealm`.

        Args:
            options: Those of `resource`, without ``authorize``.
        """
        return GrantRealm(grant_of, partial(self.resource, **options))

    def push(
        self, event: ServerSentEvent, where: Callable[[Connection], bool] | None = None
    ) -> int:
        """
        Send *event* to all who are connected to this hub, now or never.

        History does not know it, and other hubs do not get it.  It goes to one
        after the other in this turn of the reactor, which has to wait meanwhile:
        10,000 take about a tenth of a second.

        Args:
            where: Asked for each connection before anything is sent; only those
                get it for which this is true.  Nobody does if it raises.

        Returns:
            To how many it was written; see `Connection.push`.

        Raises:
            InvalidEvent: It has an ID.
        """
        frame = frame_to_push(event)
        chosen = [one for one in self.connections if where is None or where(one)]
        return sum(one.push_frame(frame) for one in chosen)

    def grant_changed(self, user: str) -> Deferred[list[Connection]]:
        """
        Have each stream of *user* go by what it is allowed now.

        The ``authorize`` function that let it in is asked again, with the same
        request.  What it returns counts from then on: topics, user and end; the
        stream goes on from where it stands.  If it raises, the stream ends.
        Until it answers, the grant before counts.

        Returns:
            The streams that were asked for, when all have their answers, those
            that have ended included.  Streams without a user, and those that
            need no authorization, are never found.
        """
        return self.broker.admission.reauthorizer.changed(user)

    def disconnect(self, user: str, final: ServerSentEvent | None = None) -> list[Connection]:
        """
        End all streams of *user*, each after the event *final*.
        """
        ending = self.connections.of_user(user)
        for connection in ending:
            connection.close(final)
        return ending

    def service(
        self,
        *,
        grace: float = 10.0,
        spread: float = 10.0,
        farewell: ServerSentEvent | None = None,
    ) -> HubService:
        """
        Starts history with the application, and lets everybody go when it stops.

        See `HubService`.
        """
        return HubService(
            self.broker,
            self.responses,
            self._schedules,
            grace=grace,
            spread=spread,
            farewell=farewell,
        )


def _first_receipt(published: list[Published]) -> Receipt:
    return published[0].receipt
