"""
The client: HTTP proxies of the environment.
"""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from tests.client.memory import MemoryServer
from twisted_sse.client.proxies import Proxy, ProxyFailed, TunnelEndpoint, proxy_for

__all__ = ["ChoiceTests", "TunnelTests"]

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "request_method")


class ChoiceTests(SynchronousTestCase):
    """
    Which proxy is used.
    """

    def setUp(self) -> None:
        """
        Clear the environment.
        """
        for name in NAMES:
            self.patch_environment(name, None)
            self.patch_environment(name.upper(), None)

    def patch_environment(self, name: str, value: str | None) -> None:
        """
        Set a variable until the test ends.
        """
        import os

        before = os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value
        self.addCleanup(lambda: os.environ.pop(name, None) if before is None else None)
        if before is not None:
            self.addCleanup(os.environ.__setitem__, name, before)

    def test_none(self) -> None:
        """
        Without variables there is none.
        """
        self.assertIsNone(proxy_for("http", "hub.example", 80))

    def test_schemes(self) -> None:
        """
        Each scheme has its own variable, in either case.
        """
        self.patch_environment("http_proxy", "http://one.example:3128")
        self.patch_environment("HTTPS_PROXY", "https://two.example")

        self.assertEqual(proxy_for("http", "a.example", 80), Proxy("http", "one.example", 3128))
        self.assertEqual(proxy_for("https", "a.example", 443), Proxy("https", "two.example", 443))

    def test_all(self) -> None:
        """
        One variable may be for all schemes, and may lack a scheme of its own.
        """
        self.patch_environment("ALL_PROXY", "proxy.example:8080")

        for scheme in ("http", "https"):
            proxy = proxy_for(scheme, "a.example", 1)
            self.assertEqual(proxy, Proxy("http", "proxy.example", 8080))

    def test_password(self) -> None:
        """
        A user and a password become Basic credentials.
        """
        self.patch_environment("http_proxy", "http://us%40er:p%3Aw@[::1]:3128/")

        proxy = proxy_for("http", "a.example", 80)

        self.assertEqual(proxy, Proxy("http", "::1", 3128, b"Basic dXNAZXI6cDp3"))

    def test_excluded(self) -> None:
        """
        no_proxy has hosts, domains, ports, addresses, networks, or everything.
        """
        self.patch_environment("http_proxy", "http://proxy.example")
        self.patch_environment(
            "no_proxy", "one.example, .two.example,three.example:81,10.0.0.0/8,::1,[fe80::1]"
        )
        excluded = ["ONE.example", "a.one.example", "b.two.example", "10.1.2.3", "::1", "fe80::1"]
        for host in excluded:
            self.assertIsNone(proxy_for("http", host, 80), host)
        self.assertIsNone(proxy_for("http", "three.example", 81))
        for host in ("aone.example", "three.example", "11.0.0.1", "::2", "localhost"):
            self.assertIsNotNone(proxy_for("http", host, 80), host)

        self.patch_environment("no_proxy", "*")
        self.assertIsNone(proxy_for("http", "anything.example", 80))

    def test_forged(self) -> None:
        """
        In a CGI script, HTTP_PROXY is a header of a request (CVE-2016-1000110).
        """
        self.patch_environment("HTTP_PROXY", "http://proxy.example")
        self.patch_environment("REQUEST_METHOD", "GET")

        self.assertIsNone(proxy_for("http", "a.example", 80))

    def test_wrong(self) -> None:
        """
        Anything but the URL of an HTTP proxy is an error that does not show passwords.
        """
        for value in (
            "socks5://user:secret@proxy.example",
            "http://",
            "http://a:b:c",
            "http://[::",
        ):
            self.patch_environment("http_proxy", value)
            with self.assertRaises(ValueError) as caught:
                proxy_for("http", "a.example", 80)

            self.assertIn("http_proxy in the environment", str(caught.exception))
            self.assertNotIn("secret", str(caught.exception))


class TunnelTests(SynchronousTestCase):
    """
    A tunnel through a proxy.
    """

    def connect(self, host: str = "hub.example", authorization: bytes = b"") -> "Deferred[Any]":
        """
        Connect to a host through a proxy that the test plays.
        """
        self.server = MemoryServer()
        proxy = Proxy("http", "proxy.example", 3128, authorization)
        endpoint: Any = TunnelEndpoint(self.server, proxy, host, 443)  # type: ignore[arg-type]
        connecting: Deferred[Any] = endpoint.connect(Factory.forProtocol(_Inner))
        self.exchange = self.server.newest
        return connecting

    def test_opened(self) -> None:
        """
        After a 2xx the protocol talks to the origin; what came with it is not lost.
        """
        connecting = self.connect(authorization=b"Basic eA==")
        self.assertEqual(
            self.exchange.value(),
            b"CONNECT hub.example:443 HTTP/1.1\r\nHost: hub.example:443\r\n"
            b"Proxy-Authorization: Basic eA==\r\n\r\n",
        )
        self.exchange.raw(b"HTTP/1.1 200 Connec")
        self.assertNoResult(connecting)
        self.exchange.raw(b"tion established\r\nVia: x\r\n\r\nhello")
        self.exchange.raw(b" again")

        inner = self.successResultOf(connecting)
        self.assertEqual(inner.received, b"hello again")
        inner.transport.write(b"back")
        self.assertTrue(self.exchange.value().endswith(b"\r\n\r\nback"))
        self.exchange.cut()
        self.assertTrue(inner.lost)

    def test_ipv6(self) -> None:
        """
        An IPv6 address has brackets.
        """
        self.connect("::1")

        self.assertEqual(self.exchange.request_line, "CONNECT [::1]:443 HTTP/1.1")

    def test_refused(self) -> None:
        """
        Any other answer means that nothing was sent to the origin.
        """
        for answer, words in (
            (b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "answers 407"),
            (b"HTTP/1.1 502 \x1b\r\n\r\n", "answers 502"),
            (b"SSH-2.0\r\n\r\n", "does not answer with HTTP"),
            (b"HTTP/1.1\r\n\r\n", "does not answer with HTTP"),
            (b"HTTP/1.1 200 " + b"x" * 20_000, "too many headers"),
            (b"", "has closed the connection"),
        ):
            connecting = self.connect()
            if answer:
                self.exchange.raw(answer)
            else:
                self.exchange.cut()

            failure = self.failureResultOf(connecting, ProxyFailed)
            self.assertIn(words, str(failure.value))
            self.assertIn("The proxy proxy.example:3128", str(failure.value))
            self.assertIsInstance(failure.value, ConnectError)
            self.assertTrue(self.exchange.lost)

    def test_cancelled(self) -> None:
        """
        Cancelling closes the connection to the proxy.
        """
        connecting = self.connect()

        connecting.cancel()

        self.failureResultOf(connecting)
        self.assertTrue(self.exchange.aborted)


class _Inner(Protocol):
    """
    Records what it receives.
    """

    received = b""
    lost = False

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self.lost = True
