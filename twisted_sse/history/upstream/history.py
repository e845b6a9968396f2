"""
The history of an edge: that of another hub, over HTTP.

The order is upstream's, and so are numbers and event IDs, through any chain of
edges.  Nothing is kept here: upstream keeps, finds and streams, and while it is
away everything waits, or is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import Certificate
from twisted.internet.task import deferLater
from zope.interface import implementer

from twisted_sse.clock import clock_for
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history.upstream.append import Appending
from twisted_sse.history.upstream.follower import UpstreamFollower
from twisted_sse.history.upstream.hubclient import HubClient
from twisted_sse.history.upstream.pendingcalls import PendingCalls
from twisted_sse.history.upstream.query import check_sendable, find
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.topics import Selection
from twisted_sse.transport.tls.trust import agent_trusting, load_ca_certificates

__all__ = ["UpstreamHistory"]

T = TypeVar("T")

# How many questions are with upstream at a time: each has a connection.
_READERS = 8


@implementer(ISharedHistoryProvider)
class UpstreamHistory(Service):
    """
    Follows another hub.

    It connects when it is started, and works until it is stopped.

    Args:
        url: The other hub's ``/events``, such as ``https://example.com/events``;
            without a path ``/events`` is meant.

        token: Sent as ``Authorization: Bearer``.  It has to let read everything
            there, and publish what is published here.

        cafile: A PEM file of those who may have signed the server's
            certificate; those that the machine trusts by default.

        timeout: How long upstream may take for an answer, and how long a
            publication waits that was not answered, in seconds.

        client: A treq client or an `IAgent`, instead of one of its own.

        clock: Schedules; the global reactor by default.

    Raises:
        ValueError: An argument cannot be obeyed; half a sentence.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        cafile: str | None = None,
        timeout: float = 5.0,
        client: Any = None,
        clock: IReactorTime | None = None,
    ) -> None:
        self._url = _checked(url)
        if cafile is not None and not self._url.startswith("https:"):
            raise ValueError("cafile is for TLS, so the URL has to begin with https://")
        if cafile is not None and client is not None:
            raise ValueError("a client of your own knows itself whom it trusts, without cafile")
        if timeout <= 0:
            raise ValueError(f"timeout must be greater than 0, not {timeout!r}")
        self._authorities: list[Certificate] = (
            [] if cafile is None else load_ca_certificates(cafile)
        )
        self._token = token
        self._timeout = timeout
        self._client = client
        self._clock = clock_for(clock)
        self._reading = DeferredSemaphore(_READERS)
        self._door: HubClient | None = None
        self._appending: Appending | None = None
        self._follower: UpstreamFollower | None = None
        self._reads = PendingCalls()
        self._appends = PendingCalls()

    def __repr__(self) -> str:
        return f"<UpstreamHistory {self._url}>"

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        client = self._client
        if client is None and self._authorities:
            client = agent_trusting(self._authorities, self._timeout)
        self._door = HubClient(self._url, self._token, client, self._timeout, self._clock)
        self._appending = Appending(self._door, self._timeout, self._clock)

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.

        An append that is under way has as long as any other.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    # The interface names the values, and a Deferred of each may be returned.
    def append(  # type: ignore[override]
        self, publications: Sequence[Publication]
    ) -> Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.append`.
        """
        return self._appends.begin(self._append(list(publications)))

    def since(  # type: ignore[override]
        self, last_event_id: str | None, topics: Selection, limit: int
    ) -> Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.since`.
        """
        return self._read(lambda door: find(door, last_event_id, topics, limit))

    def tail(self, limit: int) -> Deferred[Tail]:  # type: ignore[override]
        """
        See `IHistoryProvider.tail`.
        """
        return self._read(lambda door: _tail(door, limit))

    def locate(self, event_id: str) -> Deferred[Position]:  # type: ignore[override]
        """
        See `ISharedHistoryProvider.locate`.
        """
        return self._read(lambda door: _locate(door, event_id))

    def follow(
        self,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        door = self._running_door()
        self._follower = UpstreamFollower(door, self._clock, after, deliver, restart)

    async def _append(self, publications: list[Publication]) -> Sequence[Record]:
        self._running_door()
        assert self._appending is not None
        return await self._appending.append(publications)

    def _read(self, ask: Callable[[HubClient], Coroutine[Any, Any, T]]) -> Deferred[T]:
        async def read() -> T:
            await self._reading.acquire()
            try:
                return await ask(self._running_door())
            finally:
                self._reading.release()

        return self._reads.begin(read())

    def _running_door(self) -> HubClient:
        if self._door is None:
            raise HistoryUnavailable(f"{self!r} is not running: start it, it is a service.")
        return self._door

    async def _stop(self) -> None:
        self._door = None
        follower, self._follower = self._follower, None
        # Not from within what it has delivered: that has to return first.
        await deferLater(self._clock, 0)
        if follower is not None:
            follower.stop()
        self._reads.cancel()
        await self._appends.end(self._timeout, self._clock)


async def _tail(door: HubClient, limit: int) -> Tail:
    return Tail(*await door.tail(limit))


async def _locate(door: HubClient, event_id: str) -> Position:
    check_sendable(event_id)
    return await door.locate(event_id)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        fit = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        fit = False
    if not fit or not url.isprintable() or " " in url:
        # It is not quoted: it may have a password.
        raise ValueError("it needs the URL of a hub, such as https://example.com/events")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the URL is that of a hub's /events, without user, query and fragment")
    return url if parts.path not in ("", "/") else f"{url.removesuffix('/')}/events"
