"""
Builds the hub on its own: everything that ``twistd sse`` runs.
"""

from __future__ import annotations

import gc
import resource
import secrets
from collections.abc import Sequence
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory

from twisted_sse.certificate import read_certificates, read_key, server_options
from twisted_sse.config import Config, Unfit
from twisted_sse.connection import Reason
from twisted_sse.demo import DemoPublisher
from twisted_sse.hub import Hub
from twisted_sse.listening import endpoint_for
from twisted_sse.port import Port
from twisted_sse.signals import StopSignals
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS
from twisted_sse.web.site import HubSite, hub_tree

__all__ = ["make_server"]

_log = Logger()


class _Collector(Service):
    """
    Keeps the garbage collector from holding the reactor.

    A full collection looks at every object there is: measured, 142 ms with
    8,000 streams.  Streams leave no cycles behind when they end (a test says
    so), so the youngest objects are all that has to be looked at often.
    """

    # Net allocations between collections of the youngest; how many of those
    # between collections of the middle ones, about 3 ms each; and of all.
    _THRESHOLDS = (2_000, 10, 10_000)

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        gc.collect()
        # What was imported stays: nobody needs to look at it again.
        gc.freeze()
        gc.set_threshold(*self._THRESHOLDS)


class _Advice(Service):
    """
    Shows, when the hub starts, how to use it.
    """

    def __init__(self, scheme: str, ports: Sequence[Port], token: str | None) -> None:
        self._scheme = scheme
        self._ports = ports
        self._token = token

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        base = self._base()
        _log.info("Subscribe: curl -N {base}/events?topic=news'", base=base)
        _log.info(
            "Publish:   curl {base}/events' -H 'Authorization: Bearer {token}'"
            " -d topic=news -d data=hello",
            base=base,
            token=self._token or "TOKEN",
        )
        if self._token is not None:
            _log.info("This token lasts until the hub stops; --publish-token-file sets others.")

    def _base(self) -> str:
        """
        How curl is told where the hub is, with an open quote.
        """
        for port in self._ports:
            if port.number is not None:
                insecure = "-k " if self._scheme == "https" else ""
                return f"{insecure}'{self._scheme}://localhost:{port.number}"
        return f"--unix-socket PATH '{self._scheme}://localhost"


def make_server(config: Config, reactor: Any) -> MultiService:
    """
    Put together what *config* asks for.

    Raises:
        Unfit: An option cannot be obeyed.
    """
    made = None if config.publish_tokens else secrets.token_urlsafe(24)
    hub = Hub(
        config.history,
        keepalive=config.keepalive,
        retry=config.retry,
        send_timeout=config.send_timeout,
        max_connections=config.max_connections,
        max_connections_per_address=config.max_connections_per_address,
        reactor=reactor,
    )
    site = _site(config, hub, made or "", reactor)
    server = MultiService()
    hub.service(grace=config.grace).setServiceParent(server)
    ports = _ports(config, site, reactor)
    for port in ports:
        port.setServiceParent(server)
    if config.demo:
        DemoPublisher(hub).setServiceParent(server)
    _Collector().setServiceParent(server)
    StopSignals(reactor, lambda: _cut_all(hub)).setServiceParent(server)
    _Advice("https" if config.tls_cert else "http", ports, made).setServiceParent(server)
    _allow_many_files()
    return server


def _site(config: Config, hub: Hub, made: str, reactor: Any) -> HubSite:
    try:
        cors = CORS(config.cors_origins)
    except ValueError as error:
        raise Unfit("cors-origin", error) from None
    tokens = BearerTokens(config.publish_tokens or [made], anonymous=config.anonymous)
    tree = hub_tree(
        hub,
        authorize=tokens,
        cors=cors,
        max_topics=config.max_topics,
        max_body=config.max_body,
        demo=config.demo,
    )
    site = HubSite(tree, config.max_body, reactor=reactor)
    site.sockets_limited = True
    return site


def _ports(config: Config, site: HubSite, reactor: Any) -> list[Port]:
    secured = _secured(config, site)
    ports = []
    for description in config.ports:
        try:
            endpoint = endpoint_for(reactor, description)
        except Exception as error:
            # Each kind of endpoint has a parser of its own, with its own errors.
            raise Unfit("port", f"{description!r} is no endpoint: {error}") from None
        # A description is taken as it is written: it says itself whether it is
        # to be secured.
        factory = secured if description.isdigit() else site
        ports.append(Port(endpoint, factory, description, config.send_timeout))
    return ports


def _secured(config: Config, site: HubSite) -> IProtocolFactory:
    if config.tls_cert is None and config.tls_key is None:
        return site
    if config.tls_cert is None:
        raise Unfit("tls-key", "it needs --tls-cert, the certificate of this key")
    if config.tls_key is None:
        raise Unfit("tls-cert", "it needs --tls-key, the private key of this certificate")
    try:
        certificates = read_certificates(config.tls_cert)
    except ValueError as error:
        raise Unfit("tls-cert", error) from None
    try:
        options = server_options(certificates, read_key(config.tls_key))
    except ValueError as error:
        raise Unfit("tls-key", error) from None
    return TLSMemoryBIOFactory(options, False, site)


def _cut_all(hub: Hub) -> None:
    for connection in hub.connections:
        connection.cut(Reason.DRAINED)


def _allow_many_files() -> None:
    # Every connection is an open file, and the usual soft limit is 1024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
