"""
A network in memory: connections to one site.

Bytes move in calls that are scheduled with the clock: advancing it, even by 0,
delivers all bytes in flight.
"""

from __future__ import annotations

from itertools import count

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.interfaces import (
    IProtocol,
    IProtocolFactory,
    ISSLTransport,
    IStreamClientEndpoint,
)
from twisted.internet.task import Clock
from twisted.logger import Logger
from twisted.web.client import URI
from twisted.web.iweb import IAgentEndpointFactory
from zope.interface import alsoProvides, implementer

from twisted_sse.testing.streams.transport import MemoryTransport

__all__ = ["MemoryNetwork"]

_HOST = "127.0.0.1"

# The first port that IANA reserves for dynamic use; each connection has its own.
_FIRST_PORT = 49152


@implementer(IAgentEndpointFactory)
class MemoryNetwork:
    """
    Connects agents to *site*, whatever the host of the URL.

    Args:
        site: Makes a protocol for each connection.

        clock: Schedules the calls in which bytes move.

        room: The number of unread bytes that a connection buffers in each
            direction.
    """

    _log = Logger()

    def __init__(self, site: IProtocolFactory, clock: Clock, room: int) -> None:
        self._site = site
        self._clock = clock
        self._room = room
        self._ports = count(_FIRST_PORT)
        self._ends: dict[MemoryTransport, None] = {}
        self._scheduled = False
        self._pending = False
        self._open = True

    def settle(self) -> None:
        """
        Run everything that needs no time.
        """
        self._clock.advance(0)

    def close(self) -> None:
        """
        Abort all connections, and refuse new ones.
        """
        self._open = False
        for end in list(self._ends):
            end.abortConnection()
        self.settle()

    def endpointForURI(self, uri: URI) -> IStreamClientEndpoint:
        """
        See `IAgentEndpointFactory.endpointForURI`.
        """
        return _Endpoint(self, uri)

    def connect(self, uri: URI, factory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        Make a connection at once.
        """
        if not self._open:
            return fail(ConnectionRefusedError("The StreamClient is closed"))
        here = IPv4Address("TCP", _HOST, next(self._ports))
        there = IPv4Address("TCP", _HOST, uri.port)
        client = MemoryTransport(here, self._room, self._schedule)
        server = MemoryTransport(there, self._room, self._schedule)
        client_protocol, server_protocol = (
            factory.buildProtocol(there),
            self._site.buildProtocol(here),
        )
        if client_protocol is None or server_protocol is None:
            return fail(ConnectionRefusedError("The application accepts no connections"))
        client.join(server, client_protocol)
        server.join(client, server_protocol)
        if uri.scheme == b"https":
            # There is no TLS, but `request.isSecure()` must be true.
            alsoProvides(client, ISSLTransport)
            alsoProvides(server, ISSLTransport)
        self._ends |= {client: None, server: None}
        server_protocol.makeConnection(server)
        client_protocol.makeConnection(client)
        return succeed(client_protocol)

    def _schedule(self) -> None:
        self._pending = True
        if not self._scheduled:
            self._scheduled = True
            self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        # A protocol that advances the clock from here does not run this again:
        # that would deliver the bytes of a connection in the wrong order.
        while self._pending:
            self._pending = False
            for end in list(self._ends):
                self._step(end)
        self._scheduled = False

    def _step(self, end: MemoryTransport) -> None:
        try:
            end.step()
        except Exception:
            # As the reactor does.
            self._log.failure("A protocol or a producer has failed")
            end.abortConnection()
        if not end.connected:
            self._ends.pop(end, None)


@implementer(IStreamClientEndpoint)
class _Endpoint:
    """
    The endpoint that an agent connects to.
    """

    def __init__(self, network: MemoryNetwork, uri: URI) -> None:
        self._network = network
        self._uri = uri

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        See `IStreamClientEndpoint.connect`.
        """
        return self._network.connect(self._uri, protocolFactory)
