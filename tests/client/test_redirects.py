"""
The client: redirects.
"""

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.http_headers import Headers

from tests.client.memory import MemoryServer, Reader
from twisted_sse.client import Opened
from twisted_sse.client.redirects import redirect, web_origin
from twisted_sse.client.request import StreamRequest
from twisted_sse.errors import ReadTimeout, UnexpectedStatus

__all__ = ["FollowTests", "OriginTests", "RedirectTests"]

HERE = "http://here.example/a/b?c=d"


class RedirectTests(SynchronousTestCase):
    """
    The request that follows a redirect.
    """

    REQUEST = StreamRequest(
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

    TARGETS = [
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

    def test_target(self) -> None:
        """
        The location is resolved against the redirected URL; no parameters are added.
        """
        for location, url in self.TARGETS:
            redirected = redirect(self.REQUEST, 307, HERE, location)

            self.assertEqual((redirected.url, redirected.params), (url, ()))

    def test_method(self) -> None:
        """
        Method and body change as in browsers.
        """
        for before, status, after in self.METHODS:
            request = StreamRequest(before, HERE, self.REQUEST.headers, (), b"body")
            redirected = redirect(request, status, HERE, "/x")

            kept = before == after
            self.assertEqual(redirected.method, after, (before, status))
            self.assertEqual(redirected.body, b"body" if kept else b"")
            self.assertEqual(redirected.headers.hasHeader("Content-Type"), kept)

    def test_credentials(self) -> None:
        """
        Credentials are not sent to another origin, which differs in host, port or scheme.
        """
        for location in [
            "http://there.example/",
            "http://here.example:81/",
            "https://here.example/",
        ]:
            redirected = redirect(self.REQUEST, 307, HERE, location)

            names = {name for name, _ in redirected.headers.getAllRawHeaders()}
            self.assertEqual(names, {b"Content-Type", b"Last-Event-Id", b"X-Own"}, location)
        same = redirect(self.REQUEST, 307, HERE, "http://HERE.example:80/x")
        self.assertEqual(same.headers, self.REQUEST.headers)

    def test_not_http(self) -> None:
        """
        A target that is not an HTTP URL raises ValueError.
        """
        for location in [
            "file:///etc/passwd",
            "javascript:1",
            "http://x:port/",
            "https://",
            "http://user:password@here.example/",
        ]:
            with self.assertRaises(ValueError):
                redirect(self.REQUEST, 307, HERE, location)


class OriginTests(SynchronousTestCase):
    """
    Origins.
    """

    CASES = [
        ("http://example.com/a?b#c", "http://example.com"),
        ("HTTPS://EXAMPLE.com:443/", "https://example.com"),
        ("http://example.com:443/", "http://example.com:443"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
    ]

    def test_origin(self) -> None:
        """
        Scheme and host are in lower case, and the default port is omitted.
        """
        for url, origin in self.CASES:
            self.assertEqual(web_origin(url), origin)


class FollowTests(SynchronousTestCase):
    """
    Redirects of a server.
    """

    def setUp(self) -> None:
        """
        Start reading.
        """
        self.server = MemoryServer()
        self.source = self.server.source(
            params={"topic": "a"}, headers={"Authorization": "Bearer t"}, max_attempts=2
        )
        self.reader = Reader(self.source.signals())

    def test_stream(self) -> None:
        """
        The stream and its origin are those of the last redirect.
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
        The connection of a redirect is closed, even if its body does not end.
        """
        self.server.newest.redirect("302 Found", "/second")

        self.assertEqual([exchange.lost for exchange in self.server.exchanges], [True, False])

    def test_again(self) -> None:
        """
        After a loss the first URL is requested again.
        """
        self.server.newest.redirect("301 Moved Permanently", "/second")
        self.server.newest.answer()
        self.server.newest.end()
        self.server.clock.advance(2.0)

        first, _, again = self.server.exchanges
        self.assertEqual(again.value(), first.value())

    def test_loop(self) -> None:
        """
        More than twenty redirects are an error, and are not retried.
        """
        for _ in range(21):
            self.server.newest.redirect("302 Found", "/events")

        self.assertIsInstance(self.reader.error, UnexpectedStatus)
        self.assertIn("20", str(self.reader.error))
        self.assertEqual(len(self.server.exchanges), 21)
        self.assertEqual(self.server.open, 0)

    def test_not_http(self) -> None:
        """
        A redirect to another scheme, or without a location, is an error.
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
        A redirect to an impossible host, or that is not text, is an error.
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
        All redirects share one timeout, and leave no connection.
        """
        self.server.clock.advance(20.0)
        self.server.newest.redirect("302 Found", "/second")

        self.server.clock.advance(10.0)

        self.assertIsInstance(self.reader.newest.reason, ReadTimeout)
        self.assertEqual(self.server.open, 0)
