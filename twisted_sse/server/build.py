"""
Builds the services that ``twistd sse`` runs.
"""

from __future__ import annotations

import secrets
from typing import Any

from twisted.application.service import MultiService

from twisted_sse.broker.drain import abort_all
from twisted_sse.hub import Hub
from twisted_sse.server.banner import StartupBanner
from twisted_sse.server.config import Config, InvalidOption
from twisted_sse.server.demo import publish_demo
from twisted_sse.server.listening import EndpointService, endpoint_for
from twisted_sse.server.memory import MemoryTrim
from twisted_sse.server.process import GarbageCollection, StopSignals
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.server.socketlimits import allow_many_files, socket_limits
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateError, pair_files
from twisted_sse.transport.tls.renewal import CertificateWatch
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS

__all__ = ["make_server"]

# The option to blame for a CertificateError, by its culprit.
_TLS_OPTIONS = {"certificate": "tls-cert", "key": "tls-key", "passphrase": "tls-passphrase-file"}


def make_server(config: Config, reactor: Any) -> MultiService:
    """
    Build the services that *config* asks for.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    allow_many_files()
    token = None if config.publish_tokens else secrets.token_urlsafe(24)
    hub = Hub(
        config.history,
        keepalive=config.keepalive,
        retry=config.retry,
        send_timeout=config.send_timeout,
        max_connections=config.max_connections,
        max_connections_per_address=config.max_connections_per_address,
        reactor=reactor,
    )
    site = _site(config, hub, token or "", reactor)
    server = MultiService()
    hub.service(grace=config.grace).setServiceParent(server)
    tls = _tls_server(config)
    if tls is not None:
        CertificateWatch(tls, reactor).setServiceParent(server)
    endpoints = _endpoints(config, site, tls, reactor)
    for endpoint in endpoints:
        endpoint.setServiceParent(server)
    if config.demo:
        publish_demo(hub)
    GarbageCollection().setServiceParent(server)
    MemoryTrim(lambda: len(hub.connections), reactor).setServiceParent(server)
    StopSignals(reactor, lambda: abort_all(hub.broker, hub.responses)).setServiceParent(server)
    scheme = "https" if config.tls_cert else "http"
    StartupBanner(scheme, endpoints, token).setServiceParent(server)
    return server


def _site(config: Config, hub: Hub, token: str, reactor: Any) -> HubSite:
    try:
        cors = CORS(config.cors_origins)
    except ValueError as error:
        raise InvalidOption("cors-origin", error) from None
    tokens = BearerTokens(config.publish_tokens or [token], anonymous=config.anonymous)
    tree = hub_tree(
        hub.broker,
        authorize=tokens,
        cors=cors,
        max_topics=config.max_topics,
        max_body=config.max_body,
        demo=config.demo,
    )
    site = HubSite(
        tree,
        config.max_body,
        max_streams=config.max_streams,
        head_timeout=config.head_timeout,
        body_timeout=config.body_timeout,
        socket_limits=socket_limits(config.max_connections, config.max_connections_per_address),
        reactor=reactor,
    )
    site.sockets_limited = True
    return site


def _endpoints(
    config: Config, site: HubSite, tls: TLSServer | None, reactor: Any
) -> list[EndpointService]:
    secured = site if tls is None else TLSFactory(tls, site)
    services = []
    for description in config.ports:
        try:
            endpoint = endpoint_for(reactor, description)
        except Exception as error:
            # Every kind of endpoint has its own parser, with its own errors.
            raise InvalidOption("port", f"{description!r} is not an endpoint: {error}") from None
        # An endpoint description is taken literally: whether to use TLS is part
        # of it.
        factory = secured if description.isdigit() else site
        services.append(EndpointService(endpoint, factory, description, config.send_timeout))
    return services


def _tls_server(config: Config) -> TLSServer | None:
    if config.tls_passphrase is not None and not config.tls_cert:
        raise InvalidOption(
            "tls-passphrase-file", "it needs --tls-cert, the certificate of the private key"
        )
    if not config.tls_cert and not config.tls_key:
        return None
    try:
        return TLSServer(pair_files(config.tls_cert, config.tls_key), config.tls_passphrase)
    except CertificateError as error:
        raise InvalidOption(_TLS_OPTIONS[error.culprit], error) from None
