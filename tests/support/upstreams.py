"""
A hub on a real port, which can be interrupted, for edges in the same process.
"""

from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.internet.tcp import Server

from twisted_sse.history.upstream.history import UpstreamHistory
from twisted_sse.hub import Hub
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS

__all__ = ["TOKEN", "Upstream"]

#: Permits reading and publishing everything.
TOKEN = "upstream's-token"

reactor: Any = _reactor


class Upstream:
    """
    Attributes:
        hub: The upstream hub.
    """

    def __init__(self, history: IHistoryProvider | None = None, max_body: int = 1 << 20) -> None:
        self.hub = Hub(history, keepalive=None)
        self._service = self.hub.service(grace=0.0, spread=0.0)
        tree = hub_tree(
            self.hub.broker,
            authorize=BearerTokens([TOKEN]),
            cors=CORS(),
            max_topics=100,
            max_body=max_body,
        )
        self._site = HubSite(tree, max_body, reactor=reactor)
        self._scheme = "http"
        self._port: Any = None

    @property
    def url(self) -> str:
        """
        The URL of its ``/events``.
        """
        return f"{self._scheme}://localhost:{self._number}/events"

    def start(self, port: int = 0) -> None:
        """
        Start the hub, and listen on *port*, or a free one.
        """
        self._service.startService()
        self._port = reactor.listenTCP(port, self._site, interface="127.0.0.1")
        self._number = self._port.getHost().port

    def start_tls(self, certificate: Path, key: Path) -> None:
        """
        Start the hub, and listen for HTTPS.
        """
        self._scheme = "https"
        self._service.startService()
        context = DefaultOpenSSLContextFactory(str(key), str(certificate))
        self._port = reactor.listenSSL(0, self._site, context, interface="127.0.0.1")
        self._number = self._port.getHost().port

    def edge(self, **options: Any) -> UpstreamHistory:
        """
        Make the history of an edge of this hub.
        """
        return UpstreamHistory(self.url, **{"token": TOKEN, "timeout": 10.0, **options})

    async def go_away(self) -> None:
        """
        Stop listening, and abort all connections.
        """
        port, self._port = self._port, None
        if port is None:
            return
        await port.stopListening()
        for connection in {*reactor.getReaders(), *reactor.getWriters()}:
            if isinstance(connection, Server) and connection.server is port:
                connection.abortConnection()

    def come_back(self) -> None:
        """
        Listen again, on the same port.
        """
        self._port = reactor.listenTCP(self._number, self._site, interface="127.0.0.1")

    async def stop(self) -> None:
        """
        Stop the hub.
        """
        await self.go_away()
        await self._service.stopService()
