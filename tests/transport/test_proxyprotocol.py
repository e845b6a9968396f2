"""
The PROXY protocol.
"""

import struct
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.protocols.wire import Echo
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.proxies import TrustedProxies
from twisted_sse.transport.proxyprotocol import Header, ProxyProtocolFactory, read_header
from twisted_sse.transport.refusals import Refusals

__all__ = ["ConnectionTests", "HeaderTests"]

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT = IPv4Address("TCP", "192.0.2.1", 56324)
LINE = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n"


def version_2(family: int, addresses: bytes, command: int = 0x21, extra: bytes = b"") -> bytes:
    """
    A header of version 2.
    """
    rest = addresses + extra
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest)) + rest


IPV4 = version_2(0x11, bytes([192, 0, 2, 1, 198, 51, 100, 1]) + struct.pack("!HH", 56324, 443))
IPV6 = version_2(
    0x21,
    bytes.fromhex("20010db8000000000000000000000001") * 2 + struct.pack("!HH", 56324, 443),
    extra=b"\x04\x00\x01x",
)


class HeaderTests(SynchronousTestCase):
    """
    `read_header`.
    """

    GOOD = (
        (LINE, CLIENT),
        (b"PROXY TCP6 2001:db8::1 2001:db8::2 5 6\r\n", IPv6Address("TCP", "2001:db8::1", 5)),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", None),
        (IPV4, CLIENT),
        (IPV6, IPv6Address("TCP", "2001:db8::1", 56324)),
        (version_2(0x11, bytes(12), command=0x20), None),
        (version_2(0x00, b""), None),
        (version_2(0x31, bytes(216)), None),
    )

    BAD = (
        b"GET / HTTP/1.1\r\n",
        b"\x16\x03\x01",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.1 99999 443\r\n",
        b"PROXY TCP4 2001:db8::1 2001:db8::2 5 6\r\n",
        b"PROXY TCP4 192.0.2.999 198.51.100.1 5 6\r\n",
        b"PROXY TCP5 192.0.2.1 198.51.100.1 5 6\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE + b"\x11\x11\0\0",
        SIGNATURE + b"\x22\x11\0\0",
        version_2(0x11, bytes(11)),
        SIGNATURE + b"\x21\x11\xff\xff",
    )

    def test_good(self) -> None:
        """
        The header of either version is read, and what follows is left.
        """
        for data, client in self.GOOD:
            with self.subTest(data=data):
                self.assertEqual(read_header(data + b"GET"), Header(len(data), client))

    def test_pieces(self) -> None:
        """
        Half a header is neither complete nor wrong, at whatever point it is cut.
        """
        for data, _ in self.GOOD:
            for size in range(len(data)):
                with self.subTest(data=data, size=size):
                    self.assertIsNone(read_header(data[:size]))

    def test_bad(self) -> None:
        """
        Anything else is refused.
        """
        for data in self.BAD:
            with self.subTest(data=data), self.assertRaises(ValueError):
                read_header(data)


class ConnectionTests(SynchronousTestCase):
    """
    `ProxyProtocolFactory`.
    """

    def connect(self, host: str = "10.0.0.1", timeout: float | None = 5) -> None:
        """
        Connect from *host*, to a server that echoes.
        """
        self.clock = Clock()
        self.refusals = Refusals()
        self.factory = ProxyProtocolFactory(
            Factory.forProtocol(Echo),
            TrustedProxies(["10.0.0.0/8"]),
            timeout=timeout,
            clock=self.clock,
            refused=self.refusals.count,
        )
        peer = IPv4Address("TCP", host, 1)
        self.transport = StringTransportWithDisconnection(peerAddress=peer)
        self.protocol: Any = self.factory.buildProtocol(peer)
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)

    def test_client(self) -> None:
        """
        What is wrapped sees the client's address when it is connected, and the rest of the data.
        """
        for header in (LINE, IPV4):
            with self.subTest(header=header):
                self.connect()
                self.protocol.dataReceived(header + b"hello")

                wrapped = self.protocol.wrappedProtocol
                self.assertEqual(wrapped.transport.getPeer(), CLIENT)
                self.assertEqual(self.transport.value(), b"hello")
                self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_bytes(self) -> None:
        """
        A header may come byte by byte.
        """
        self.connect()
        for byte in IPV6 + b"hi":
            self.protocol.dataReceived(bytes([byte]))

        self.assertEqual(self.transport.value(), b"hi")
        self.assertEqual(self.protocol.getPeer().host, "2001:db8::1")

    def test_local(self) -> None:
        """
        The connections of the proxy itself keep its address.
        """
        self.connect()
        self.protocol.dataReceived(b"PROXY UNKNOWN\r\nhi")

        self.assertEqual(self.protocol.getPeer().host, "10.0.0.1")
        self.assertEqual(self.transport.value(), b"hi")

    def test_not_trusted(self) -> None:
        """
        A client that is no trusted proxy is disconnected at once, and counted.
        """
        self.connect("192.0.2.66")

        self.assertFalse(self.transport.connected)
        self.assertEqual(self.refusals["proxies"], 1)

    def test_no_header(self) -> None:
        """
        A connection that begins otherwise is closed, and what is wrapped is not told.
        """
        self.connect()
        self.protocol.dataReceived(b"GET / HTTP/1.1\r\n")

        self.assertFalse(self.transport.connected)
        self.assertEqual(self.transport.value(), b"")
        self.assertEqual(self.refusals["proxies"], 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_timeout(self) -> None:
        """
        A header that does not arrive in time closes the connection.
        """
        self.connect()
        self.protocol.dataReceived(LINE[:10])
        self.clock.advance(4.9)
        self.assertTrue(self.transport.connected)

        self.clock.advance(0.1)
        self.assertFalse(self.transport.connected)
        self.assertEqual(self.refusals["handshake_timeout"], 1)

    def test_no_timeout(self) -> None:
        """
        Without a time limit it waits.
        """
        self.connect(timeout=None)

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_left(self) -> None:
        """
        A proxy may leave before the header, and nothing is left of it.
        """
        self.connect()
        self.transport.loseConnection()

        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.factory.protocols, {})
