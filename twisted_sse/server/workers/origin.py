"""
The hub that keeps the history for workers: it listens on a private UNIX socket, and
speaks the replication protocol with them.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import UNIXClientEndpoint, UNIXServerEndpoint
from twisted.web.client import URI, Agent, HTTPConnectionPool
from twisted.web.iweb import IAgentEndpointFactory
from twisted.web.resource import Resource
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history.upstream.history import UpstreamHistory
from twisted_sse.history.upstream.hubclient import HubClient
from twisted_sse.hub import Hub
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.server.listening import EndpointService
from twisted_sse.server.workers.assignment import OriginAddress
from twisted_sse.server.workers.parentfollower import ParentFollower, ParentStream
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.events import EventsResource

__all__ = ["Origin", "WorkerHistory", "history_of", "remove_orphaned"]

# The largest body: several publications, each with its note, as `Appender` sends them.
_LEAST_BODY = 2 * 1024 * 1024

# How many idle connections a worker keeps, and how long, in seconds: less than the 60 s
# after which the other side would close them, perhaps just when a request is written.
_CONNECTIONS = 4
_IDLE = 20


class Origin(MultiService):
    """
    A hub on a socket that only this user can reach.

    Args:
        history: Of the hub.

        max_body: The largest publication of a client, in bytes.

    Attributes:
        hub: The hub.

        address: For `history_of`, once it has started.
    """

    address: OriginAddress

    def __init__(self, history: IHistoryProvider | None, max_body: int, reactor: Any) -> None:
        super().__init__()
        self._reactor = reactor
        self._directory: str | None = None
        self._token = secrets.token_urlsafe(24)
        self.hub = Hub(history, reactor=reactor)
        # Its connections are the workers, which have ended before.
        self.hub.service(grace=0, spread=0).setServiceParent(self)
        max_body = max(_LEAST_BODY, 2 * max_body)
        root = Resource()
        tokens = BearerTokens([self._token], anonymous=False)
        root.putChild(
            b"events", EventsResource(self.hub.broker, authorize=tokens, max_body=max_body)
        )
        self._site = _QuietSite(root, max_body=max_body, reactor=reactor)

    def startService(self) -> None:
        """
        See `IService.startService`.  The directory belongs to the user that the process
        runs as from now on.

        Raises:
            SystemExit: There is no place for the socket.
        """
        try:
            self._directory = tempfile.mkdtemp(prefix="twisted-sse-")
        except OSError as error:
            raise SystemExit(
                "twistd sse: --workers: the socket between the processes needs a directory "
                f"that can be written, so set TMPDIR to one: {error}"
            ) from None
        path = str(Path(self._directory, "hub"))
        self.address = OriginAddress(path, self._token)
        endpoint = UNIXServerEndpoint(self._reactor, path, mode=0o600)
        listening = EndpointService(endpoint, self._site, path, None)
        listening.setServiceParent(self)
        listening.privilegedStartService()
        super().startService()

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        stopping: Deferred[None] = super().stopService()
        return stopping.addBoth(self._clean)

    def _clean(self, result: Any) -> Any:
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        return result


class _QuietSite(StreamSite):
    def log(self, request: Any) -> None:
        """
        See `twisted.web.http.HTTPFactory.log`: the requests are not those of clients.
        """


class WorkerHistory(UpstreamHistory):
    """
    The history of a worker: it follows and asks the parent as an edge does, and publishes
    by a call.

    A call costs a tenth of a request (benchmarks, workers), and is never in doubt: it is
    answered, or the parent has died and takes the worker with it.  So publications need no
    IDs of the edge, and have those of the history.

    Attributes:
        keep: Has publications kept, and returns their positions; set before the first.

        stream: Reads what the parent keeps; set before it is followed.
    """

    keep: Callable[[Sequence[Publication]], Awaitable[Sequence[Position]]]
    stream: ParentStream

    def _new_follower(
        self,
        store: HubClient,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> ParentFollower:
        return ParentFollower(
            self.stream, store, self._outage, self._clock, after, deliver, restart
        )

    async def _append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        store = self._running_store()
        try:
            positions = await self.keep(publications)
        except HistoryUnavailable as error:
            self._note_refused(store, str(error).rstrip("."))
            raise
        self._outage.end("writing")
        return [
            Record(position.number, position.id, publication)
            for position, publication in zip(positions, publications, strict=True)
        ]


def history_of(origin: OriginAddress, reactor: Any) -> WorkerHistory:
    """
    Make the history of a worker.
    """
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost = _CONNECTIONS
    pool.cachedConnectionTimeout = _IDLE
    # A request whose answer is lost may have been obeyed.
    pool.retryAutomatically = False
    agent = Agent.usingEndpointFactory(reactor, _OneSocket(reactor, origin.path), pool)
    return WorkerHistory(
        "http://parent/events",
        token=origin.token,
        client=agent,
        clock=reactor,
    )


def remove_orphaned(origin: OriginAddress) -> None:
    """
    Remove the socket of a parent that could not do so itself.
    """
    shutil.rmtree(os.path.dirname(origin.path), ignore_errors=True)


@implementer(IAgentEndpointFactory)
class _OneSocket:
    def __init__(self, reactor: Any, path: str) -> None:
        self._reactor = reactor
        self._path = path

    def endpointForURI(self, uri: URI) -> _QuietEndpoint:
        return _QuietEndpoint(self._reactor, self._path)


class _QuietEndpoint(UNIXClientEndpoint):
    def connect(self, protocolFactory: Any) -> Any:
        """
        See `IStreamClientEndpoint.connect`: without two lines of log for each connection.
        """
        protocolFactory.noisy = False
        return super().connect(protocolFactory)
