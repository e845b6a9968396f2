"""
A real socket under a real transport, with a reactor that the test turns.
"""

import select
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet import tcp
from twisted.internet.interfaces import (
    IReactorFDSet,
    IReactorTime,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.main import CONNECTION_LOST
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.support.certificates import trust_everything

__all__ = ["EncryptedWire", "FDClock", "Wire"]


@implementer(IReactorFDSet, IReactorTime)
class FDClock(Clock):
    """
    A clock that also polls descriptors, once in each `turn`.
    """

    def __init__(self) -> None:
        super().__init__()
        self._readers: set[IReadDescriptor] = set()
        self._writers: set[IWriteDescriptor] = set()

    def addReader(self, reader: IReadDescriptor) -> None:
        """
        See `IReactorFDSet.addReader`.
        """
        self._readers.add(reader)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """
        See `IReactorFDSet.addWriter`.
        """
        self._writers.add(writer)

    def removeReader(self, reader: IReadDescriptor) -> None:
        """
        See `IReactorFDSet.removeReader`.
        """
        self._readers.discard(reader)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """
        See `IReactorFDSet.removeWriter`.
        """
        self._writers.discard(writer)

    def removeAll(self) -> list[IReadDescriptor | IWriteDescriptor]:
        """
        See `IReactorFDSet.removeAll`.
        """
        found: list[IReadDescriptor | IWriteDescriptor] = [*self._readers, *self._writers]
        self._readers.clear()
        self._writers.clear()
        return found

    def getReaders(self) -> list[IReadDescriptor]:
        """
        See `IReactorFDSet.getReaders`.
        """
        return list(self._readers)

    def getWriters(self) -> list[IWriteDescriptor]:
        """
        See `IReactorFDSet.getWriters`.
        """
        return list(self._writers)

    def turn(self, patience: float = 0.0) -> None:
        """
        Serve the descriptors that are ready, then make the calls that are due.

        Args:
            patience: The longest wait until a descriptor is ready, in seconds.
        """
        readable, writable, _ = select.select(
            list(self._readers), list(self._writers), [], patience
        )
        for reader in readable:
            if reader in self._readers:
                self._settle(reader, reader.doRead())
        for writer in writable:
            if writer in self._writers:
                self._settle(writer, writer.doWrite())
        self.advance(0)

    def _settle(self, descriptor: IReadDescriptor | IWriteDescriptor, why: object) -> None:
        if isinstance(why, BaseException):
            self._readers.discard(descriptor)
            self._writers.discard(descriptor)
            descriptor.connectionLost(Failure(why))


class Wire:
    """
    A TCP connection to *protocol*, with both ends in this process.

    Attributes:
        client: The client's end, a non-blocking socket.

        transport: The protocol's transport, a `twisted.internet.tcp.Server`.

        received: The bytes that the client has read.
    """

    def __init__(self, reactor: FDClock, protocol: Protocol, *, small: bool = False) -> None:
        self._reactor = reactor
        self.received = b""
        with socket.socket() as listening:
            if small:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            listening.bind(("127.0.0.1", 0))
            listening.listen()
            self.client = socket.socket()
            if small:
                self.client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.client.connect(listening.getsockname())
            server, address = listening.accept()
        server.setblocking(False)
        self.client.setblocking(False)
        # The transport uses the port only for its name in logs, and nothing listens here.
        port: Any = None
        self.transport = tcp.Server(server, protocol, address, port, 0, reactor)
        protocol.makeConnection(self.transport)

    def send(self, data: bytes) -> None:
        """
        Send *data* from the client.
        """
        self.client.sendall(data)

    def read(self) -> None:
        """
        Read what has arrived at the client.
        """
        with suppress(BlockingIOError):
            self.received += self.client.recv(1 << 20)

    def run_until(self, done: Callable[[], bool], *, reading: bool = True) -> None:
        """
        Turn the reactor, and let the client read, until *done* returns true.

        Raises:
            AssertionError: *done* was still false after 2,000 turns.
        """
        for _ in range(2000):
            if done():
                return
            self._reactor.turn(0.01)
            if reading:
                self.read()
        raise AssertionError(f"Nothing more happens; received {self.received[-200:]!r}")

    def close(self) -> None:
        """
        Close both ends.
        """
        self.client.close()
        if self.transport.connected:
            self.transport.connectionLost(Failure(CONNECTION_LOST))


class EncryptedWire(Wire):
    """
    A `Wire` whose client speaks TLS; *protocol* is that of a `TLSFactory`.

    Attributes:
        encrypted: The number of bytes that the client has read from its socket.
    """

    def __init__(self, reactor: FDClock, protocol: Protocol, *, small: bool = False) -> None:
        super().__init__(reactor, protocol, small=small)
        self.encrypted = 0
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = trust_everything().wrap_bio(
            self._incoming, self._outgoing, server_hostname="localhost"
        )
        self.run_until(self._shake_hands)

    def send(self, data: bytes) -> None:
        """
        See `Wire.send`.
        """
        self._tls.write(data)
        self._flush()

    def say_goodbye(self) -> None:
        """
        End the client's half of TLS, but not the TCP connection.
        """
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        self._flush()

    def read(self) -> None:
        """
        See `Wire.read`.
        """
        with suppress(BlockingIOError):
            data = self.client.recv(1 << 20)
            self.encrypted += len(data)
            self._incoming.write(data)
        with suppress(ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            while data := self._tls.read(1 << 20):
                self.received += data
            # RFC 8446, 6.1: the server has sent a "close_notify", and this end answers it.
            self.say_goodbye()

    def _shake_hands(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self._flush()
        return True

    def _flush(self) -> None:
        self.client.sendall(self._outgoing.read())
