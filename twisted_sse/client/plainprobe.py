"""
Finds out whether a server that does not answer a TLS handshake speaks plain HTTP.

Such a server may wait for the end of a line, which a handshake need not contain.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

__all__ = ["speaks_plain_http"]


def speaks_plain_http(endpoint: IStreamClientEndpoint) -> Deferred[bool]:
    """
    Make a request without TLS over a connection of its own.

    Args:
        endpoint: Of the server, below TLS.

    Returns:
        Fires with whether the response is HTTP, once anything is received or the
        connection is closed.  Fails if there is no connection.
    """
    connecting: Deferred[Any] = endpoint.connect(Factory.forProtocol(_Probe))
    return connecting.addCallback(lambda probe: probe.answered)


class _Probe(Protocol):
    def __init__(self) -> None:
        self.answered: Deferred[bool] = Deferred(lambda _: self._abort())

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        assert self.transport is not None
        self.transport.write(b"HEAD / HTTP/1.0\r\n\r\n")

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if not self.answered.called:
            self.answered.callback(data.startswith(b"HTTP/"))
            self._abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        if not self.answered.called:
            self.answered.callback(False)

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()
