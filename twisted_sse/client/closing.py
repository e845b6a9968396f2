"""
Connections that close within a few seconds, even if the server does not react.

Over TLS Twisted waits without a limit for the server's close_notify.  A server
that never sends one would cost a program one open socket for each response.
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

__all__ = ["ClosingEndpoints", "ClosingFactory"]

# How long the server may take to answer a TLS close_notify, in seconds.
_CLOSE_TIMEOUT = 5.0


@implementer(IAgentEndpointFactory)
class ClosingEndpoints:
    """
    Makes the endpoints of an agent; certificates are verified as in browsers.

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
        return _ClosingEndpoint(endpoint, self._reactor)


@implementer(IStreamClientEndpoint)
class _ClosingEndpoint:
    """
    Connects through *endpoint*, and wraps the protocol.
    """

    def __init__(self, endpoint: IStreamClientEndpoint, reactor: Any) -> None:
        self._endpoint = endpoint
        self._reactor = reactor

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        See `IStreamClientEndpoint.connect`.
        """
        factory = ClosingFactory(protocolFactory, self._reactor)
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda wrapper: wrapper.wrappedProtocol)


class _ClosingProtocol(ProtocolWrapper):
    """
    Aborts a connection that is still open some seconds after `loseConnection`.
    """

    factory: ClosingFactory
    _aborting: IDelayedCall | None = None

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`.
        """
        super().loseConnection()
        if self._aborting is None:
            self._aborting = self.factory.clock.callLater(_CLOSE_TIMEOUT, self._abort)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        See `IProtocol.connectionLost`.
        """
        if self._aborting is not None and self._aborting.active():
            self._aborting.cancel()
        super().connectionLost(reason)

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class ClosingFactory(WrappingFactory[_ClosingProtocol]):
    """
    Wraps the protocols of another factory, so that their connections close.

    Attributes:
        clock: Times the closing of all connections.
    """

    protocol = _ClosingProtocol

    def __init__(self, wrapped: IProtocolFactory, clock: IReactorTime) -> None:
        super().__init__(wrapped)
        self.clock = clock
