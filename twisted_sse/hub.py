"""
The hub, as applications use it: an exchange with doors.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred

from twisted_sse.connection import Connection
from twisted_sse.event import ServerSentEvent
from twisted_sse.exchange import Exchange
from twisted_sse.opening import Priming
from twisted_sse.publication import Publication, Receipt
from twisted_sse.service import HubService
from twisted_sse.web.cors import CORS
from twisted_sse.web.endpoint import Authorize
from twisted_sse.web.stream import EventStreamResource

__all__ = ["Hub"]


class Hub(Exchange):
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
        return self.submit_one(publication)

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
        return HubService(self, grace=grace, spread=spread, farewell=farewell)
