"""
Builds the hub on its own: everything that ``twistd sse`` runs.
"""

from __future__ import annotations

import gc
import resource
import secrets
from typing import Any

from twisted.application.service import MultiService, Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory
from twisted.python.failure import Failure

from twisted_sse.certificate import read_certificates, read_key, server_options
from twisted_sse.config import Config, Unfit
from twisted_sse.demo import DemoPublisher
from twisted_sse.hub import Hub
from twisted_sse.listening import endpoint_for
from twisted_sse.web.auth import BearerTokens
from twisted_sse.web.cors import CORS
from twisted_sse.web.site import HubSite, hub_tree

__all__ = ["make_server"]

_log = Logger()


class _Port(Service):
    """
    Listens from start to stop.
    """

    def __init__(
        self, endpoint: IStreamServerEndpoint, factory: IProtocolFactory, description: str
    ) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self._description = description
        self._port: IListeningPort | None = None

    def privilegedStartService(self) -> None:
        """
        See `IService.privilegedStartService`: ports below 1024 need it.

        Raises:
            SystemExit: The port cannot be had.
        """
        failures: list[Failure] = []
        self._endpoint.listen(self._factory).addCallbacks(self._listens, failures.append)
        if failures:
            # Here and not in a callback, which would log it and go on.
            reason = failures[0].getErrorMessage()
            raise SystemExit(f"twistd: --port {self._description}: {reason}")

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        stopping: Deferred[None] = maybeDeferred(self._close)
        return stopping

    def _close(self) -> Any:
        return None if self._port is None else self._port.stopListening()

    def _listens(self, port: IListeningPort) -> None:
        self._port = port


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

    def __init__(self, base: str, token: str | None) -> None:
        self._base = base
        self._token = token

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        _log.info("Subscribe: curl -N '{url}/events?topic=news'", url=self._base)
        _log.info(
            "Publish:   curl {url}/events -H 'Authorization: Bearer {token}'"
            " -d topic=news -d data=hello",
            url=self._base,
            token=self._token or "TOKEN",
        )
        if self._token is not None:
            _log.info("This token lasts until the hub stops; --publish-token-file sets others.")


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
    for port in _ports(config, site, reactor):
        port.setServiceParent(server)
    if config.demo:
        DemoPublisher(hub).setServiceParent(server)
    _Collector().setServiceParent(server)
    _Advice(_base_url(config), made).setServiceParent(server)
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
    return HubSite(tree, config.max_body, reactor=reactor)


def _ports(config: Config, site: HubSite, reactor: Any) -> list[_Port]:
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
        ports.append(_Port(endpoint, factory, description))
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


def _base_url(config: Config) -> str:
    scheme = "https" if config.tls_cert else "http"
    port = next((port for port in config.ports if port.isdigit()), "PORT")
    return f"{scheme}://localhost:{port}"


def _allow_many_files() -> None:
    # Every connection is an open file, and the usual soft limit is 1024.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
