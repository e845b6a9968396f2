"""
The hub, as applications use it: an exchange with doors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import cached_property, partial
from typing import Any, TypeVar

from twisted.internet.defer import Deferred

from twisted_sse.broker.batch import batch_of, collect
from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection, frame_to_push
from twisted_sse.broker.connections.listeners import ConnectListener, DisconnectListener
from twisted_sse.broker.schedule import MakeEvent, Schedule, Schedules
from twisted_sse.broker.service import HubService
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.preamble import Priming
from twisted_sse.events.publication import Publication, Receipt
from twisted_sse.topics import check_topics
from twisted_sse.web.cors import CORS
from twisted_sse.web.cred import GrantOf, GrantRealm
from twisted_sse.web.generators.streams import GeneratorStreams
from twisted_sse.web.resource import Authorize
from twisted_sse.web.stream import EventStreamResource

__all__ = ["Hub"]

OnConnect = TypeVar("OnConnect", bound=ConnectListener)
OnDisconnect = TypeVar("OnDisconnect", bound=DisconnectListener)


class Hub(Broker):
    """
    Publish to it, put its resources into your site, and run its service.

    Everything belongs to one hub: two of them in one process do not know each
    other.  All methods are to be called in the reactor's thread.

    Args:
        history: An `IHistoryProvider`; `MemoryHistory` by default.

        keepalive: A comment is sent after so many seconds of silence; ``None``
            sends none.

        retry: The reconnection time that every stream begins with, in
            milliseconds; ``None`` leaves it to the browser.

        send_timeout: A reader that takes nothing for so long although there is
            something is let go, in seconds; ``None`` waits for ever.

        fallen_behind: What becomes of a reader that is so slow that history has
            forgotten what comes next: it is told of the gap and goes on from
            the oldest that is kept (``resume``) or with the newest event of
            each topic (``latest``), or its stream ends (``disconnect``).

        window_events: The most recent events that are kept ready to be sent.

        window_bytes: The most memory that they may take, in bytes.

        max_connections: One more is answered with 503.

        max_connections_per_address: One more from a network address is
            answered with 429.

        reactor: What everything is scheduled with; by default the global
            reactor, looked up when it is first needed.

    Attributes:
        connections: The `Registry`: iterate it, count it, search it.
    """

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
        return self.submit_one(publication) if batch is None else batch.add(publication)

    def batch(self) -> AbstractContextManager[None]:
        """
        Hand over all that is published inside of it together: all or none.

        It is handed over when the block ends, and keeps its order without
        anything between; if the block raises, nothing is published.  A batch
        inside of another becomes part of it.  In a coroutine the block may wait
        for something, but not for what `publish` returns: that has no result
        before the block has ended, and is cancelled if the block raises.
        """
        return collect(self, self.submit)

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
            wanted=lambda: idle or self._is_wanted(checked),
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
        self._listeners.on_connect(listener)
        return listener

    def on_disconnect(self, listener: OnDisconnect) -> OnDisconnect:
        """
        Call ``listener(connection, reason)`` for every stream that ends from now
        on, once, and only if it has begun as `on_connect` has it.

        The rest is as for `on_connect`.
        """
        self._listeners.on_disconnect(listener)
        return listener

    def remove_listener(self, listener: ConnectListener | DisconnectListener) -> None:
        """
        Take *listener* away again; it need not be there.
        """
        self._listeners.remove(listener)

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
            self,
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
        return self.terms.changed(user)

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
            self, self.responses, self._schedules, grace=grace, spread=spread, farewell=farewell
        )

    @cached_property
    def responses(self) -> GeneratorStreams:
        """
        The open streams of the responses that belong to this hub.
        """
        return GeneratorStreams(self.clock)

    @cached_property
    def _schedules(self) -> Schedules:
        return Schedules()

    def _is_wanted(self, topics: tuple[str, ...]) -> bool:
        return bool(self._audiences.wanting(Publication(topics, ServerSentEvent(""))))
