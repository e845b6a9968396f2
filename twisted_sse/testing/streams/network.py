"""
A network in memory: connections to one site, and turns in which bytes move.

Everything happens in turns of the clock: whoever advances it, by nothing at
all, lets everything arrive that is on its way.
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

# The first that IANA leaves to programs: so no two connections share a port.
_FIRST_PORT = 49152


@implementer(IAgentEndpointFactory)
class MemoryNetwork:
    """
    Connects agents with *site*, whatever host they ask for.

    Args:
        site: Makes a protocol for each connection.

        clock: What the turns are scheduled with.

        room: How many bytes a connection holds that its reader has not read,
            in each direction.
    """

    _log = Logger()

    def __init__(self, site: IProtocolFactory, clock: Clock, room: int) -> None:
        self._site = site
        self._clock = clock
        self._room = room
        self._ports = count(_FIRST_PORT)
        self._ends: dict[MemoryTransport, None] = {}
        self._due = False
        self._stirred = False
        self._open = True

    def settle(self) -> None:
        """
        Let everything happen that needs no time.
        """
        self._clock.advance(0)

    def close(self) -> None:
        """
        Cut all connections, and refuse new ones.
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
        Make a connection, which is there at once.
        """
        if not self._open:
            return fail(ConnectionRefusedError("The StreamClient is closed"))
        here = IPv4Address("TCP", _HOST, next(self._ports))
        there = IPv4Address("TCP", _HOST, uri.port)
        client = MemoryTransport(here, self._room, self._stir)
        server = MemoryTransport(there, self._room, self._stir)
        asking, answering = factory.buildProtocol(there), self._site.buildProtocol(here)
        if asking is None or answering is None:
            return fail(ConnectionRefusedError("The application takes no connections"))
        client.join(server, asking)
        server.join(client, answering)
        if uri.scheme == b"https":
            # There is no TLS, but `request.isSecure()` is to say so.
            alsoProvides(client, ISSLTransport)
            alsoProvides(server, ISSLTransport)
        self._ends |= {client: None, server: None}
        answering.makeConnection(server)
        asking.makeConnection(client)
        return succeed(asking)

    def _stir(self) -> None:
        self._stirred = True
        if not self._due:
            self._due = True
            self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        # Whoever is called in a turn, and advances the clock, gets no turn in it:
        # that would hand the bytes of a connection over in the wrong order.
        while self._stirred:
            self._stirred = False
            for end in list(self._ends):
                self._step(end)
        self._due = False

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
    Where an agent connects to.
    """

    def __init__(self, network: MemoryNetwork, uri: URI) -> None:
        self._network = network
        self._uri = uri

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """
        See `IStreamClientEndpoint.connect`.
        """
        return self._network.connect(self._uri, protocolFactory)
