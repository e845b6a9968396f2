"""
The client: where redirects lead it.
"""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from tests.client.memory import MemoryServer, Reader
from twisted_sse.client import Opened
from twisted_sse.client.redirects import redirect, web_origin
from twisted_sse.client.request import StreamRequest
from twisted_sse.errors import ReadTimeout, UnexpectedStatus

__all__ = ["FollowTests", "HopTests", "OriginTests"]

HERE = "http://here.example/a/b?c=d"


class HopTests(SynchronousTestCase):
    """
    The request after a redirect.
    """

    ASK = StreamRequest(
        "POST",
        HERE,
        Headers(
            {
                "Authorization": ["Bearer t"],
                "Cookie": ["a=b"],
                "Content-Type": ["text/plain"],
                "Last-Event-ID": ["1"],
                "X-Own": ["yes"],
            }
        ),
        (("c", "d"),),
        b"body",
    )

    PLACES = [
        ("/x", "http://here.example/x"),
        ("x?y=z", "http://here.example/a/x?y=z"),
        ("//there.example/", "http://there.example/"),
        ("https://there.example/", "https://there.example/"),
    ]

    METHODS = [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 301, "PUT"),
        ("PUT", 303, "GET"),
        ("HEAD", 303, "HEAD"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
    ]

    def test_place(self) -> None:
        """
        It goes to where the server says, seen from where it was; nothing is added.
        """
        for location, url in self.PLACES:
            asked = redirect(self.ASK, 307, HERE, location)

            self.assertEqual((asked.url, asked.params), (url, ()))

    def test_method(self) -> None:
        """
        Method and body change as they do in browsers.
        """
        for before, status, after in self.METHODS:
            ask = StreamRequest(before, HERE, self.ASK.headers, (), b"body")
            asked = redirect(ask, status, HERE, "/x")

            kept = before == after
            self.assertEqual(asked.method, after, (before, status))
            self.assertEqual(asked.body, b"body" if kept else b"")
            self.assertEqual(asked.headers.hasHeader("Content-Type"), kept)

    def test_secrets(self) -> None:
        """
        What says who asks goes to no other origin; a port and a scheme are another.
        """
        for location in [
            "http://there.example/",
            "http://here.example:81/",
            "https://here.example/",
        ]:
            asked = redirect(self.ASK, 307, HERE, location)

            names = {name for name, _ in asked.headers.getAllRawHeaders()}
            self.assertEqual(names, {b"Content-Type", b"Last-Event-Id", b"X-Own"}, location)
        same = redirect(self.ASK, 307, HERE, "http://HERE.example:80/x")
        self.assertEqual(same.headers, self.ASK.headers)

    def test_nowhere(self) -> None:
        """
        What is no HTTP is not asked.
        """
        for location in [
            "file:///etc/passwd",
            "javascript:1",
            "http://x:port/",
            "https://",
            "http://user:password@here.example/",
        ]:
            with self.assertRaises(ValueError):
                redirect(self.ASK, 307, HERE, location)


class OriginTests(SynchronousTestCase):
    """
    How an origin is written.
    """

    CASES = [
        ("http://example.com/a?b#c", "http://example.com"),
        ("HTTPS://EXAMPLE.com:443/", "https://example.com"),
        ("http://example.com:443/", "http://example.com:443"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
    ]

    def test_origin(self) -> None:
        """
        Scheme and host are small, and the usual port is not written.
        """
        for url, origin in self.CASES:
            self.assertEqual(web_origin(url), origin)


class FollowTests(SynchronousTestCase):
    """
    Redirects of a server.
    """

    def setUp(self) -> None:
        """
        Begin to read.
        """
        self.server = MemoryServer()
        self.source = self.server.source(
            params={"topic": "a"}, headers={"Authorization": "Bearer t"}, max_attempts=2
        )
        self.reader = Reader(self.source.signals())

    def test_stream(self) -> None:
        """
        The stream is where the last one leads, and so is the origin.
        """
        self.server.newest.redirect("302 Found", "/second")
        self.server.newest.redirect("308 Permanent Redirect", "https://other.example/third?x=y")
        self.server.newest.answer()

        self.assertIsInstance(self.reader.newest, Opened)
        self.assertEqual(self.source.origin, "https://other.example")
        self.assertEqual(
            [exchange.request_line for exchange in self.server.exchanges],
            [
                "GET /events?topic=a HTTP/1.1",
                "GET /second HTTP/1.1",
                "GET /third?x=y HTTP/1.1",
            ],
        )
        self.assertEqual(self.server.places[-1], "https://other.example:443")
        _, second, third = self.server.exchanges
        self.assertIn("Authorization", second.headers)
        self.assertNotIn("Authorization", third.headers)

    def test_connections(self) -> None:
        """
        The connection of a redirect is closed, although its body has no end.
        """
        self.server.newest.redirect("302 Found", "/second")

        self.assertEqual([exchange.lost for exchange in self.server.exchanges], [True, False])

    def test_again(self) -> None:
        """
        When the stream is lost, the first URL is asked again.
        """
        self.server.newest.redirect("301 Moved Permanently", "/second")
        self.server.newest.answer()
        self.server.newest.end()
        self.server.clock.advance(2.0)

        first, _, again = self.server.exchanges
        self.assertEqual(again.value(), first.value())

    def test_circle(self) -> None:
        """
        More than twenty are an error, and no further attempt is made.
        """
        for _ in range(21):
            self.server.newest.redirect("302 Found", "/events")

        self.assertIsInstance(self.reader.error, UnexpectedStatus)
        self.assertIn("20", str(self.reader.error))
        self.assertEqual(len(self.server.exchanges), 21)
        self.assertEqual(self.server.open, 0)

    def test_nowhere(self) -> None:
        """
        So is one that leads to what is no HTTP, or does not say where.
        """
        self.server.newest.redirect("302 Found", "file:///etc/passwd")
        self.assertIsInstance(self.reader.error, UnexpectedStatus)
        self.assertIn("file:///etc/passwd", str(self.reader.error))

        reader = Reader(self.server.source().signals())
        self.server.newest.answer("302 Found", kind=None)
        self.server.newest.end()
        self.assertIsInstance(reader.error, UnexpectedStatus)

    def test_garbled(self) -> None:
        """
        So is one that no host can have, or that is no text.
        """
        for location in ["http://a b/", "http://a..b/", "http://xn--a/", "/\xff"]:
            server = MemoryServer()
            reader = Reader(server.source().signals())
            head = f"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n"
            server.newest.raw(head.encode("latin-1"))

            self.assertIsInstance(reader.error, UnexpectedStatus, location)
            self.assertEqual(server.open, 0)

    def test_slow(self) -> None:
        """
        All of them together have the time for one answer, and leave no connection.
        """
        self.server.clock.advance(20.0)
        self.server.newest.redirect("302 Found", "/second")

        self.server.clock.advance(10.0)

        self.assertIsInstance(self.reader.newest.reason, ReadTimeout)
        self.assertEqual(self.server.open, 0)
