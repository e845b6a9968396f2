"""
Builds the services that ``twistd sse`` runs.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.application.service import MultiService
from twisted.web.resource import Resource

from twisted_sse.broker.drain import abort_all
from twisted_sse.broker.selftest import SelfTest
from twisted_sse.broker.service import HubService
from twisted_sse.hub import Hub
from twisted_sse.server.access import Access
from twisted_sse.server.admin import admin_endpoint, check_admin
from twisted_sse.server.banner import Served, StartupBanner, bearer_from_file
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.demo import publish_demo
from twisted_sse.server.limits import ConnectionLimits, connection_limits
from twisted_sse.server.listening import EndpointService
from twisted_sse.server.memory import MemoryTrim
from twisted_sse.server.parts import AccessLogPart, LimitsPart, StopPart, TreePart
from twisted_sse.server.portdescription import PortDescription
from twisted_sse.server.process import GarbageCollection, MonotonicTimers, StopSignals
from twisted_sse.server.reconfiguration import Reconfiguration
from twisted_sse.server.reload import Reloadable, ReloadSignal
from twisted_sse.server.role import Role
from twisted_sse.server.site import HubSite, site_limits
from twisted_sse.server.socketlimits import allow_many_files, open_files, socket_limits
from twisted_sse.server.systemd import Notifier
from twisted_sse.server.takeover.holder import Several, holder
from twisted_sse.server.tls import TLSPart, tls_server
from twisted_sse.server.tree import Trees
from twisted_sse.transport.acceptlimit import AcceptLimit
from twisted_sse.transport.http.repeats import Repeats
from twisted_sse.transport.proxies import PROXY_HEADERS, TrustedProxies
from twisted_sse.transport.proxyprotocol import ProxyProtocolFactory
from twisted_sse.transport.socketlimit import SocketLimits
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.renewal import CertificateWatch
from twisted_sse.web.admin.processes import OneProcess

__all__ = ["Server", "make_server"]


class Server(MultiService):
    """
    The services of one process.

    Attributes:
        hub: What it serves.

        served: Its endpoints.

        fixed: The ports whose certificates cannot be read again.

        banner: The first lines of the log.

        access: Who may read and publish.

        watch: Renews the certificates; ``None`` if there are none.

        reconfiguration: Reads the configuration again; ``None`` if that cannot change.
    """

    hub: Hub
    served: Sequence[Served]
    fixed: Sequence[str]
    banner: StartupBanner
    access: Access
    watch: CertificateWatch | None
    reconfiguration: Reconfiguration | None

    @property
    def reloads(self) -> dict[str, Reloadable]:
        """
        What is read again at SIGHUP, by what the log calls it: the configuration first,
        because it names the other files.
        """
        found: dict[str, Reloadable] = {}
        if self.reconfiguration is not None:
            found["the configuration"] = self.reconfiguration
        if self.watch is not None:
            found["the certificates"] = self.watch
        return {**found, **self.access.reloads}


def make_server(
    config: Config,
    reactor: Any,
    role: Role | None = None,
    reconfiguration: Reconfiguration | None = None,
) -> Server:
    """
    Build the services that *config* asks for.

    Args:
        role: What this process does of it; by default everything.

        reconfiguration: Changes it with the configuration; for a process that leads.

    Raises:
        InvalidOption: An option cannot be obeyed.
    """
    allow_many_files()
    role = Role() if role is None else role
    files = open_files()
    limits = connection_limits(config, files)
    access = Access(config, reactor, role.token)
    check_admin(config, reactor)
    hub = _hub(config, role, limits, reactor)
    trees = Trees(hub, access, config)
    sockets = socket_limits(limits.total, limits.per_address, files)
    site = _site(config, hub, trees.make(config), sockets, reactor)
    accepts = _accept_limit(config, limits, site, reactor)
    server = Server()
    MonotonicTimers(reactor).setServiceParent(server)
    server.hub, server.access, server.reconfiguration = hub, access, reconfiguration
    access.service(reactor).setServiceParent(server)
    service = hub.service(grace=config.grace, spread=config.spread, farewell=config.farewell)
    service.setServiceParent(server)
    tls = tls_server(config)
    server.watch = None if tls is None else CertificateWatch(tls, reactor)
    if server.watch is not None:
        server.watch.setServiceParent(server)
    server.served = served = _endpoints(config, site, tls, accepts, reactor, role)
    for one in served:
        one.endpoint.setServiceParent(server)
    _add_services(server, config, reactor, role)
    server.banner = _banner(config, served, access.token)
    server.fixed = [one for one in config.ports if PortDescription.parse(one).has_own_certificate]
    if reconfiguration is not None:
        endpoints = [one.endpoint for one in served]
        for part in (
            access,
            TLSPart(tls, config),
            TreePart(trees, site),
            LimitsPart(hub, site, accepts, endpoints, files),
            AccessLogPart(hub, site),
        ):
            reconfiguration.add(part)
    if role.leads:
        _lead(server, config, service, reactor, role)
    return server


def _hub(config: Config, role: Role, limits: ConnectionLimits, reactor: Any) -> Hub:
    return Hub(
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


def _accept_limit(
    config: Config, limits: ConnectionLimits, site: HubSite, reactor: Any
) -> AcceptLimit:
    return AcceptLimit(
        config.max_accepts,
        limits.accepts_per_address,
        reactor,
        site.refusals,
        site.trusted_proxies,
    )


def _add_services(server: Server, config: Config, reactor: Any, role: Role) -> None:
    """
    Add the services that work beside the hub.
    """
    hub = server.hub
    if config.self_test is not None and role.accepts:
        SelfTest(hub.broker, config.self_test).setServiceParent(server)
    if config.demo and role.demo:
        publish_demo(hub)
    GarbageCollection().setServiceParent(server)
    MemoryTrim(lambda: len(hub.connections), reactor).setServiceParent(server)


def _lead(server: Server, config: Config, service: HubService, reactor: Any, role: Role) -> None:
    """
    Add what handles the signals of the process, greets the user, and shows what goes on.
    """
    hub = server.hub
    endpoints = [one.endpoint for one in server.served]
    processes = OneProcess(hub.broker, lambda: len(hub.responses), hub.runs)
    admin = admin_endpoint(config, processes, hub, reactor, role.endpoint)
    if admin is not None:
        admin.setServiceParent(server)
        endpoints.append(admin)
    if config.takeover is not None:
        holder(config, endpoints, Several(endpoints), reactor).setServiceParent(server)
    notifier = Notifier(lambda: len(hub.connections), os.environ, reactor)
    notifier.setServiceParent(server)
    ReloadSignal(
        reactor, lambda: server.reloads, notifier.reloading, server.fixed
    ).setServiceParent(server)
    signals = StopSignals(
        reactor,
        leave=partial(_leave, hub, notifier),
        abort=lambda: abort_all(hub.broker, hub.responses),
        delay=config.drain_delay,
    )
    signals.setServiceParent(server)
    if server.reconfiguration is not None:
        server.reconfiguration.add(StopPart(service, signals))
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


def _site(config: Config, hub: Hub, tree: Resource, sockets: SocketLimits, reactor: Any) -> HubSite:
    proxies = _proxies(config)
    site = HubSite(
        tree,
        access_log=config.access_log,
        socket_limits=sockets,
        trusted_proxies=proxies,
        # Their clients send equal requests from different addresses.
        repeats=Repeats() if proxies is None else None,
        refusals=hub.broker.refusals,
        reactor=reactor,
        **site_limits(config),
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
    ports = [PortDescription.parse(one) for one in config.ports]
    _check_secured(config, ports, tls)
    secured = site if tls is None else TLSFactory(tls, site)
    served = []
    for index, (description, port) in enumerate(zip(config.ports, ports, strict=True)):
        try:
            endpoint = role.endpoint(reactor, index, port.endpoint)
        except Exception as error:
            # Every kind of endpoint has its own parser, with its own errors.
            raise InvalidOption("port", f"{description!r} is not an endpoint: {error}") from None
        factory: Any = secured if port.secured else site
        if port.proxied:
            factory = _proxied(config, site, factory, reactor)
        service = EndpointService(
            endpoint, factory, description, config.send_timeout, accepts, held=not role.accepts
        )
        secure = tls is not None if port.secured else port.has_own_certificate
        served.append(Served(service, secure))
    return served


def _check_secured(config: Config, ports: Sequence[PortDescription], tls: TLSServer | None) -> None:
    """
    Check that there is a port for the certificates, and certificates for the ports.
    """
    for text, port in zip(config.ports, ports, strict=True):
        if port.needs_certificate and tls is None:
            raise InvalidOption("port", f"{text} needs --tls-cert, the certificate of the hub")
    if tls is None or any(port.secured for port in ports):
        return
    others = [one.with_certificate for one in ports if one.can_be_secured]
    advice = f"write --port {others[0]}" if others else "add --port 8443"
    raise InvalidOption(
        "tls-cert",
        f"it applies to ports that are numbers or begin with tls:, and there is none: {advice}",
    )


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
