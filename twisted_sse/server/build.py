"""
Builds the services that ``twistd sse`` runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.application.service import MultiService

from twisted_sse.broker.drain import abort_all
from twisted_sse.hub import Hub
from twisted_sse.server.banner import Served, StartupBanner, bearer_from_file
from twisted_sse.server.config.config import Config
from twisted_sse.server.config.option import InvalidOption
from twisted_sse.server.demo import publish_demo
from twisted_sse.server.listening import EndpointService
from twisted_sse.server.memory import MemoryTrim
from twisted_sse.server.process import GarbageCollection, MonotonicTimers, StopSignals
from twisted_sse.server.reload import Reloadable, ReloadSignal, TokenFile
from twisted_sse.server.role import Role
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.server.socketlimits import allow_many_files, socket_limits
from twisted_sse.server.takeover.holder import Several, holder
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateError, pair_files
from twisted_sse.transport.tls.renewal import CertificateWatch
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS

__all__ = ["Server", "make_server"]

# The option to blame for a CertificateError, by its culprit.
_TLS_OPTIONS = {"certificate": "tls-cert", "key": "tls-key", "passphrase": "tls-passphrase-file"}

# The endpoint descriptions that speak TLS by themselves.
_TLS_ENDPOINTS = ("ssl:", "tls:", "haproxy:ssl:", "haproxy:tls:")


class Server(MultiService):
    """
    The services of one process.

    Attributes:
        hub: What it serves.

        served: Its endpoints.

        reloads: What it can read again, by what the log calls it.

        banner: The first lines of the log.
    """

    hub: Hub
    served: Sequence[Served]
    reloads: dict[str, Reloadable]
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
    token = role.token
    listed = config.publish_tokens
    tokens = BearerTokens(listed.tokens if listed else [token], anonymous=config.anonymous)
    hub = Hub(
        role.history or config.history,
        keepalive=config.keepalive,
        retry=config.retry,
        retry_spread=config.retry_spread,
        send_timeout=config.send_timeout,
        max_connections=config.max_connections,
        max_connections_per_address=config.max_connections_per_address,
        reactor=reactor,
    )
    site = _site(config, hub, tokens, reactor)
    server = Server()
    MonotonicTimers(reactor).setServiceParent(server)
    reloads: dict[str, Reloadable] = {}
    server.hub, server.reloads = hub, reloads
    hub.service(grace=config.grace, spread=config.spread).setServiceParent(server)
    tls = _tls_server(config)
    if tls is not None:
        reloads["the certificates"] = watch = CertificateWatch(tls, reactor)
        watch.setServiceParent(server)
    server.served = served = _endpoints(config, site, tls, reactor, role)
    for one in served:
        one.endpoint.setServiceParent(server)
    if config.demo and role.demo:
        publish_demo(hub)
    if listed is not None:
        reloads["the tokens"] = TokenFile(listed.path, listed.tokens, tokens)
    GarbageCollection().setServiceParent(server)
    MemoryTrim(lambda: len(hub.connections), reactor).setServiceParent(server)
    server.banner = _banner(config, served, token)
    if role.leads and config.takeover is not None:
        endpoints = [one.endpoint for one in served]
        holder(config, endpoints, Several(endpoints), reactor).setServiceParent(server)
    if role.leads:
        ReloadSignal(reactor, reloads).setServiceParent(server)
        StopSignals(reactor, lambda: abort_all(hub.broker, hub.responses)).setServiceParent(server)
        server.banner.setServiceParent(server)
    return server


def _banner(config: Config, served: Sequence[Served], token: str) -> StartupBanner:
    listed = config.publish_tokens
    if listed is not None:
        header = bearer_from_file(listed.path, listed.tokens[0])
    else:
        # Only a token that is valid for one run is logged.
        header = f"-H 'Authorization: Bearer {token}'"
    return StartupBanner(
        served,
        header,
        generated=listed is None,
        anonymous=config.anonymous,
        demo=config.demo,
    )


def _site(config: Config, hub: Hub, tokens: BearerTokens, reactor: Any) -> HubSite:
    try:
        cors = CORS(config.cors_origins)
    except ValueError as error:
        raise InvalidOption("cors-origin", error) from None
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
    config: Config, site: HubSite, tls: TLSServer | None, reactor: Any, role: Role
) -> list[Served]:
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
    for index, description in enumerate(config.ports):
        try:
            endpoint = role.endpoint(reactor, index, description)
        except Exception as error:
            # Every kind of endpoint has its own parser, with its own errors.
            raise InvalidOption("port", f"{description!r} is not an endpoint: {error}") from None
        # An endpoint description is taken literally: whether to use TLS is part
        # of it.
        number = description in numbers
        service = EndpointService(
            endpoint,
            secured if number else site,
            description,
            config.send_timeout,
            accepts=role.accepts,
        )
        secure = tls is not None if number else description.startswith(_TLS_ENDPOINTS)
        served.append(Served(service, secure))
    return served


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
