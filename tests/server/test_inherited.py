"""
Listening on sockets that another process has opened: real sockets, because a descriptor of
the system is what it is about.
"""

import os
import socket
import stat
from pathlib import Path
from typing import Any

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    UNIXClientEndpoint,
    connectProtocol,
    serverFromString,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.trial.unittest import TestCase

from tests.support.waiting import PATIENCE
from twisted_sse.server.inherited import (
    Adopting,
    Inheriting,
    adopt,
    inheriting_description,
)
from twisted_sse.server.listening import EndpointService

__all__ = ["InheritedTests"]

reactor: Any = _reactor


class Greeting(Protocol):
    """
    Says hello, and closes.
    """

    def connectionMade(self) -> None:
        """
        See `Protocol.connectionMade`.
        """
        assert self.transport is not None
        self.transport.write(b"hello")
        self.transport.loseConnection()


class Reading(Protocol):
    """
    Fires `done` with everything that was received.
    """

    def __init__(self) -> None:
        self.received = b""
        self.done: Deferred[bytes] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        """
        See `Protocol.dataReceived`.
        """
        self.received += data

    def connectionLost(self, reason: object = None) -> None:
        """
        See `Protocol.connectionLost`.
        """
        self.done.callback(self.received)


class InheritedTests(TestCase):
    """
    `adopt`, `Adopting` and `Inheriting`.
    """

    timeout = PATIENCE

    def listen(self, family: int, address: Any) -> socket.socket:
        """
        Open a listening socket.
        """
        given = socket.socket(family)
        self.addCleanup(given.close)
        given.bind(address)
        given.listen(7)
        return given

    async def read(self, endpoint: Any) -> bytes:
        """
        Connect, and return what is said.
        """
        protocol = await connectProtocol(endpoint, Reading())
        return await protocol.done

    async def test_tcp(self) -> None:
        """
        Whatever kind of socket an endpoint asks for, it listens on the given one, whose
        descriptor is then closed.
        """
        for description in ("tcp:0", "tcp6:0", "unix:/never", "systemd:domain=INET:index=0"):
            given = self.listen(socket.AF_INET, ("127.0.0.1", 0))
            number = given.getsockname()[1]
            descriptor = os.dup(given.fileno())
            inheriting = Inheriting(reactor, descriptor)
            endpoint = serverFromString(inheriting, inheriting_description(description))

            port = await endpoint.listen(Factory.forProtocol(Greeting))
            said = await self.read(TCP4ClientEndpoint(reactor, "127.0.0.1", number))
            await port.stopListening()

            self.assertEqual(said, b"hello", description)
            with self.assertRaises(OSError):
                os.fstat(descriptor)

    async def test_unix(self) -> None:
        """
        The path of a UNIX socket keeps its mode, and stays when the port is closed.
        """
        path = Path(self.mktemp())
        given = self.listen(socket.AF_UNIX, str(path))
        path.chmod(0o600)

        port: Any = adopt(reactor, given.fileno(), Factory.forProtocol(Greeting))
        said = await self.read(UNIXClientEndpoint(reactor, str(path)))
        await port.stopListening()

        self.assertEqual(said, b"hello")
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)

    async def test_systemd(self) -> None:
        """
        So does one that systemd has opened.
        """
        path = Path(self.mktemp())
        given = self.listen(socket.AF_UNIX, str(path))

        port: Any = Adopting(reactor).adoptStreamPort(
            given.fileno(), socket.AF_UNIX, Factory.forProtocol(Greeting)
        )
        said = await self.read(UNIXClientEndpoint(reactor, str(path)))
        await port.stopListening()

        self.assertEqual(said, b"hello")
        self.assertTrue(path.exists())

    async def test_pausing(self) -> None:
        """
        A service that pauses accepts nobody, and somebody else may; then it goes on.
        """
        endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
        factory = Factory.forProtocol(Greeting)
        service = EndpointService(endpoint, factory, "0", None, held=True)
        service.privilegedStartService()
        self.addCleanup(service.stopService)
        other: Any = adopt(reactor, service.descriptor, Factory.forProtocol(Greeting))
        there = TCP4ClientEndpoint(reactor, "127.0.0.1", service.port or 0)

        by_other = await self.read(there)
        await other.stopListening()
        service.resume()
        by_itself = await self.read(there)

        self.assertEqual((by_other, by_itself), (b"hello", b"hello"))
