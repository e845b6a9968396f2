"""
The protocol of a connection: strict HTTP/1.1, or our HTTP/2.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.static import Data

from tests.support.http import call, parse_answers
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.transport.http2.connection import H2Connection

__all__ = ["NegotiationTests", "StrictTests"]


def site() -> StreamSite:
    """
    Make a site with one page.
    """
    root = Resource()
    root.putChild(b"", Data(b"hello", "text/plain"))
    return StreamSite(root, reactor=Clock())


class _Negotiated(StringTransportWithDisconnection):
    """
    A transport that has negotiated a protocol, as a TLS transport does by ALPN.
    """

    def __init__(self, protocol: bytes | None) -> None:
        super().__init__()
        self.negotiatedProtocol = protocol


class StrictTests(SynchronousTestCase):
    """
    HTTP/1.1 by RFC 9112 and by RFC 9110, 5.5.
    """

    REFUSED = [
        ("no Host", b"GET / HTTP/1.1\r\n\r\n"),
        ("two Hosts", b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"),
        ("two Hosts, HTTP/1.0", b"GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"),
        ("NUL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
        ("a control character in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x1bb\r\n\r\n"),
        ("DEL in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n"),
        ("CR in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
        ("no Host, with a body", b"POST / HTTP/1.1\r\nContent-Length: 1\r\n\r\na"),
    ]

    def answer_to(self, request: bytes) -> tuple[bytes, bool]:
        """
        Send *request*, and return the response and whether the connection is closed.
        """
        transport = StringTransportWithDisconnection()
        protocol: Any = site().buildProtocol(transport.getPeer())
        transport.protocol = protocol
        protocol.makeConnection(transport)
        protocol.dataReceived(request)
        self.addCleanup(transport.loseConnection)
        return transport.value(), not transport.connected

    def test_refused(self) -> None:
        """
        Each bad request is answered once, and the connection is closed.
        """
        for title, request in self.REFUSED:
            with self.subTest(title):
                received, is_closed = self.answer_to(request)
                (answer,) = parse_answers(received)
                self.assertEqual((answer.status, is_closed), (400, True))
                self.assertEqual(answer.header("Content-Type"), "application/problem+json")
                self.assertEqual(answer.header("Connection"), "close")
                self.assertEqual(answer.json["status"], 400)
                self.assertTrue(answer.ended)

    ACCEPTED = [
        ("HTTP/1.0 without Host", b"GET / HTTP/1.0\r\n\r\n"),
        ("a tab in a value", b"GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n"),
        ("bytes beyond ASCII", b"GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xa4\xff\r\n\r\n"),
        ("an empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    ]

    def test_accepted(self) -> None:
        """
        Unusual but valid requests are answered.
        """
        for title, request in self.ACCEPTED:
            with self.subTest(title):
                answer, _ = self.answer_to(request)
                self.assertIn(b" 200 OK\r\n", answer)


class NegotiationTests(SynchronousTestCase):
    """
    The protocol that ALPN has chosen.
    """

    def connect(self, protocol: bytes | None, data: bytes) -> bytes:
        """
        Connect, send *data*, and return what is received.
        """
        self.transport = _Negotiated(protocol)
        self.channel: Any = self.site.buildProtocol(self.transport.getPeer())
        self.transport.protocol = self.channel
        self.channel.makeConnection(self.transport)
        self.channel.dataReceived(data)
        return self.transport.value()

    def setUp(self) -> None:
        """
        Make a site.
        """
        self.site = site()

    def test_http_2(self) -> None:
        """
        If h2 was chosen, our connection serves, and is the transport's producer.
        """
        received = self.connect(b"h2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")

        # RFC 9113, 3.4: "The server connection preface consists of a potentially
        # empty SETTINGS frame", which is of type 4.
        self.assertEqual(received[3:4], b"\4")
        self.assertIsInstance(self.transport.producer, H2Connection)

    def test_http_1(self) -> None:
        """
        Otherwise HTTP/1.1 is served.
        """
        for protocol in (b"http/1.1", None):
            with self.subTest(protocol=protocol):
                received = self.connect(protocol, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertIn(b"HTTP/1.1 200 OK\r\n", received)
                self.transport.loseConnection()

    def test_loss(self) -> None:
        """
        A lost connection is forgotten, and its calls are cancelled.
        """
        self.connect(b"h2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")

        self.transport.loseConnection()
        self.site.stopFactory()
        self.site.reactor.advance(0)

        self.assertEqual(self.site.reactor.getDelayedCalls(), [])

    def test_pages(self) -> None:
        """
        `call`, which other tests use, is served by the same protocol.
        """
        self.assertEqual(call(self.site, "GET", "/").answer.body, b"hello")
