"""
Connections of a server that does not react, or sends too much.
"""

from typing import Any, cast

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.client.memory import Exchange, MemoryServer, Reader
from twisted_sse.client import Lost
from twisted_sse.client.closing import ClosingFactory
from twisted_sse.client.plainprobe import speaks_plain_http

__all__ = ["ClosingTests", "HandshakeTests", "HeadTests", "ProbeTests"]

ADDRESS = IPv4Address("TCP", "127.0.0.1", 443)


class ClosingTests(SynchronousTestCase):
    """
    A connection that this side closes.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        self.clock = Clock()
        self.transport = StringTransport()
        factory = ClosingFactory(Factory.forProtocol(Protocol), self.clock)
        self.wrapper = factory.buildProtocol(ADDRESS)
        self.protocol = self.wrapper.wrappedProtocol
        self.wrapper.makeConnection(self.transport)

    def test_silent(self) -> None:
        """
        The connection is aborted if the server does not close it within five seconds.
        """
        self.protocol.transport.loseConnection()
        self.clock.advance(4.9)
        before = self.transport.disconnected
        self.clock.advance(0.2)

        self.assertTrue(self.transport.disconnecting)
        self.assertEqual((before, self.transport.disconnected), (False, True))

    def test_ended(self) -> None:
        """
        If the server closes it in time, no timer is left.
        """
        self.protocol.transport.loseConnection()
        self.protocol.transport.loseConnection()
        self.wrapper.connectionLost(Failure(ConnectionDone()))

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_open(self) -> None:
        """
        A connection that is not being closed stays open.
        """
        self.clock.advance(3600)

        self.assertFalse(self.transport.disconnecting)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class HeadTests(SynchronousTestCase):
    """
    The head of a response.
    """

    HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"

    def connect(self, data: bytes) -> tuple[Reader, Exchange]:
        """
        Connect as the default agent does, and answer with *data* in pieces.
        """
        server = _Server()
        reader = Reader(server.source().signals())
        for at in range(0, len(data), 8192):
            server.newest.raw(data[at : at + 8192])
        return reader, server.newest

    def test_endless(self) -> None:
        """
        Headers without an end are a loss, whatever they consist of.
        """
        interim = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
        for start, unit in (
            *((self.HEAD, b"X-A: " + b"y" * 1000 + b"\r\n"), (self.HEAD, b"X: y\r\n")),
            *((self.HEAD + b"X: y\r\n", b" folded\r\n"), (b"", interim)),
        ):
            reader, exchange = self.connect(start + unit * (200_000 // len(unit)))

            self.assertIsInstance(reader.newest, Lost)
            self.assertIn("headers of the response exceed 128 KiB", str(reader.newest.reason))
            self.assertTrue(exchange.aborted)

    def test_endless_line(self) -> None:
        """
        A line without an end is a loss.
        """
        for start in (b"HTTP/1.1 200 ", self.HEAD + b"X: "):
            reader, exchange = self.connect(start + b"y" * 40_000)

            self.assertIn("exceeds 16 KiB", str(reader.newest.reason))
            self.assertTrue(exchange.lost)

    def test_large(self) -> None:
        """
        Large headers are read, and the body may be as large as it will.
        """
        head = self.HEAD + b"X: %b\r\n" % (b"y" * 10_000) * 10
        reader, _ = self.connect(head + b"\r\n" + b"data: x\n\n" * 40_000)

        self.assertEqual(len(reader.data), 40_000)

    def test_one_read(self) -> None:
        """
        A body that comes with the head does not count.
        """
        server = _Server()
        reader = Reader(server.source().signals())
        server.newest.raw(self.HEAD + b"\r\n" + b"data: x\n\n" * 40_000)

        self.assertEqual(len(reader.data), 40_000)

    def test_no_body(self) -> None:
        """
        Responses without a body end as before.
        """
        reader, _ = self.connect(b"HTTP/1.1 204 No Content\r\n\r\n")

        self.assertTrue(reader.ended)

    def test_tls(self) -> None:
        """
        A TLS alert, or no byte at all, suggests https.
        """
        server = _Server()
        reader = Reader(server.source(max_attempts=None).signals())
        server.newest.raw(b"\x15\x03\x03\x00\x02\x02\x46")
        self.assertIn("use https://", str(reader.newest.reason))

        server.clock.advance(2.0)
        server.newest.cut()
        self.assertIn("without a response: if it uses TLS, use https://", str(reader.newest.reason))


class HandshakeTests(SynchronousTestCase):
    """
    A TLS handshake.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        self.clock = Clock()
        self.transport = StringTransport()
        self.probes: list[Deferred[bool]] = []
        factory = ClosingFactory(Factory.forProtocol(_Recorder), self.clock, self.probe)
        self.wrapper = factory.buildProtocol(ADDRESS)
        self.protocol = cast(_Recorder, self.wrapper.wrappedProtocol)
        self.wrapper.makeConnection(self.transport)

    def probe(self) -> "Deferred[bool]":
        """
        Find out whether the server speaks plain HTTP.
        """
        self.probes.append(Deferred())
        return self.probes[-1]

    def reason(self) -> str:
        """
        Return why the connection was lost, or "".
        """
        return self.protocol.reason

    def test_completed(self) -> None:
        """
        After a handshake no timer is left.
        """
        self.wrapper.handshakeCompleted()

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_plain(self) -> None:
        """
        A server that speaks plain HTTP is found out after a second.
        """
        self.clock.advance(1.0)
        self.probes[0].callback(True)

        self.assertIn("does not speak TLS on this port", self.reason())
        self.assertTrue(self.transport.disconnected)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_silent(self) -> None:
        """
        A server that never answers is given ten seconds.
        """
        for result in (False, ConnectionDone()):
            self.setUp()
            self.clock.advance(1.0)
            if isinstance(result, Exception):
                self.probes[0].errback(result)
            else:
                self.probes[0].callback(result)
            self.clock.advance(8.9)
            self.assertEqual(self.reason(), "")
            self.clock.advance(0.2)

            self.assertIn("not answered the TLS handshake", self.reason())

    def test_slow(self) -> None:
        """
        A handshake that completes while the server is probed cancels the probe.
        """
        self.clock.advance(1.0)
        self.wrapper.handshakeCompleted()

        self.assertTrue(self.probes[0].called)
        self.assertEqual(self.reason(), "")

    def test_closed(self) -> None:
        """
        A connection that is closed during the handshake says so.
        """
        self.wrapper.connectionLost(Failure(ConnectionDone()))

        self.assertIn("during the TLS handshake", self.reason())
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ProbeTests(SynchronousTestCase):
    """
    Finding out whether a server speaks plain HTTP.
    """

    def test_answers(self) -> None:
        """
        Only a response tells that it does.
        """
        for answer, expected in ((b"HTTP/1.1 404 x", True), (b"\x15\x03\x01", False), (b"", False)):
            server = MemoryServer()
            probing = speaks_plain_http(server)  # type: ignore[arg-type]
            self.assertEqual(server.newest.request_line, "HEAD / HTTP/1.0")
            if answer:
                server.newest.raw(answer)
            else:
                server.newest.cut()

            self.assertIs(self.successResultOf(probing), expected)
            self.assertEqual(server.open, 0)


class _Recorder(Protocol):
    """
    Records why the connection is lost.
    """

    reason = ""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self.reason = str(reason.value)


class _Server(MemoryServer):
    """
    A server whose client guards its connections.
    """

    def connect(self, factory: IProtocolFactory) -> "Deferred[Any]":
        """
        See `IStreamClientEndpoint.connect`.
        """
        connecting = super().connect(ClosingFactory(factory, self.clock))
        return connecting.addCallback(lambda wrapper: wrapper.wrappedProtocol)
