"""
Builds the hub on its own: everything that ``twistd sse`` runs.
"""

from __future__ import annotations

import resource
import secrets
from typing import Any

from twisted.application.service import MultiService

from twisted_sse.advice import Advice
from twisted_sse.certificate import CertificateError, pair_files
from twisted_sse.certificates import CertificateWatch
from twisted_sse.collector import Collector
from twisted_sse.config import Config, Unfit
from twisted_sse.demo import DemoPublisher
from twisted_sse.drain import cut_all
from twisted_sse.hub import Hub
from twisted_sse.listening import endpoint_for
from twisted_sse.port import Port
from twisted_sse.signals import StopSignals
from twisted_sse.tls import TLSFactory, TLSServer
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS
from twisted_sse.web.site import HubSite, hub_tree

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
    Collector().setServiceParent(server)
    StopSignals(reactor, lambda: cut_all(hub)).setServiceParent(server)
    Advice("https" if config.tls_cert else "http", ports, made).setServiceParent(server)
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
            raise Unfit("port", f"{description!r} is no endpoint: {error}") from None
        # A description is taken as it is written: it says itself whether it is
        # to be secured.
        factory = secured if description.isdigit() else site
        ports.append(Port(endpoint, factory, description, config.send_timeout))
    return ports


def _tls_server(config: Config) -> TLSServer | None:
    if config.tls_passphrase is not None and not config.tls_cert:
        raise Unfit("tls-passphrase-file", "it needs --tls-cert, the certificate of the key")
    if not config.tls_cert and not config.tls_key:
        return None
    try:
        return TLSServer(pair_files(config.tls_cert, config.tls_key), config.tls_passphrase)
    except CertificateError as error:
        raise Unfit(_TLS_OPTIONS[error.culprit], error) from None


def _allow_many_files() -> None:
    # Every connection is an open file, and the usual soft limit is 1024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
