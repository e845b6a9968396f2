"""
The HTTP client that makes the requests.
"""

from __future__ import annotations

from http.cookiejar import Cookie
from typing import Any

from treq.client import HTTPClient
from treq.cookies import IndexableCookieJar
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IReactorTCP
from twisted.web.client import URI, Agent, HTTPConnectionPool, ProxyAgent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IPolicyForHTTPS, IResponse
from zope.interface import implementer

from twisted_sse.client.endpoints import Endpoints
from twisted_sse.client.proxies import proxy_for

__all__ = ["BytesProducer", "DefaultAgent", "client_of"]

# The most cookies to keep, and the largest one in bytes: RFC 6265, 6.1, asks for at
# least these limits, per domain.
_MAX_COOKIES = 50
_MAX_COOKIE_SIZE = 4096


def client_of(client: Any, reactor: object, connect_timeout: float | None) -> Any:
    """
    Turn whatever the caller passed into an object with treq's ``request``.

    Args:
        client: A treq client, which is returned as it is; an `IAgent`, which is
            wrapped in one; or ``None``, which makes a default agent.

        reactor: Makes the connections of a default agent; the global reactor is
            used instead if *reactor* cannot make any.

        connect_timeout: Of a default agent, in seconds.
    """
    if client is None:
        if not IReactorTCP.providedBy(reactor):
            from twisted.internet import reactor
        client = DefaultAgent(reactor, connect_timeout)
    if IAgent.providedBy(client):
        return HTTPClient(client, _CookieJar(), data_to_body_producer=BytesProducer)
    return client


class _CookieJar(IndexableCookieJar):
    """
    Cookies, up to a limit: a server can set others with every response.
    """

    def set_cookie(self, cookie: Cookie) -> None:
        """
        See `CookieJar.set_cookie`.
        """
        if len(cookie.name) + len(cookie.value or "") > _MAX_COOKIE_SIZE:
            return
        super().set_cookie(cookie)
        if len(self) > _MAX_COOKIES:
            self.clear(cookie.domain, cookie.path, cookie.name)


@implementer(IAgent)
class DefaultAgent:
    """
    An agent that uses the HTTP proxies of the environment, and trusts no server to
    close a connection or to limit its headers.

    Each request has a connection of its own, which is closed when the response ends.

    Args:
        reactor: Makes the connections.

        connect_timeout: In seconds; ``None`` leaves it to Twisted.

        policy: Verifies certificates; by default as browsers do.
    """

    def __init__(
        self,
        reactor: Any,
        connect_timeout: float | None = None,
        policy: IPolicyForHTTPS | None = None,
    ) -> None:
        self._reactor = reactor
        self._pool = HTTPConnectionPool(reactor, persistent=False)
        self.endpoints = Endpoints(reactor, connect_timeout, policy)
        self._direct = Agent.usingEndpointFactory(reactor, self.endpoints, self._pool)

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """
        See `IAgent.request`.
        """
        parsed = URI.fromBytes(uri)
        proxy = None
        if parsed.scheme == b"http":
            # With TLS, the endpoint makes a tunnel, and the request is as without a proxy.
            proxy = proxy_for("http", parsed.host.decode("ascii"), parsed.port)
        if proxy is None:
            response: Deferred[IResponse] = self._direct.request(method, uri, headers, bodyProducer)
            return response
        if proxy.authorization:
            headers = Headers() if headers is None else headers.copy()
            headers.setRawHeaders(b"Proxy-Authorization", [proxy.authorization])
        agent = ProxyAgent(self.endpoints.for_proxy(proxy), self._reactor, self._pool)
        proxied: Deferred[IResponse] = agent.request(method, uri, headers, bodyProducer)
        return proxied


@implementer(IBodyProducer)
class BytesProducer:
    """
    A request body that is in memory, written in one piece.

    treq's own producer is made for files and needs the global reactor.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.length = len(body)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """
        See `IBodyProducer.startProducing`.
        """
        consumer.write(self._body)
        return succeed(None)

    def pauseProducing(self) -> None:
        """
        See `IBodyProducer.pauseProducing`: everything has been written already.
        """

    def resumeProducing(self) -> None:
        """
        See `IBodyProducer.resumeProducing`.
        """

    def stopProducing(self) -> None:
        """
        See `IBodyProducer.stopProducing`.
        """
