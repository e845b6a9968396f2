"""
The hub, as applications use it.

A `Hub` has a `Broker`, which does the work.  Here is what it is made of, and what
applications do with its connections; how they publish is in `HubPublishing`, and what
they put into sites in `HubResources`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar, get_args

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection, frame_to_push
from twisted_sse.broker.connections.endlog import log_end
from twisted_sse.broker.connections.listeners import ConnectListener, DisconnectListener
from twisted_sse.broker.connections.registry import Registry
from twisted_sse.broker.lifecycle import Lifecycle
from twisted_sse.broker.presence.settings import Presence, presence_settings
from twisted_sse.broker.publishing import HubPublishing
from twisted_sse.broker.replay.catchup import FallenBehind
from twisted_sse.broker.runregistry import RunRegistry
from twisted_sse.broker.schedule import MakeEvent, Schedule, Schedules
from twisted_sse.broker.service import HubService
from twisted_sse.clock import clock_for
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.jsontext import Encoder
from twisted_sse.history.choice import history_for
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.topics import check_topics
from twisted_sse.units import (
    check_choice,
    check_count,
    check_milliseconds,
    check_seconds,
    known_arguments,
)
from twisted_sse.web.generators.streams import GeneratorStreams
from twisted_sse.web.hubresources import HubResources

__all__ = ["Hub"]

OnConnect = TypeVar("OnConnect", bound=ConnectListener)
OnDisconnect = TypeVar("OnDisconnect", bound=DisconnectListener)


class Hub(HubPublishing, HubResources):
    """
    Publish to it, put its resources into a site, and run its service.

    Two hubs in one process share nothing.  Call all methods in the reactor's
    thread, except `publish_from_thread`.

    Args:
        history: An `IHistoryProvider`, or a string as ``--history`` takes it, such
            as ``sqlite:events.db``; a `MemoryHistory` by default.

        keepalive: The seconds of silence after which a comment is sent;
            ``None`` sends none.

        retry: The shortest reconnection time that a stream begins with, in
            milliseconds; ``None`` leaves it to the browser.

        retry_spread: Each stream begins with a different reconnection time, at
            most this much longer, so that subscribers do not all come back at the
            same moment after a crash.  In milliseconds; by default as much as
            *retry*.

        send_timeout: The seconds after which the stream of a reader ends that
            takes nothing although there is something to send; ``None`` waits
            forever.

        max_lifetime: The seconds after which a stream ends at the latest, so that
            subscribers spread over all hubs behind a load balancer again; each one
            ends after three quarters of it or later.  They come back and miss
            nothing.  ``None`` sets no limit.

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

        max_connections_per_user: The most connections of one user, whom the grant
            names; one more is answered with 429.  ``None`` sets no limit.

        max_publish_rate: The most publications per second that one user, or one
            token, may send over HTTP, and ten times as many at once; more are
            answered with 429.  ``None`` sets no limit.

        access_log: Whether the end of each stream is logged: whose it was, why it
            ended, and what it was sent.

        encoder: Called for values that `json` cannot write, in `publish` and in the
            responses of this hub, like the *default* of `json.dumps`; see
            `ServerSentEvent.json`.

        presence: Whether to keep who is on which topic, for `presence` and for streams
            that ask for it; a `Presence` says how.

        reactor: What everything is scheduled with.  By default the global
            reactor, looked up when it is first needed.

    Raises:
        TypeError, ValueError: An argument is wrong.

    Attributes:
        history: The `IHistoryProvider`.

        clock: What everything is scheduled with, an `IReactorTime`.  It is
            monotonic: setting the clock of the machine does not stop it.

        encoder: As it was given.

        connections: The `Registry` of open connections: iterate it, count it,
            search it.

        responses: The open streams of every `EventSourceResponse` of this hub:
            iterate over them, count them.

        runs: The `RunRegistry`: the runs that go on here, and those that history knows;
            iterate over them, list them, cancel one.

        broker: The `Broker` inside, for resources that this package does not
            have.
    """

    @known_arguments
    def __init__(
        self,
        history: IHistoryProvider | str | None = None,
        *,
        keepalive: float | None = 15.0,
        retry: int | None = 3000,
        retry_spread: int | None = None,
        send_timeout: float | None = 60.0,
        max_lifetime: float | None = None,
        fallen_behind: FallenBehind = "resume",
        window_events: int = 1024,
        window_bytes: int = 16 * 1024 * 1024,
        max_connections: int | None = None,
        max_connections_per_address: int | None = None,
        max_connections_per_user: int | None = None,
        max_publish_rate: int | None = None,
        access_log: bool = False,
        encoder: Encoder | None = None,
        presence: bool | Presence = False,
        reactor: IReactorTime | None = None,
    ) -> None:
        check_seconds("keepalive", keepalive, none="to send no comments")
        check_milliseconds("retry", retry, none="to leave it to the browser")
        check_milliseconds("retry_spread", retry_spread, none="for as much as retry")
        check_seconds("send_timeout", send_timeout, none="to wait forever")
        check_seconds("max_lifetime", max_lifetime, none="for no limit")
        check_choice("fallen_behind", fallen_behind, get_args(FallenBehind))
        check_count("window_events", window_events)
        check_count("window_bytes", window_bytes)
        check_count("max_connections", max_connections, none="for no limit")
        check_count("max_connections_per_address", max_connections_per_address, none="for no limit")
        check_count("max_connections_per_user", max_connections_per_user, none="for no limit")
        check_count("max_publish_rate", max_publish_rate, none="for no limit")
        super().__init__(encoder)
        self.clock = clock_for(reactor)
        self.history = history_for(history, self.clock)
        self.broker = Broker(
            self.history,
            self.clock,
            retry=retry,
            retry_spread=retry_spread,
            keepalive=keepalive,
            send_timeout=send_timeout,
            max_lifetime=max_lifetime,
            fallen_behind=fallen_behind,
            window_events=window_events,
            window_bytes=window_bytes,
            max_connections=max_connections,
            max_connections_per_address=max_connections_per_address,
            max_connections_per_user=max_connections_per_user,
            max_publish_rate=max_publish_rate,
            presence=presence_settings(presence),
        )
        self.connections: Registry = self.broker.admission.connections
        self.responses = GeneratorStreams(self.clock)
        self.runs = RunRegistry(self.broker)
        if access_log:
            self.broker.listeners.on_disconnect(log_end)
        self._schedules = Schedules()
        self._lifecycle = Lifecycle(self.broker, self.responses, self._schedules)
        self.broker.before_start = self._lifecycle.before_first_use
        self.broker.start_soon = self._lifecycle.start_with_reactor
        self.responses.before_begin = self._lifecycle.before_first_use

    def every(
        self,
        seconds: float,
        topics: str | Iterable[str],
        make_event: MakeEvent,
        *,
        idle: bool = True,
    ) -> Schedule:
        """
        Publish the result of *make_event* now, and again at an interval.

        The schedule begins when the reactor runs or the hub's service starts,
        whichever is first, and ends with the hub.  A failure is logged, and the
        schedule continues.  While *make_event* or history is busy, turns are
        skipped.

        Args:
            seconds: The interval, greater than 0.

            topics: One topic, or several.

            make_event: Returns what `publish` takes as *data*, or a `Deferred`
                or a coroutine of it; ``None`` publishes nothing in this turn.

            idle: Whether to publish while no connection of this hub subscribes
                to any of *topics*.

        Returns:
            The schedule; its ``stop`` ends it.

        Raises:
            InvalidTopic: Nothing may be published to one of *topics*.

            ValueError: *seconds* is not a positive, finite number.
        """
        checked = check_topics(topics)
        schedule = Schedule(
            seconds,
            checked,
            make_event,
            publish=lambda data: self.publish(checked, data),
            wanted=lambda: idle or self.broker.distribution.is_wanted(checked),
            clock=self.clock,
            owner=self._schedules,
        )
        self._schedules.add(schedule)
        self._lifecycle.start_with_reactor()
        return schedule

    def on_connect(self, listener: OnConnect) -> OnConnect:
        """
        Call ``listener(connection)`` for every stream that begins from now on,
        when its first bytes have left and it can be pushed to.

        A failure is logged.  A `Deferred` or a coroutine that the listener returns
        is not waited for, and its failure is logged too.

        Returns:
            The same *listener*, so this decorates a function too.
        """
        _check_listener(listener)
        self.broker.listeners.on_connect(listener)
        return listener

    def on_disconnect(self, listener: OnDisconnect) -> OnDisconnect:
        """
        Call ``listener(connection, reason)`` for every stream that ends from now on.

        It is called exactly once, and only for connections that `on_connect` was
        called for.  Failures are logged as for `on_connect`.
        """
        _check_listener(listener)
        self.broker.listeners.on_disconnect(listener)
        return listener

    def remove_listener(self, listener: ConnectListener | DisconnectListener) -> None:
        """
        Do not call *listener* any more; it may be unknown.
        """
        self.broker.listeners.remove(listener)

    def push(
        self, event: ServerSentEvent, where: Callable[[Connection], bool] | None = None
    ) -> int:
        """
        Send *event* to the connections of this hub, now or never.

        History does not keep the event, and other hubs do not get it.  It is sent
        to one connection after the other in this turn of the reactor, which has to
        wait meanwhile: 10,000 connections take about a tenth of a second.

        Args:
            where: Called for each connection before anything is sent; the event
                goes to those for which it returns true.  If it raises, nothing is
                sent.

        Returns:
            The number of connections that it was written to; see
            `Connection.push`.

        Raises:
            InvalidEvent: The event has an ID.
        """
        frame = frame_to_push(event)
        chosen = [one for one in self.connections if where is None or where(one)]
        return sum(one.push_frame(frame) for one in chosen)

    def grant_changed(self, user: str) -> Deferred[list[Connection]]:
        """
        Apply the grant that *user* has now to each of the user's streams.

        The ``authorize`` function of a stream is called again, with the same
        request.  The grant that it returns counts from then on: topics, user and
        expiry.  The stream continues from its position.  If the function raises,
        the stream ends.  Until it returns, the old grant counts.

        Returns:
            The streams for which the function was called, including those that
            have ended, when all have their grants.  Streams without a user, and
            streams that need no authorization, are never among them.
        """
        return self.broker.admission.reauthorizer.changed(user)

    def disconnect(self, user: str, final: ServerSentEvent | None = None) -> list[Connection]:
        """
        End all streams of *user*, each after the event *final* if there is one.

        Returns:
            The streams that have ended.
        """
        ending = self.connections.of_user(user)
        for connection in ending:
            connection.close(final)
        return ending

    def service(
        self,
        *,
        grace: float = 8.0,
        spread: float = 10.0,
        farewell: ServerSentEvent | None = None,
    ) -> HubService:
        """
        Make the service that starts the hub with an application, and ends every
        stream when the application stops; see `HubService`.

        A hub without a service starts at the first need, and ends every stream when
        the reactor shuts down.
        """
        return HubService(self._lifecycle, grace=grace, spread=spread, farewell=farewell)


def _check_listener(listener: object) -> None:
    if not callable(listener):
        raise TypeError(f"The listener is {listener!r}: give a function")
