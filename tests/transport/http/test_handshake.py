"""
The time limit of TLS handshakes, and the sockets of clients behind proxies.
"""

from pathlib import Path
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import Request

from tests.support.certificates import write_certificate
from tests.support.http import Caller
from tests.support.tls import Client
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.transport.proxies import TrustedProxies
from twisted_sse.transport.socketlimit import SocketLimits
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateFiles

__all__ = ["AddressTests", "HandshakeTests"]


class Address(Resource):
    """
    Answers with the address of the client.
    """

    isLeaf = True

    def render_GET(self, request: Request) -> bytes:
        """
        Answer ``GET``.
        """
        found: Any = request.getClientAddress()
        return str(found.host).encode("ascii")


class Socket(StringTransportWithDisconnection):
    """
    A transport in memory that TLS can run over.
    """

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        See `ITCPTransport.setTcpNoDelay`.
        """


class HandshakeTests(SynchronousTestCase):
    """
    ``handshake_timeout``.
    """

    def connect(self, **options: Any) -> None:
        """
        Connect to a site with TLS.
        """
        self.clock = Clock()
        self.site = StreamSite(Address(), reactor=self.clock, **options)
        directory = Path(self.mktemp())
        directory.mkdir()
        files = CertificateFiles(*map(str, write_certificate(directory, "localhost")))
        factory = TLSFactory(TLSServer([files]), self.site)
        self.transport = Socket()
        self.protocol: Any = factory.buildProtocol(self.transport.getPeer())
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)

    def shake_hands(self) -> None:
        """
        Complete the handshake.
        """
        client = Client()
        done = False
        while not done:
            done = client.shake_hands()
            self.protocol.dataReceived(client.give())
            client.take(self.transport.value())
            self.transport.clear()

    def test_nothing(self) -> None:
        """
        A client that begins no handshake is disconnected after ten seconds.
        """
        self.connect()
        self.clock.advance(9.9)
        self.assertTrue(self.transport.connected)

        self.clock.advance(0.2)
        self.assertFalse(self.transport.connected)
        self.assertEqual(self.site.refusals["handshake_timeout"], 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_half(self) -> None:
        """
        So is one that does not finish its handshake; bytes of it change nothing.
        """
        self.connect(handshake_timeout=3)
        client = Client()
        client.shake_hands()
        for byte in client.give()[:20]:
            self.protocol.dataReceived(bytes([byte]))
            self.clock.advance(0.14)
        self.assertTrue(self.transport.connected)

        self.clock.advance(0.3)
        self.assertFalse(self.transport.connected)

    def test_finished(self) -> None:
        """
        After the handshake other limits count.
        """
        self.connect(handshake_timeout=3)
        self.shake_hands()
        self.clock.advance(30)

        self.assertTrue(self.transport.connected)
        self.assertEqual(self.site.refusals["handshake_timeout"], 0)

    def test_off(self) -> None:
        """
        ``None`` waits as long as for a request.
        """
        self.connect(handshake_timeout=None)
        self.clock.advance(30)

        self.assertTrue(self.transport.connected)

    def test_left(self) -> None:
        """
        No timer is left of a client that leaves.
        """
        self.connect()
        self.transport.loseConnection()

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_plain(self) -> None:
        """
        Without TLS there is no handshake to wait for.
        """
        site = StreamSite(Address(), reactor=Clock())
        caller = Caller(site)
        site.reactor.advance(30)

        self.assertTrue(caller.transport.connected)


class AddressTests(SynchronousTestCase):
    """
    ``trusted_proxies``.
    """

    def ask(self, site: StreamSite, *headers: tuple[str, str]) -> bytes:
        """
        Ask for the address.
        """
        caller = Caller(site)
        caller.ask("GET", "/", headers)
        return caller.answer.body

    def test_trusted(self) -> None:
        """
        A request has the address that a trusted proxy tells.
        """
        # The address of the transport in memory.
        site = StreamSite(
            Address(), reactor=Clock(), trusted_proxies=TrustedProxies(["192.168.1.1"])
        )

        self.assertEqual(self.ask(site, ("X-Forwarded-For", "1.1.1.1, 192.0.2.1")), b"192.0.2.1")
        self.assertEqual(self.ask(site), b"192.168.1.1")

    def test_not_trusted(self) -> None:
        """
        Others are not believed.
        """
        for proxies in (None, TrustedProxies(["192.0.2.0/24"])):
            with self.subTest(proxies=proxies):
                site = StreamSite(Address(), reactor=Clock(), trusted_proxies=proxies)
                body = self.ask(site, ("X-Forwarded-For", "192.0.2.1"))

                self.assertEqual(body, b"192.168.1.1")

    def test_sockets(self) -> None:
        """
        The sockets of a trusted proxy do not count for its address.
        """
        site = StreamSite(
            Address(),
            reactor=Clock(),
            socket_limits=SocketLimits(per_address=1),
            trusted_proxies=TrustedProxies(["192.168.1.1"]),
        )
        callers = [Caller(site) for _ in range(3)]
        self.assertEqual([one.transport.connected for one in callers], [True] * 3)

        strangers = []
        for _ in range(2):
            transport = StringTransportWithDisconnection(
                peerAddress=IPv4Address("TCP", "192.0.2.1", 1)
            )
            protocol: Any = site.buildProtocol(transport.getPeer())
            transport.protocol = protocol
            protocol.makeConnection(transport)
            strangers.append(transport)
        self.assertEqual([one.connected for one in strangers], [False, True])
        self.assertEqual(site.refusals["sockets_per_address"], 1)
