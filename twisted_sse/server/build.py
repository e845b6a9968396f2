"""
Builds the services that ``twistd sse`` runs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.application.service import MultiService

from twisted_sse.broker.drain import abort_all
from twisted_sse.hub import Hub
from twisted_sse.server.access import Access, client_authentication
from twisted_sse.server.banner import Served, StartupBanner, bearer_from_file
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.demo import publish_demo
from twisted_sse.server.listening import EndpointService, endpoint_for
from twisted_sse.server.memory import MemoryTrim
from twisted_sse.server.mercure import read_mercure
from twisted_sse.server.process import GarbageCollection, MonotonicTimers, StopSignals
from twisted_sse.server.reload import Reloadable, ReloadSignal
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.server.socketlimits import allow_many_files, socket_limits
from twisted_sse.server.systemd import Notifier
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateError, pair_files
from twisted_sse.transport.tls.renewal import CertificateWatch
from twisted_sse.web.cors import CORS

__all__ = ["make_server"]

# The option to blame for a CertificateError, by its culprit.
_TLS_OPTIONS = {
    "certificate": "tls-cert",
    "key": "tls-key",
    "passphrase": "tls-passphrase-file",
    "client-ca": "tls-client-ca",
}

# The endpoint descriptions that speak TLS by themselves.
_TLS_ENDPOINTS = ("ssl:", "tls:", "haproxy:ssl:", "haproxy:tls:")


def make_server(config: Config, reactor: Any) -> MultiService:
    """
    Build the services that *config* asks for.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    allow_many_files()
    access = Access(config, reactor)
    hub = Hub(
        config.history,
        keepalive=config.keepalive,
        retry=config.retry,
        retry_spread=config.retry_spread,
        send_timeout=config.send_timeout,
        max_lifetime=config.max_lifetime,
        access_log=config.access_log,
        max_connections=config.max_connections,
        max_connections_per_address=config.max_connections_per_address,
        reactor=reactor,
    )
    site = _site(config, hub, access, reactor)
    server = MultiService()
    MonotonicTimers(reactor).setServiceParent(server)
    reloads: dict[str, Reloadable] = {}
    access.service(reactor).setServiceParent(server)
    hub.service(grace=config.grace, spread=config.spread).setServiceParent(server)
    tls = _tls_server(config)
    if tls is not None:
        reloads["the certificates"] = watch = CertificateWatch(tls, reactor)
        watch.setServiceParent(server)
    served = _endpoints(config, site, tls, reactor)
    for one in served:
        one.endpoint.setServiceParent(server)
    if config.demo:
        publish_demo(hub)
    reloads.update(access.reloads)
    GarbageCollection().setServiceParent(server)
    MemoryTrim(lambda: len(hub.connections), reactor).setServiceParent(server)
    notifier = Notifier(lambda: len(hub.connections), os.environ, reactor)
    notifier.setServiceParent(server)
    ReloadSignal(reactor, reloads, notifier.reloading).setServiceParent(server)
    StopSignals(
        reactor,
        leave=partial(_leave, hub, notifier),
        abort=lambda: abort_all(hub.broker, hub.responses),
        delay=config.drain_delay,
    ).setServiceParent(server)
    _banner(config, served, access.token).setServiceParent(server)
    return server


def _leave(hub: Hub, notifier: Notifier) -> None:
    hub.broker.leaving = True
    notifier.stopping()


def _banner(config: Config, served: Sequence[Served], token: str | None) -> StartupBanner:
    listed = config.publish_tokens
    if listed is not None:
        header = bearer_from_file(listed.path, listed.tokens[0])
    else:
        # Only a token that is valid for one run is logged.
        header = f"-H 'Authorization: Bearer {token or 'TOKEN'}'"
    return StartupBanner(
        served,
        header,
        generated=token is not None,
        anonymous=config.anonymous,
        demo=config.demo,
    )


def _site(config: Config, hub: Hub, access: Access, reactor: Any) -> HubSite:
    try:
        cors = CORS(config.cors_origins)
    except ValueError as error:
        raise InvalidOption("cors-origin", error) from None
    try:
        tree = hub_tree(
            hub.broker,
            authorize=access.subscribing,
            publish_authorize=access.publishing,
            publish_origins=config.publish_origins,
            cors=cors,
            max_topics=config.max_topics,
            max_body=config.max_body,
            demo=config.demo,
            mercure=read_mercure(config),
        )
    except ValueError as error:
        raise InvalidOption("publish-origin", error) from None
    site = HubSite(
        tree,
        config.max_body,
        access_log=config.access_log,
        max_streams=config.max_streams,
        head_timeout=config.head_timeout,
        body_timeout=config.body_timeout,
        socket_limits=socket_limits(config.max_connections, config.max_connections_per_address),
        reactor=reactor,
    )
    site.sockets_limited = True
    return site


def _endpoints(config: Config, site: HubSite, tls: TLSServer | None, reactor: Any) -> list[Served]:
    numbers = [description for description in config.ports if description.isdigit()]
    if tls is not None and not numbers:
        raise InvalidOption(
            "tls-cert",
            "it applies to ports that are numbers, and there is none: add --port 8443, or put the "
            "certificate into the description, as in "
            "--port ssl:8443:interface=127.0.0.1:certKey=cert.pem:privateKey=key.pem",
        )
    secured = site if tls is None else TLSFactory(tls, site)
    served = []
    for description in config.ports:
        try:
            endpoint = endpoint_for(reactor, description)
        except Exception as error:
            # Every kind of endpoint has its own parser, with its own errors.
            raise InvalidOption("port", f"{description!r} is not an endpoint: {error}") from None
        # An endpoint description is taken literally: whether to use TLS is part
        # of it.
        number = description in numbers
        service = EndpointService(
            endpoint, secured if number else site, description, config.send_timeout
        )
        secure = tls is not None if number else description.startswith(_TLS_ENDPOINTS)
        served.append(Served(service, secure))
    return served


def _tls_server(config: Config) -> TLSServer | None:
    clients = client_authentication(config)
    if clients is not None and not config.tls_cert:
        raise InvalidOption("tls-client-ca", "it needs --tls-cert, the certificate of the hub")
    if config.tls_passphrase is not None and not config.tls_cert:
        raise InvalidOption(
            "tls-passphrase-file", "it needs --tls-cert, the certificate of the private key"
        )
    if not config.tls_cert and not config.tls_key:
        return None
    try:
        files = pair_files(config.tls_cert, config.tls_key)
        return TLSServer(files, config.tls_passphrase, clients)
    except CertificateError as error:
        raise InvalidOption(_TLS_OPTIONS[error.culprit], error) from None
