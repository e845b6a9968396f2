"""
Connections that end when we end them, whatever the other side does.

Over TLS Twisted waits for the other side to say goodbye as well, for as long as
that takes.  A server that does not would cost a program one open socket for
each answer.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import (
    IDelayedCall,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from twisted.web.client import URI, BrowserLikePolicyForHTTPS
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import implementer

__all__ = ["PartingEndpoints", "PartingFactory"]

# How long the other side may take to say goodbye, in seconds.
_GOODBYE = 5.0


@implementer(IAgentEndpointFactory)
class PartingEndpoints:
    """
    Where an agent connects to; certificates are verified as browsers do.

    Args:
        reactor: Makes the connections.

        connect_timeout: In seconds; ``None`` leaves it to Twisted.
    """

    def __init__(self, reactor: Any, connect_timeout: float | None) -> None:
        self._reactor = reactor
        self._connect_timeout = connect_timeout
        self._policy = BrowserLikePolicyForHTTPS()

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """
        See `IAgentEndpointFactory.endpointForURI`.
        """
        timeout: dict[str, Any] = {}
        if self._connect_timeout is not None:
            timeout["timeout"] = self._connect_timeout
        host = uri.host.decode("ascii")
        endpoint: Any = HostnameEndpoint(self._reactor, host, uri.port, **timeout)
        if uri.scheme == b"https":
            endpoint = wrapClientTLS(self._policy.creatorForNetloc(uri.host, uri.port), endpoint)
        return _Endpoint(endpoint, self._reactor)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """
    Connects through *endpoint*.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, reactor: Any) -> None:
        self._endpoint = endpoint
        self._reactor = reactor

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        See `IStreamClientEndpoint.connect`.
        """
        wrapping = PartingFactory(protocolFactory, self._reactor)
        connecting: Deferred[Any] = self._endpoint.connect(wrapping)
        return connecting.addCallback(lambda wrapper: wrapper.wrappedProtocol)


class _Parting(ProtocolWrapper):
    """
    Cuts a connection that has been ended here and is still there.
    """

    factory: PartingFactory
    _cutting: IDelayedCall | None = None

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`.
        """
        super().loseConnection()
        if self._cutting is None:
            self._cutting = self.factory.clock.callLater(_GOODBYE, self._cut)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        See `IProtocol.connectionLost`.
        """
        if self._cutting is not None and self._cutting.active():
            self._cutting.cancel()
        super().connectionLost(reason)

    def _cut(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class PartingFactory(WrappingFactory[_Parting]):
    """
    Makes what *wrapped* makes, on connections that end.

    Attributes:
        clock: Keeps the time of all that it has made.
    """

    protocol = _Parting

    def __init__(self, wrapped: IProtocolFactory, clock: IReactorTime) -> None:
        super().__init__(wrapped)
        self.clock = clock
