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
from twisted_sse.server.limits import ConnectionLimits, connection_limits
from twisted_sse.server.listening import EndpointService
from twisted_sse.server.memory import MemoryTrim
from twisted_sse.server.mercure import read_mercure
from twisted_sse.server.process import GarbageCollection, MonotonicTimers, StopSignals
from twisted_sse.server.reload import Reloadable, ReloadSignal
from twisted_sse.server.role import Role
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.server.socketlimits import allow_many_files, socket_limits
from twisted_sse.server.systemd import Notifier
from twisted_sse.server.takeover.holder import Several, holder
from twisted_sse.transport.acceptlimit import AcceptLimit
from twisted_sse.transport.proxies import PROXY_HEADERS, TrustedProxies
from twisted_sse.transport.proxyprotocol import ProxyProtocolFactory
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateError, pair_files
from twisted_sse.transport.tls.renewal import CertificateWatch
from twisted_sse.web.cors import CORS

__all__ = ["Server", "make_server"]

# The option to blame for a CertificateError, by its culprit.
_TLS_OPTIONS = {
    "certificate": "tls-cert",
    "key": "tls-key",
    "passphrase": "tls-passphrase-file",
    "client-ca": "tls-client-ca",
}

# What precedes the description of a port that speaks the PROXY protocol.
_PROXIED = "haproxy:"

# RFC 9113, 6.5.2: the value of SETTINGS_MAX_CONCURRENT_STREAMS has 32 bits, and a stream
# identifier has 31.
_MOST_STREAMS = 2**31 - 1

# The endpoint descriptions that speak TLS by themselves.
_TLS_ENDPOINTS = ("ssl:", "tls:", "haproxy:ssl:", "haproxy:tls:")


class Server(MultiService):
    """
    The services of one process.

    Attributes:
        hub: What it serves.

        served: Its endpoints.

        reloads: What it can read again, by what the log calls it.

        fixed: The ports whose certificates cannot be read again.

        banner: The first lines of the log.
    """

    hub: Hub
    served: Sequence[Served]
    reloads: dict[str, Reloadable]
    fixed: Sequence[str]
    banner: StartupBanner


