"""
Builds the hub on its own: everything that ``twistd sse`` runs.
"""

from __future__ import annotations

import resource
import secrets
from typing import Any

from twisted.application.service import MultiService

from twisted_sse.broker.drain import abort_all
from twisted_sse.hub import Hub
from twisted_sse.server.banner import StartupBanner
from twisted_sse.server.config import Config, InvalidOption
from twisted_sse.server.demo import DemoPublisher
from twisted_sse.server.listening import Port, endpoint_for
from twisted_sse.server.process import GarbageCollection, StopSignals
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateError, pair_files
from twisted_sse.transport.tls.renewal import CertificateWatch
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS

__all__ = ["make_server"]

# Whose fault it is when a certificate cannot be served.
_TLS_OPTIONS = {"certificate": "tls-cert", "key": "tls-key", "passphrase": "tls-passphrase-file"}


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
    tls = _tls_server(config)
    if tls is not None:
        CertificateWatch(tls, reactor).setServiceParent(server)
    ports = _ports(config, site, tls, reactor)
    for port in ports:
        port.setServiceParent(server)
    if config.demo:
        DemoPublisher(hub, hub.clock).setServiceParent(server)
    GarbageCollection().setServiceParent(server)
    StopSignals(reactor, lambda: abort_all(hub.broker, hub.responses)).setServiceParent(server)
    StartupBanner("https" if config.tls_cert else "http", ports, made).setServiceParent(server)
    _allow_many_files()
    return server


def _site(config: Config, hub: Hub, made: str, reactor: Any) -> HubSite:
    try:
        cors = CORS(config.cors_origins)
    except ValueError as error:
        raise InvalidOption("cors-origin", error) from None
    tokens = BearerTokens(config.publish_tokens or [made], anonymous=config.anonymous)
    tree = hub_tree(
        hub.broker,
        authorize=tokens,
        cors=cors,
        max_topics=config.max_topics,
        max_body=config.max_body,
        demo=config.demo,
    )
    site = HubSite(tree, config.max_body, max_streams=config.max_streams, reactor=reactor)
    site.sockets_limited = True
    return site


def _ports(config: Config, site: HubSite, tls: TLSServer | None, reactor: Any) -> list[Port]:
    secured = site if tls is None else TLSFactory(tls, site)
    ports = []
    for description in config.ports:
        try:
            endpoint = endpoint_for(reactor, description)
        except Exception as error:
            # Each kind of endpoint has a parser of its own, with its own errors.
            raise InvalidOption("port", f"{description!r} is no endpoint: {error}") from None
        # A description is taken as it is written: it says itself whether it is
        # to be secured.
        factory = secured if description.isdigit() else site
        ports.append(Port(endpoint, factory, description, config.send_timeout))
    return ports


def _tls_server(config: Config) -> TLSServer | None:
    if config.tls_passphrase is not None and not config.tls_cert:
        raise InvalidOption(
            "tls-passphrase-file", "it needs --tls-cert, the certificate of the key"
        )
    if not config.tls_cert and not config.tls_key:
        return None
    try:
        return TLSServer(pair_files(config.tls_cert, config.tls_key), config.tls_passphrase)
    except CertificateError as error:
        raise InvalidOption(_TLS_OPTIONS[error.culprit], error) from None


def _allow_many_files() -> None:
    # Every connection is an open file, and the usual soft limit is 1024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
