"""
Where the default agent connects to: directly, or through a proxy of the environment.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.web.client import URI, BrowserLikePolicyForHTTPS
from twisted.web.iweb import IAgentEndpointFactory, IPolicyForHTTPS
from zope.interface import implementer

from twisted_sse.client.closing import ClosingFactory
from twisted_sse.client.plainprobe import speaks_plain_http
from twisted_sse.client.proxies import Proxy, TunnelEndpoint, proxy_for

__all__ = ["Endpoints"]


@implementer(IAgentEndpointFactory)
class Endpoints:
    """
    Makes the endpoints of an agent.

    Args:
        reactor: Makes the connections.

        connect_timeout: In seconds; ``None`` leaves it to Twisted.

        policy: Verifies certificates; by default as browsers do.
    """

    def __init__(
        self, reactor: Any, connect_timeout: float | None, policy: IPolicyForHTTPS | None = None
    ) -> None:
        self._reactor = reactor
        self._timeout: dict[str, Any] = {}
        if connect_timeout is not None:
            self._timeout["timeout"] = connect_timeout
        self._policy: Any = BrowserLikePolicyForHTTPS() if policy is None else policy

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """
        See `IAgentEndpointFactory.endpointForURI`.
        """
        host = uri.host.decode("ascii")
        secure = uri.scheme == b"https"
        endpoint = self.unencrypted("https" if secure else "http", host, uri.port)
        if not secure:
            return _ClosingEndpoint(endpoint, self._reactor)
        creator = self._policy.creatorForNetloc(uri.host, uri.port)
        return _ClosingEndpoint(wrapClientTLS(creator, endpoint), self._reactor, endpoint)

    def for_proxy(self, proxy: Proxy) -> IStreamClientEndpoint:
        """
        Make the endpoint of a proxy for requests without TLS.
        """
        endpoint = self._to_proxy(proxy)
        below_tls = self._to_host(proxy) if proxy.scheme == "https" else None
        return _ClosingEndpoint(endpoint, self._reactor, below_tls)

    def unencrypted(self, scheme: str, host: str, port: int) -> IStreamClientEndpoint:
        """
        Make the endpoint of an origin, below TLS: through a tunnel for ``https``.
        """
        proxy = proxy_for(scheme, host, port) if scheme == "https" else None
        if proxy is None:
            return HostnameEndpoint(self._reactor, host, port, **self._timeout)
        return TunnelEndpoint(self._to_proxy(proxy), proxy, host, port)

    def _to_proxy(self, proxy: Proxy) -> IStreamClientEndpoint:
        endpoint = self._to_host(proxy)
        if proxy.scheme == "https":
            host = proxy.host.encode("ascii")
            return wrapClientTLS(self._policy.creatorForNetloc(host, proxy.port), endpoint)
        return endpoint

    def _to_host(self, proxy: Proxy) -> IStreamClientEndpoint:
        return HostnameEndpoint(self._reactor, proxy.host, proxy.port, **self._timeout)


@implementer(IStreamClientEndpoint)
class _ClosingEndpoint:
    """
    Connects through *endpoint*, and wraps the protocol.

    Args:
        below_tls: The same without TLS, if *endpoint* uses it.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        reactor: Any,
        below_tls: IStreamClientEndpoint | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._reactor = reactor
        self._speaks_plain_http = (
            None if below_tls is None else lambda: speaks_plain_http(below_tls)
        )

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        See `IStreamClientEndpoint.connect`.
        """
        factory = ClosingFactory(protocolFactory, self._reactor, self._speaks_plain_http)
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda wrapper: wrapper.wrappedProtocol)