def make_server(config: Config, reactor: Any, role: Role | None = None) -> Server:
    """
    Build the services that *config* asks for.

    Args:
        role: What this process does of it; by default everything.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    allow_many_files()
    role = Role() if role is None else role
    limits = connection_limits(config)
    access = Access(config, reactor, role.token)
    hub = Hub(
        role.history or config.history,
        keepalive=config.keepalive,
        retry=config.retry,
        retry_spread=config.retry_spread,
        send_timeout=config.send_timeout,
        max_lifetime=config.max_lifetime,
        access_log=config.access_log,
        max_connections=limits.total,
        max_connections_per_address=limits.per_address,
        max_connections_per_user=limits.per_user,
        max_publish_rate=config.max_publish_rate,
        presence=config.presence or False,
        reactor=reactor,
    )
    site = _site(config, hub, access, limits, reactor)
    accepts = AcceptLimit(
        config.max_accepts,
        limits.accepts_per_address,
        reactor,
        hub.broker.refusals,
        site.trusted_proxies,
    )
    server = Server()
    MonotonicTimers(reactor).setServiceParent(server)
    reloads: dict[str, Reloadable] = {}
    server.hub, server.reloads = hub, reloads
    access.service(reactor).setServiceParent(server)
    hub.service(grace=config.grace, spread=config.spread).setServiceParent(server)
    tls = _tls_server(config)
    if tls is not None:
        reloads["the certificates"] = watch = CertificateWatch(tls, reactor)
        watch.setServiceParent(server)
    server.served = served = _endpoints(config, site, tls, accepts, reactor, role)
    for one in served:
        one.endpoint.setServiceParent(server)
    if config.demo and role.demo:
        publish_demo(hub)
    reloads.update(access.reloads)
    GarbageCollection().setServiceParent(server)
    MemoryTrim(lambda: len(hub.connections), reactor).setServiceParent(server)
    server.banner = _banner(config, served, access.token)
    server.fixed = [one for one in config.ports if one.startswith(_TLS_ENDPOINTS)]
    if role.leads:
        _lead(server, config, reactor)
    return server


def _lead(server: Server, config: Config, reactor: Any) -> None:
    """
    Add what handles the signals of the process, and greets the user.
    """
    hub = server.hub
    if config.takeover is not None:
        endpoints = [one.endpoint for one in server.served]
        holder(config, endpoints, Several(endpoints), reactor).setServiceParent(server)
    notifier = Notifier(lambda: len(hub.connections), os.environ, reactor)
    notifier.setServiceParent(server)
    ReloadSignal(reactor, server.reloads, notifier.reloading, server.fixed).setServiceParent(server)
    StopSignals(
        reactor,
        leave=partial(_leave, hub, notifier),
        abort=lambda: abort_all(hub.broker, hub.responses),
        delay=config.drain_delay,
    ).setServiceParent(server)
    server.banner.setServiceParent(server)


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


def _site(
    config: Config,
    hub: Hub,
    access: Access,
    limits: ConnectionLimits,
    reactor: Any,
) -> HubSite:
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
            max_publication_topics=config.max_publication_topics,
            demo=config.demo,
            mercure=read_mercure(config),
        )
    except ValueError as error:
        raise InvalidOption("publish-origin", error) from None
    site = HubSite(
        tree,
        config.max_body,
        access_log=config.access_log,
        max_streams=_MOST_STREAMS if config.max_streams is None else config.max_streams,
        handshake_timeout=config.handshake_timeout,
        head_timeout=config.head_timeout,
        body_timeout=config.body_timeout,
        socket_limits=socket_limits(limits.total, limits.per_address),
        trusted_proxies=_proxies(config),
        refusals=hub.broker.refusals,
        reactor=reactor,
    )
    site.sockets_limited = True
    return site


def _proxies(config: Config) -> TrustedProxies | None:
    if not config.trusted_proxies:
        if config.proxy_header is not None:
            raise InvalidOption(
                "proxy-header", "it needs --trusted-proxy, the network of the proxy that sends it"
            )
        return None
    try:
        return TrustedProxies(config.trusted_proxies, config.proxy_header or PROXY_HEADERS[0])
    except ValueError as error:
        raise InvalidOption("trusted-proxy", error) from None


def _endpoints(
    config: Config,
    site: HubSite,
    tls: TLSServer | None,
    accepts: AcceptLimit,
    reactor: Any,
    role: Role,
) -> list[Served]:
    numbers = [one for one in config.ports if one.removeprefix(_PROXIED).isdigit()]
    if tls is not None and not numbers:
        raise InvalidOption(
            "tls-cert",
            "it applies to ports that are numbers, and there is none: add --port 8443, or put the "
            "certificate into the description, as in "
            "--port ssl:8443:interface=127.0.0.1:certKey=cert.pem:privateKey=key.pem",
        )
    secured = site if tls is None else TLSFactory(tls, site)
    served = []
    for index, description in enumerate(config.ports):
        try:
            endpoint = role.endpoint(reactor, index, description.removeprefix(_PROXIED))
        except Exception as error:
            # Every kind of endpoint has its own parser, with its own errors.
            raise InvalidOption("port", f"{description!r} is not an endpoint: {error}") from None
        # An endpoint description is taken literally: whether to use TLS is part
        # of it.
        number = description in numbers
        factory: Any = secured if number else site
        if description.startswith(_PROXIED):
            factory = _proxied(config, site, factory, reactor)
        service = EndpointService(
            endpoint, factory, description, config.send_timeout, accepts, held=not role.accepts
        )
        secure = tls is not None if number else description.startswith(_TLS_ENDPOINTS)
        served.append(Served(service, secure))
    return served


def _proxied(config: Config, site: HubSite, factory: Any, reactor: Any) -> ProxyProtocolFactory:
    if site.trusted_proxies is None:
        raise InvalidOption(
            "port",
            "haproxy: needs --trusted-proxy, the network of the proxy: a client that speaks the"
            " PROXY protocol can name any address",
        )
    return ProxyProtocolFactory(
        factory,
        site.trusted_proxies,
        timeout=config.handshake_timeout,
        clock=reactor,
        refused=site.refusals.count,
    )


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
