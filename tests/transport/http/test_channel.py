"""
The protocol of a connection: strict HTTP/1.1, or our HTTP/2.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.static import Data

from tests.support.http import call, parse_answers
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.transport.http2.connection import H2Connection

__all__ = ["NegotiationTests", "PriorKnowledgeTests", "StrictTests"]

# The preface of HTTP/2, RFC 9113, 3.4, and an empty SETTINGS frame.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"

_GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


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
        received = self.connect(b"h2", _PREFACE)

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
        self.connect(b"h2", _PREFACE)

        self.transport.loseConnection()
        self.site.stopFactory()
        self.site.reactor.advance(0)

        self.assertEqual(self.site.reactor.getDelayedCalls(), [])

    def test_pages(self) -> None:
        """
        `call`, which other tests use, is served by the same protocol.
        """
        self.assertEqual(call(self.site, "GET", "/").answer.body, b"hello")


class _WithoutHTTP2(StreamSite):
    """
    A site on a Twisted that lacks something for HTTP/2.
    """

    unmet_requirements = staticmethod(lambda: ["Spam"])


class PriorKnowledgeTests(SynchronousTestCase):
    """
    HTTP/2 without TLS: the client begins with its preface.
    """

    def connect(self, made: StreamSite | None = None, protocol: Any = None) -> None:
        """
        Connect to *made*, or to a site with one page.
        """
        self.site = made or site()
        self.transport = protocol or StringTransportWithDisconnection()
        self.channel: Any = self.site.buildProtocol(self.transport.getPeer())
        self.transport.protocol = self.channel
        self.channel.makeConnection(self.transport)
        self.addCleanup(self.transport.loseConnection)

    def is_http2(self) -> bool:
        """
        Whether the server has sent its SETTINGS, which are of type 4.
        """
        return self.transport.value()[3:4] == b"\4"

    def test_preface(self) -> None:
        """
        A client that begins with the preface is served over HTTP/2, however its bytes
        arrive.
        """
        for size in (1, 2, 3, 4, 7, 24, len(_PREFACE)):
            with self.subTest(size=size):
                self.connect()
                for start in range(0, len(_PREFACE), size):
                    self.channel.dataReceived(_PREFACE[start : start + size])

                self.assertTrue(self.is_http2())
                self.assertIsInstance(self.transport.producer, H2Connection)

    def test_similar_methods(self) -> None:
        """
        A request of HTTP/1.1 whose method begins in the same way is one, byte by byte.
        """
        for method in (b"GET", b"POST", b"PUT", b"PROPFIND", b"PRINT"):
            with self.subTest(method=method):
                self.connect()
                for byte in method + b" / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n":
                    self.channel.dataReceived(bytes([byte]))

                self.assertTrue(self.transport.value().startswith(b"HTTP/1.1 "))

    def test_later(self) -> None:
        """
        A preface after a request of HTTP/1.1 does not change the protocol.
        """
        self.connect()
        self.channel.dataReceived(_GET)
        self.transport.clear()
        self.channel.dataReceived(_PREFACE)

        self.assertFalse(self.is_http2())

    def test_head_timeout(self) -> None:
        """
        The first bytes have the time limit of a request's head, and what follows a
        refusal is discarded.
        """
        self.connect()
        self.channel.dataReceived(_PREFACE[:3])
        self.site.reactor.advance(11)
        self.assertIn(b"HTTP/1.1 408 ", self.transport.value())
        self.assertEqual(self.site.refusals["head_timeout"], 1)

        self.channel.dataReceived(_PREFACE[3:])
        self.site.reactor.advance(30)

        self.assertEqual(self.site.refusals["head_timeout"], 1)
        self.assertEqual(self.transport.value().count(b"HTTP/"), 1)
        self.assertEqual(self.site.reactor.getDelayedCalls(), [])

    def test_half_a_preface(self) -> None:
        """
        A preface that is not completed has a time limit, and leaves no timer.
        """
        self.connect()
        self.channel.dataReceived(_PREFACE[:3])
        self.channel.dataReceived(_PREFACE[3:20])
        self.site.reactor.advance(11)

        self.assertFalse(self.transport.connected)
        self.assertEqual(self.site.reactor.getDelayedCalls(), [])

    def test_tls(self) -> None:
        """
        RFC 9113, 3.2: with TLS, HTTP/2 is chosen by ALPN only.
        """
        for negotiated in (None, b"http/1.1"):
            with self.subTest(negotiated=negotiated):
                self.connect(protocol=_Negotiated(negotiated))
                self.channel.dataReceived(_PREFACE)

                self.assertFalse(self.is_http2())

    def test_without_support(self) -> None:
        """
        Where HTTP/2 is disabled, it is disabled without TLS, too.
        """
        with capturedLogs():
            made = _WithoutHTTP2(Resource(), reactor=Clock())
        self.connect(made)
        self.channel.dataReceived(_PREFACE)

        self.assertFalse(self.is_http2())

    def test_shutdown(self) -> None:
        """
        The connection gets a GOAWAY when the site stops, as one with TLS does.
        """
        self.connect()
        self.channel.dataReceived(_PREFACE)
        self.transport.clear()
        self.site.stopFactory()

        # RFC 9113, 6.8: GOAWAY is of type 7.
        self.assertIn(b"\7", [self.transport.value()[3:4]])
