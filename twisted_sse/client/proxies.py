"""
HTTP proxies: which one a URL is requested through, and tunnels through it.

The environment is read as curl and Python's urllib do: ``http_proxy``,
``https_proxy``, ``all_proxy`` and ``no_proxy``.
"""

from __future__ import annotations

from base64 import b64encode
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies_environment

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Proxy", "ProxyFailed", "TunnelEndpoint", "proxy_for"]

# The largest response to CONNECT, in bytes.
_MAX_ANSWER = 16 * 1024

_DEFAULT_PORTS = {"http": 80, "https": 443}


class ProxyFailed(ConnectError):
    """
    A proxy does not open a tunnel.
    """

    def __init__(self, sentence: str) -> None:
        super().__init__(string=sentence)
        self._sentence = sentence

    def __str__(self) -> str:
        return self._sentence


class Proxy(NamedTuple):
    """
    An HTTP proxy.

    Attributes:
        scheme: ``http``, or ``https`` if the connection to the proxy uses TLS.

        authorization: The value of ``Proxy-Authorization``, or b"".
    """

    scheme: str
    host: str
    port: int
    authorization: bytes = b""


def proxy_for(scheme: str, host: str, port: int) -> Proxy | None:
    """
    Return the proxy for an origin, or ``None`` if it is requested directly.

    Raises:
        ValueError: The environment names a proxy that is not an HTTP proxy.
    """
    proxies = getproxies_environment()
    text = proxies.get(scheme) or proxies.get("all")
    if not text:
        return None
    if _is_excluded(host, port, proxies.get("no", "")):
        return None
    return _parse(text, f"{scheme}_proxy" if proxies.get(scheme) else "all_proxy")


def _is_excluded(host: str, port: int, no_proxy: str) -> bool:
    """
    Compare an origin with ``no_proxy``: hosts, domains, IP addresses and networks.
    """
    for text in no_proxy.lower().split(","):
        name = text.strip()
        if name == "*":
            return True
        if _is_in_network(host, name):
            return True
        name = name.removesuffix(f":{port}").strip("[]").removeprefix("*").lstrip(".")
        if name and (host.lower() == name or host.lower().endswith(f".{name}")):
            return True
    return False


def _is_in_network(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False


def _parse(text: str, name: str) -> Proxy:
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
        host = parts.hostname or ""
    except (KeyError, ValueError):
        host = ""
    if not host:
        # Without the text, which may contain a password.
        raise ValueError(f"{name} in the environment is not the URL of an HTTP proxy")
    authorization = b""
    if parts.username is not None:
        user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = b"Basic " + b64encode(user.encode())
    return Proxy(parts.scheme, host, port, authorization)


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """
    Connects to an origin through a proxy, with CONNECT.

    Args:
        endpoint: Connects to *proxy*.

        host: The host of the origin.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, proxy: Proxy, host: str, port: int) -> None:
        self._endpoint = endpoint
        self._proxy = proxy
        self._origin = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        See `IStreamClientEndpoint.connect`.
        """
        factory = Factory.forProtocol(lambda: _Tunnel(protocolFactory, self._proxy, self._origin))
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda tunnel: tunnel.opened)


class _Tunnel(Protocol):
    """
    Asks for a tunnel, then passes everything to the protocol inside.

    Attributes:
        opened: Fires with the protocol inside.
    """

    def __init__(self, factory: IProtocolFactory, proxy: Proxy, origin: str) -> None:
        self._inner_factory = factory
        self._proxy = proxy
        self._origin = origin
        self._answer = b""
        self._inner: IProtocol | None = None
        self.opened: Deferred[IProtocol] = Deferred(lambda _: self._abort())

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        origin = self._origin.encode("ascii")
        lines = [b"CONNECT %b HTTP/1.1" % origin, b"Host: %b" % origin]
        if self._proxy.authorization:
            lines.append(b"Proxy-Authorization: %b" % self._proxy.authorization)
        assert self.transport is not None
        self.transport.write(b"\r\n".join([*lines, b"", b""]))

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self._inner is not None:
            self._inner.dataReceived(data)
            return
        self._answer += data
        head, end, rest = self._answer.partition(b"\r\n\r\n")
        if end:
            self._answered(head, rest)
        elif len(self._answer) > _MAX_ANSWER:
            self._fail("sends too many headers")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        if self._inner is not None:
            self._inner.connectionLost(reason)
        else:
            self._fail("has closed the connection")

    def _answered(self, head: bytes, rest: bytes) -> None:
        self._answer = b""
        words = head.split(b"\r\n")[0].split(b" ")
        if len(words) < 2 or not words[0].startswith(b"HTTP/1."):
            self._fail("does not answer with HTTP")
        elif not words[1].startswith(b"2"):
            self._fail(f"answers {words[1][:3].decode('ascii', 'replace')}")
        else:
            assert self.transport is not None
            inner = self._inner_factory.buildProtocol(self.transport.getPeer())
            assert inner is not None
            self._inner = inner
            inner.makeConnection(self.transport)
            self.opened.callback(inner)
            if rest:
                inner.dataReceived(rest)

    def _fail(self, what: str) -> None:
        if self.opened.called:
            return
        proxy = f"{self._proxy.host}:{self._proxy.port}"
        self.opened.errback(ProxyFailed(f"The proxy {proxy} {what} when asked for {self._origin}."))
        self._abort()

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()
