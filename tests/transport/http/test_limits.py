"""
HTTP/1.1: what is refused, and how long a request may take.
"""

import tempfile
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from tests.support.http import Answer, parse_answers
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.transport.socketlimit import SocketLimits

__all__ = ["BodyTests", "OffTests", "RefusalTests", "SocketTests", "TimeTests"]


class Echo(Resource):
    """
    Answers with the host, the path, and the size of the body.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Any] = []

    def render(self, request: Request) -> bytes | int:
        """
        Answer, or wait if the path says so.
        """
        self.requests.append(request)
        if request.path == b"/wait":
            return NOT_DONE_YET
        content: Any = request.content
        too_large: Any = getattr(request, "too_large", False)
        host = request.getHeader("host") or ""
        return f"{host} {request.uri.decode()} {len(content.read())} {too_large}".encode()


class Case(SynchronousTestCase):
    """
    Has a site, and connections to it.
    """

    OPTIONS: dict[str, Any] = {"max_body": 1000}

    def setUp(self) -> None:
        """
        Make the site.
        """
        self.clock = Clock()
        self.transports: list[StringTransportWithDisconnection] = []
        self.echo = Echo()
        self.site = StreamSite(self.echo, reactor=self.clock, **self.OPTIONS)
        # The resource answers, so that tests can see what it gets.
        self.site.refuses_large_bodies = False
        self.connect()

    def connect(self) -> StringTransportWithDisconnection:
        """
        Open a connection, which `send` and `answers` use from now on.
        """
        self.transport = StringTransportWithDisconnection()
        self.transports.append(self.transport)
        self.protocol: Any = self.site.buildProtocol(self.transport.getPeer())
        self.transport.protocol = self.protocol
        self.protocol.makeConnection(self.transport)
        return self.transport

    def send(self, data: bytes) -> None:
        """
        Send bytes, unless the connection is closed.
        """
        if self.transport.connected:
            self.protocol.dataReceived(data)

    @property
    def answers(self) -> list[Answer]:
        """
        What has come.
        """
        return parse_answers(self.transport.value())

    @property
    def statuses(self) -> list[int]:
        """
        The statuses of what has come.
        """
        return [one.status for one in self.answers]

    def leave(self) -> None:
        """
        Close the connections; no timer may be left.
        """
        for transport in self.transports:
            if transport.connected:
                transport.loseConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])


HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"
LENGTH = POST + b"Content-Length: "
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"


class RefusalTests(Case):
    """
    Requests that are answered with an error, without a resource.
    """

    CASES = [
        ("a request line that is too long", b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n", 414),
        ("without an end", b"GET /" + b"x" * 70_000, 414),
        ("a header that is too long", HEAD + b"X: " + b"x" * 17_000 + b"\r\n\r\n", 431),
        ("without an end", HEAD + b"X: " + b"x" * 70_000, 431),
        ("many headers", HEAD + b"X: y\r\n" * 501 + b"\r\n", 431),
        ("large headers", HEAD + (b"X: " + b"y" * 100 + b"\r\n") * 200, 431),
        ("a folded header", HEAD + b"X: y\r\n" + (b" " + b"y" * 1000 + b"\r\n") * 20, 431),
        ("a length of 5,000 digits", LENGTH + b"9" * 5000 + b"\r\n\r\n", 400),
        ("a length with a sign", LENGTH + b"-1\r\n\r\n", 400),
        ("a length that is no number", LENGTH + b"\xb2\r\n\r\n", 400),
        ("two lengths", LENGTH + b"1\r\nContent-Length: 1\r\n\r\na", 400),
        ("identity", POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
        ("chunked, identity", POST + b"Transfer-Encoding: chunked, identity\r\n\r\n", 400),
        ("identity, chunked", POST + b"Transfer-Encoding: identity, chunked\r\n\r\n", 400),
        ("gzip", POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
        ("bytes as a coding", POST + b"Transfer-Encoding: \xff\r\n\r\n", 400),
        ("chunked and a length", LENGTH + b"1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("a chunk's size that is none", CHUNKED + b"x\r\n", 400),
        ("a chunk's size without an end", CHUNKED + b"1" * 5000, 400),
        ("a name with a space", HEAD + b"X y: z\r\n\r\n", 400),
        ("no colon", HEAD + b"X\r\n\r\n", 400),
        ("a version of another kind", b"GET / HTTP/3.0\r\n\r\n", 400),
        ("bytes", b"\xff\xfe\xfd\r\n\r\n", 400),
        ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\r\n", 400),
        ("a target that is no path", b"GET healthz HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT", b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("a large body of GET", HEAD + b"Content-Length: 2000000\r\n\r\n", 413),
    ]

    def test_answers(self) -> None:
        """
        Each is answered once, and the connection is closed.
        """
        for title, data, status in self.CASES:
            for step in (len(data), 997):
                with self.subTest(title, step=step):
                    self.connect()
                    for start in range(0, len(data), step):
                        self.send(data[start : start + step])

                    (answer,) = self.answers
                    self.assertEqual(answer.status, status)
                    self.assertTrue(answer.json["detail"].endswith("."))
                    self.assertFalse(self.transport.connected)
                    self.leave()
        self.assertEqual(self.echo.requests, [])

    def test_long_line(self) -> None:
        """
        A request line may have 64 KiB.
        """
        self.send(b"GET /".ljust(65_536 - 9, b"x") + b" HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertEqual(self.statuses, [200])

    def test_absolute_form(self) -> None:
        """
        A URL as the target is accepted, and its host counts.
        """
        self.send(b"GET http://b.example/x?y HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertEqual(self.answers[0].body, b"b.example /x?y 0 False")

    def test_bytes(self) -> None:
        """
        The values of headers can be decoded, whatever bytes they have.
        """
        self.send(HEAD + b"X: a\xffb\r\nCookie: \xe4=\xff\r\n\r\n")

        headers = self.echo.requests[0].requestHeaders
        self.assertEqual(headers.getRawHeaders("x"), ["aÿb"])
        self.assertEqual(headers.getRawHeaders("cookie"), ["ä=ÿ"])


class TimeTests(Case):
    """
    How long a client may take.
    """

    def drip(self, data: bytes, seconds: int) -> None:
        """
        Send *data* each second.
        """
        for _ in range(seconds):
            self.send(data)
            self.clock.advance(1)

    def test_head(self) -> None:
        """
        Headers that drip are refused after 10 seconds.
        """
        self.send(HEAD + b"X: ")
        self.drip(b"y", 9)
        self.assertEqual(self.statuses, [])

        self.drip(b"y", 2)
        self.assertEqual((self.statuses, self.transport.connected), ([408], False))
        self.leave()

    def test_first_byte(self) -> None:
        """
        The time begins with the first byte, and the first line counts as well.
        """
        self.clock.advance(30)
        self.send(b"G")
        self.clock.advance(10)

        self.assertEqual(self.statuses, [408])

    def test_silence(self) -> None:
        """
        A connection without a request is closed after 60 seconds, without an answer.
        """
        self.clock.advance(59)
        self.assertTrue(self.transport.connected)
        self.clock.advance(1)

        self.assertEqual((self.statuses, self.transport.connected), ([], False))
        self.leave()

    def test_body(self) -> None:
        """
        A body that drips is refused after 30 seconds.
        """
        for begin, piece in [(LENGTH + b"900\r\n\r\n", b"x"), (CHUNKED, b"1\r\nx\r\n")]:
            with self.subTest(begin=begin):
                self.connect()
                self.send(begin)
                self.drip(piece, 29)
                self.assertEqual(self.statuses, [])

                self.drip(piece, 3)
                self.assertEqual((self.statuses, self.transport.connected), ([408], False))
                self.leave()

    def test_answering(self) -> None:
        """
        Answering may take as long as it takes, and the next request has its own time.
        """
        self.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n" + b"GET / HT")
        self.clock.advance(1000)
        self.echo.requests[0].finish()
        self.clock.advance(9)
        self.assertEqual(self.statuses, [200])

        self.send(b"TP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(self.statuses, [200, 200])
        self.clock.advance(30)
        self.assertTrue(self.transport.connected)
        self.leave()

    def test_pipelined(self) -> None:
        """
        Each of two requests that overlap has its own time.
        """
        self.send(HEAD)
        self.clock.advance(8)
        self.send(b"\r\n" + HEAD)
        self.clock.advance(8)
        self.send(b"\r\n")

        self.assertEqual(self.statuses, [200, 200])
        self.leave()

    def test_complete(self) -> None:
        """
        A request that arrives at once starts no timer of its own.
        """
        before = len(self.clock.getDelayedCalls())
        self.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertEqual((before, len(self.clock.getDelayedCalls())), (1, 0))


class OffTests(TimeTests):
    """
    Without time limits for requests.
    """

    OPTIONS = {"max_body": 1000, "head_timeout": None, "body_timeout": None}

    def test_head(self) -> None:
        """
        Headers may drip.
        """
        self.send(HEAD + b"X: ")
        self.drip(b"y", 200)

        self.assertEqual((self.statuses, self.transport.connected), ([], True))

    def test_body(self) -> None:
        """
        So may a body.
        """
        self.send(LENGTH + b"900\r\n\r\n")
        self.drip(b"x", 200)

        self.assertEqual((self.statuses, self.transport.connected), ([], True))

    def test_first_byte(self) -> None:
        """
        A silence ends the connection nevertheless.
        """
        self.send(b"G")
        self.clock.advance(60)

        self.assertFalse(self.transport.connected)


class BodyTests(Case):
    """
    Bodies that are too large.
    """

    CASES = [
        ("by its length", LENGTH + b"100000000000\r\n\r\n"),
        ("by its length, after a continue", LENGTH + b"1001\r\nExpect: 100-continue\r\n\r\n"),
        ("by what arrives", CHUNKED + b"400\r\n" + b"x" * 1024),
    ]

    def test_answered_at_once(self) -> None:
        """
        The resource answers before the rest arrives, and the connection is closed.
        """
        for title, data in self.CASES:
            with self.subTest(title):
                self.connect()
                self.send(data)

                (answer,) = self.answers
                self.assertEqual((answer.status, answer.body), (200, b"a / 0 True"))
                self.assertEqual(answer.header("Connection"), "close")
                self.assertFalse(self.transport.connected)
                self.leave()

    def test_short(self) -> None:
        """
        One that is not much too large is discarded, and the connection goes on.
        """
        self.send(LENGTH + b"1000000\r\n\r\n")
        self.send(b"x" * 1_000_000 + HEAD + b"\r\n")

        self.assertEqual([one.body for one in self.answers], [b"a / 0 True", b"a / 0 False"])

    def test_not_read_on(self) -> None:
        """
        While the resource takes its time, no more than 1 MiB of the rest is received.
        """
        self.send(LENGTH.replace(b"/ ", b"/wait ") + b"100000000000\r\n\r\n")
        for _ in range(1024):
            self.send(b"x" * 1024)
        self.assertEqual(self.transport.producerState, "producing")

        self.send(b"x")
        self.assertEqual(self.transport.producerState, "paused")

        self.echo.requests[0].finish()
        self.assertEqual((self.statuses, self.transport.connected), ([200], False))

    def test_in_a_file(self) -> None:
        """
        A body above 100 kB is kept in a file; without a descriptor, in memory.
        """
        self.site.max_body = 300_000
        for descriptors in (None, 0):
            with self.subTest(descriptors=descriptors):
                if descriptors is not None:
                    self.patch(tempfile, "TemporaryFile", refuse)
                self.connect()
                self.send(LENGTH + b"200000\r\n\r\n" + b"x" * 200_000)

                self.assertEqual(self.answers[0].body, b"a / 200000 False")
                self.leave()


def refuse() -> None:
    """
    Fail as if no descriptor were left.
    """
    raise OSError(24, "Too many open files")


class SocketTests(Case):
    """
    The limit of sockets.
    """

    OPTIONS = {"socket_limits": SocketLimits(total=10)}

    def test_half_requests(self) -> None:
        """
        Half requests make room for whole ones.
        """
        for _ in range(400):
            self.connect()
            self.send(HEAD)

        self.assertEqual(sum(one.connected for one in self.transports), 10)
        self.send(b"\r\n")
        self.assertEqual(self.statuses, [200])
        self.leave()
