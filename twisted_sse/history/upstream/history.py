"""
The history of an edge: another hub's, over HTTP.

Order, numbers and event IDs are upstream's, through any chain of edges.  Nothing
is stored here: upstream keeps, finds and streams.  While it is unavailable, calls
fail and the follower waits.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar
from urllib.parse import urlsplit

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.ssl import Certificate
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable, UnexpectedStatus
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history.remote import RemoteHistory
from twisted_sse.history.upstream.append import Appender
from twisted_sse.history.upstream.edgeids import is_edge_id
from twisted_sse.history.upstream.follower import UpstreamFollower
from twisted_sse.history.upstream.hubclient import HubClient
from twisted_sse.history.upstream.pendingcalls import PendingCalls
from twisted_sse.history.upstream.query import check_sendable, find, find_ends, is_sendable
from twisted_sse.history.upstream.ring import IEdge, Ring
from twisted_sse.topics import Selection
from twisted_sse.transport.tls.trust import agent_trusting, load_ca_certificates

__all__ = ["UpstreamHistory"]

T = TypeVar("T")

# How many reads run at a time: each has a connection.
_READERS = 8


@implementer(IEdge)
class UpstreamHistory(RemoteHistory[HubClient]):
    """
    The history of another hub.

    A service: it connects when it is started, and works until it is stopped.

    Args:
        url: The other hub's ``/events``, such as ``https://example.com/events``;
            without a path ``/events`` is meant.

        token: Sent as ``Authorization: Bearer``.  It has to permit reading
            everything there, and publishing what is published here.

        cafile: A PEM file of the certificate authorities to trust; those of the
            machine by default.

        timeout: How long upstream may take to answer, and how long an append
            without an answer tries to find out its outcome, in seconds.

        client: A treq client or an `IAgent` to use for all requests.

        clock: For timers; the global reactor by default.

    Raises:
        ValueError: An argument is invalid; half a sentence.
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
        super().__init__(_READERS, f"The upstream hub at {self._url}", clock)
        if cafile is not None and not self._url.startswith("https:"):
            raise ValueError("cafile is for TLS, so the URL has to begin with https://")
        if cafile is not None and client is not None:
            raise ValueError("cafile has no effect on your own client: configure trust there")
        if timeout <= 0:
            raise ValueError(f"timeout must be greater than 0, not {timeout!r}")
        self._ca_certificates: list[Certificate] = (
            [] if cafile is None else load_ca_certificates(cafile)
        )
        self._token = token
        self._timeout = timeout
        self._agent = client
        self._appender: Appender | None = None
        self._reads = PendingCalls()
        self._appends = PendingCalls()
        self._ring = Ring()

    def __repr__(self) -> str:
        return f"<UpstreamHistory {self._url}>"

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        agent = self._agent
        if agent is None and self._ca_certificates:
            agent = agent_trusting(self._ca_certificates, self._timeout)
        self._ring = Ring()
        self._store = HubClient(
            self._url, self._token, agent, self._timeout, self._clock, self._ring
        )
        self._appender = Appender(self._store, self._timeout, self._clock)

    def follows(self, names: str) -> bool:
        """
        See `IEdge.follows`.
        """
        return self._ring.follows(names)

    async def _append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        store = self._running_store()
        assert self._appender is not None
        try:
            records = await self._appender.append(publications)
        except HistoryUnavailable as error:
            cause = error.__cause__
            # Upstream may refuse what is too large for it, and keep everything else.
            if not (isinstance(cause, UnexpectedStatus) and cause.status < 500):
                self._note_refused(store, str(error).rstrip("."))
            raise
        self._outage.end("writing")
        return records

    async def _check_writing(self, store: HubClient) -> None:
        await store.check_ready()
        self._outage.end("writing")

    async def _find(self, store: HubClient, event_id: str) -> Record | None:
        if is_edge_id(event_id) or not is_sendable(event_id):
            return None
        return await store.find(event_id)

    async def _ends(self, store: HubClient, topics: Sequence[str]) -> Sequence[Record]:
        return await find_ends(store, topics)

    async def _since(
        self, store: HubClient, last_event_id: str | None, topics: Selection, limit: int
    ) -> Sequence[Record]:
        return await find(store, last_event_id, topics, limit)

    async def _tail(self, store: HubClient, limit: int) -> Tail:
        return Tail(*await store.tail(limit))

    async def _locate(self, store: HubClient, event_id: str) -> Position:
        check_sendable(event_id)
        return await store.locate(event_id)

    def _new_follower(
        self,
        store: HubClient,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> UpstreamFollower:
        return UpstreamFollower(store, self._outage, self._clock, after, deliver, restart)

    def _start_append(self, call: Coroutine[Any, Any, T]) -> Deferred[T]:
        return self._appends.run(call)

    def _start_read(self, call: Coroutine[Any, Any, T]) -> Deferred[T]:
        return self._reads.run(call)

    async def _stop(self) -> None:
        await self._stop_following()
        self._reads.cancel()
        await self._appends.finish(self._timeout, self._clock)


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        valid = False
    if not valid or not url.isprintable() or " " in url:
        # Not quoted, because it may contain a password.
        raise ValueError("it needs the URL of a hub, such as https://example.com/events")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("the URL must be a hub's /events, without user, query and fragment")
    return url if parts.path not in ("", "/") else f"{url.removesuffix('/')}/events"
