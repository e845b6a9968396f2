"""
Limits: the answer to a request above a limit names the limit.
"""

import contextlib
import socket
import tempfile
from http.client import HTTPConnection
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import Answer, curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.ports import free_port
from tests.support.streams import RawStream
from tests.support.waiting import PATIENCE, eventually

__all__ = [
    "AnonymousTests",
    "ConnectionLimitTests",
    "OpenFilesTests",
    "ProxyTests",
    "RateTests",
    "RequestLimitTests",
    "SendTimeoutTests",
    "SlowRequestTests",
]


class ConnectionLimitTests(SynchronousTestCase):
    """
    ``--max-connections`` and ``--max-connections-per-address``.
    """

    def fill(self, option: str) -> HubProcess:
        """
        Start a hub that allows two connections, and open both.
        """
        hub = HubProcess(option, "2")
        self.addCleanup(hub.stop)
        self.streams = [RawStream(hub.port, "/events?topic=news") for _ in range(2)]
        for stream in self.streams:
            self.addCleanup(stream.close)
            stream.named("stream-open")
        return hub

    def open_another(self, hub: HubProcess) -> Answer:
        """
        Request a third stream, which the hub refuses.
        """
        return curl("--ipv4", f"{hub.url}/events?topic=news")

    def test_connections(self) -> None:
        """
        The third stream is refused with Retry-After, and publishing still works.
        """
        hub = self.fill("--max-connections")

        answer = self.open_another(hub)

        self.assertEqual(answer.status, 503)
        self.assertGreater(int(answer.headers["retry-after"]), 0)
        self.assertEqual(answer.json()["detail"], "The limit of 2 connections is reached.")
        self.assertEqual(publish_one(hub).status, 200)

    def test_connections_per_address(self) -> None:
        """
        The third stream from an address is refused, and the answer names the limit.
        """
        hub = self.fill("--max-connections-per-address")

        answer = self.open_another(hub)

        self.assertEqual(answer.status, 429)
        self.assertGreater(int(answer.headers["retry-after"]), 0)
        self.assertIn("from one address", answer.json()["detail"])

    def test_room_again(self) -> None:
        """
        When a connection is closed, another is accepted.
        """
        hub = self.fill("--max-connections-per-address")

        self.streams[0].close()

        eventually(lambda: admits(hub), "no stream is accepted although one was closed")


class SendTimeoutTests(SynchronousTestCase):
    """
    ``--send-timeout``.
    """

    def test_cut(self) -> None:
        """
        A client that reads nothing until the timeout is disconnected, and another is accepted.
        """
        hub = HubProcess("--send-timeout", "1", "--max-connections", "1")
        self.addCleanup(hub.stop)
        reader = RawStream(hub.port, "/events?topic=news", receive_buffer=4096)
        self.addCleanup(reader.close)
        reader.named("stream-open")
        self.assertFalse(admits(hub))

        publish(hub.url, TOKEN, "news", *["x" * 100_000] * 10)
        publish(hub.url, TOKEN, "news", *["x" * 100_000] * 10)

        eventually(lambda: admits(hub), "the client that does not read is still connected")


class RequestLimitTests(SynchronousTestCase):
    """
    ``--max-topics`` and ``--max-body``.
    """

    hub: HubProcess

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share one hub with low limits.
        """
        cls.hub = HubProcess("--max-topics", "2", "--max-body", "1KiB")
        cls.addClassCleanup(cls.hub.stop)

    def post(self, size: int, *arguments: str) -> Answer:
        """
        Publish with a body of *size* bytes.
        """
        body = b"topic=news&data=".ljust(size, b"x")
        return publish_one(self.hub, *arguments, body=body)

    def test_topics(self) -> None:
        """
        A request for too many topics is refused, and the answer names the limit.
        """
        answer = curl(f"{self.hub.url}/events?topic=a&topic=b&topic=c")

        self.assertEqual(answer.status, 400)
        self.assertIn("At most 2 topics", answer.json()["detail"])

    def test_body_fits(self) -> None:
        """
        A body of the largest allowed size is accepted.
        """
        answer = self.post(1024)

        self.assertEqual(answer.status, 200)

    def test_body_too_large(self) -> None:
        """
        A body with one more byte is refused, and the answer names the limit.
        """
        answer = self.post(1025)

        self.assertEqual(answer.status, 413)
        self.assertIn("more than 1024 bytes", answer.json()["detail"])

    def test_chunked_body(self) -> None:
        """
        The limit also applies to a body without Content-Length.
        """
        chunked = ("--header", "Transfer-Encoding: chunked")

        fits, too_large = self.post(1024, *chunked), self.post(1_000_000, *chunked)

        self.assertEqual(fits.status, 200)
        self.assertEqual(too_large.status, 413)

    def test_much_too_large(self) -> None:
        """
        A huge body is refused as well, and the hub keeps working.
        """
        answer = self.post(20_000_000)

        self.assertEqual(answer.status, 413)
        self.assertEqual(self.post(100).status, 200)


class SlowRequestTests(SynchronousTestCase):
    """
    ``--head-timeout``, ``--body-timeout``, and requests that are not worth reading.
    """

    hub: HubProcess

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share one hub, which waits for a second.
        """
        cls.hub = HubProcess(
            *["--head-timeout", "1", "--body-timeout", "1", "--max-connections", "10"]
        )
        cls.addClassCleanup(cls.hub.stop)
        # The log warns that sockets are short.
        cls.addClassCleanup(cls.hub.kill)

    def connect(self, data: bytes) -> socket.socket:
        """
        Connect, and send *data*.
        """
        client = socket.create_connection(("127.0.0.1", self.hub.port), PATIENCE)
        self.addCleanup(client.close)
        client.sendall(data)
        return client

    def rest(self, client: socket.socket) -> bytes:
        """
        Read until the hub has closed its end.
        """
        return b"".join(iter(lambda: client.recv(65536), b""))

    HEAD = b"POST /events HTTP/1.1\r\nHost: a\r\n"

    def test_timeouts(self) -> None:
        """
        A request that does not arrive is answered with 408.
        """
        half = self.connect(self.HEAD)
        no_body = self.connect(self.HEAD + b"Content-Length: 9\r\n\r\nx")

        for client in (half, no_body):
            self.assertTrue(self.rest(client).startswith(b"HTTP/1.1 408 Request Timeout\r\n"))

    def test_dripping(self) -> None:
        """
        A byte now and then changes nothing.
        """
        client = self.connect(self.HEAD + b"X: ")
        client.settimeout(0.1)
        received = b""

        def drip() -> bool:
            nonlocal received
            try:
                client.sendall(b"y")
                received += client.recv(65536)
            except TimeoutError:
                return False
            return True

        eventually(drip, "the headers are still read")
        self.assertTrue(received.startswith(b"HTTP/1.1 408 "), received)

    def test_half_requests(self) -> None:
        """
        Hundreds of half requests leave room for a whole one, and few stay.
        """
        clients = [self.connect(self.HEAD) for _ in range(400)]

        self.assertEqual(curl(f"{self.hub.url}/healthz").status, 200)
        self.assertEqual(publish_one(self.hub).status, 200)
        still = 0
        for client in clients:
            client.settimeout(0)
            try:
                client.recv(1)
            except BlockingIOError:
                still += 1
            except ConnectionError:
                pass
        self.assertLessEqual(still, 60)

    def test_endless_body(self) -> None:
        """
        Without a token, an endless body is answered at once, and not read on.
        """
        client = self.connect(self.HEAD + b"Content-Length: 100000000000\r\n\r\n")
        sent = 0
        client.settimeout(0.5)
        with contextlib.suppress(TimeoutError, ConnectionError):
            while sent < 100_000_000:
                sent += client.send(bytes(65536))

        # The kernel's buffers take some of it.
        self.assertLess(sent, 20_000_000)
        self.assertTrue(client.recv(65536).startswith(b"HTTP/1.1 401 "))


class OpenFilesTests(SynchronousTestCase):
    """
    When open files run short.
    """

    def test_reserve(self) -> None:
        """
        Streams are refused, publishers and health checks are answered, and the log says so once.
        """
        hub = HubProcess(files=100)
        self.addCleanup(hub.stop)
        self.addCleanup(hub.kill)
        clients = [socket.create_connection(("127.0.0.1", hub.port), PATIENCE) for _ in range(300)]
        statuses = []
        for client in clients:
            self.addCleanup(client.close)
            with contextlib.suppress(ConnectionError):
                client.sendall(b"GET /events?topic=news HTTP/1.1\r\nHost: a\r\n\r\n")
                statuses.append(client.recv(65536)[9:12])

        self.assertEqual(set(statuses) - {b""}, {b"200", b"503"})
        self.assertGreater(statuses.count(b"200"), 40)
        for _ in range(3):
            self.assertEqual(curl(f"{hub.url}/healthz").status, 200)
            self.assertEqual(publish_one(hub).status, 200)
            # More than is kept in memory, so that a file is needed.
            body = b"topic=news&data=".ljust(200_000, b"x")
            self.assertEqual(publish_one(hub, body=body).status, 200)
        self.assertEqual(hub.log.count("sockets open"), 1)
        self.assertNotIn("EMFILE", hub.log)
        self.assertNotIn("Traceback", hub.log)


class ProxyTests(SynchronousTestCase):
    """
    ``--trusted-proxy``.
    """

    def test_headers(self) -> None:
        """
        Clients behind a trusted proxy are counted by their own addresses, whatever they write.
        """
        hub = HubProcess(
            *("--trusted-proxy", "127.0.0.1", "--trusted-proxy", "::1"),
            *("--max-connections-per-address", "1"),
        )
        self.addCleanup(hub.stop)
        found = []
        for chain in ("192.0.2.1", "9.9.9.9, 192.0.2.2", "8.8.8.8, 192.0.2.2"):
            stream = RawStream(hub.port, "/events?topic=news", f"X-Forwarded-For: {chain}")
            self.addCleanup(stream.close)
            found.append(stream.status)

        self.assertEqual(
            found, ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 429 Too Many Requests"]
        )

    def test_unix(self) -> None:
        """
        So are those behind a proxy that connects to a UNIX socket.
        """
        with tempfile.TemporaryDirectory() as home:
            path = f"{home}/socket"
            hub = HubProcess(
                *("--port", f"unix:{path}", "--trusted-proxy", "unix"),
                *("--max-connections-per-address", "1"),
            )
            self.addCleanup(hub.stop)
            found = []
            for address in ("192.0.2.1", "192.0.2.2", "192.0.2.2"):
                client = socket.socket(socket.AF_UNIX)
                self.addCleanup(client.close)
                client.settimeout(PATIENCE)
                client.connect(path)
                head = f"GET /events?topic=a HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {address}\r\n"
                client.sendall(f"{head}\r\n".encode("ascii"))
                found.append(client.recv(65536)[9:12])

        self.assertEqual(found, [b"200", b"200", b"429"])

    def test_protocol(self) -> None:
        """
        A port with the PROXY protocol, also over TLS, serves trusted proxies and nobody else.
        """
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        certificate, key = write_certificate(Path(home.name))
        plain, secured, closed = free_port(), free_port(), free_port()
        hub = HubProcess(
            *("--port", f"haproxy:tcp:{plain}:interface=127.0.0.1", "--port", f"haproxy:{secured}"),
            *("--tls-cert", str(certificate), "--tls-key", str(key)),
            *("--trusted-proxy", "127.0.0.1", "--max-connections-per-address", "1"),
            *("--port", f"haproxy:tcp:{closed}:interface=127.0.0.2"),
        )
        self.addCleanup(hub.stop)
        version_1 = "--haproxy-protocol"
        answer = curl(version_1, f"http://127.0.0.1:{plain}/healthz")
        self.assertEqual(answer.status, 200)
        answer = curl(version_1, "--insecure", f"https://127.0.0.1:{secured}/healthz")
        self.assertEqual(answer.status, 200)

        found = []
        for number in (1, 2, 2):
            addresses = bytes([192, 0, 2, number, 127, 0, 0, 1]) + bytes(4)
            client = socket.create_connection(("127.0.0.1", plain), PATIENCE)
            self.addCleanup(client.close)
            client.sendall(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + addresses)
            client.sendall(b"GET /events?topic=news HTTP/1.1\r\nHost: a\r\n\r\n")
            found.append(client.recv(65536)[9:12])
        self.assertEqual(found, [b"200", b"200", b"429"])

        # Not trusted, and not a header.  The reset may come before connect() returns.
        for port, address, sent in (
            (closed, ("127.0.0.3", 0), b""),
            (plain, ("127.0.0.1", 0), b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
        ):
            server = "127.0.0.2" if port == closed else "127.0.0.1"
            with contextlib.suppress(ConnectionError):
                client = socket.create_connection((server, port), PATIENCE, address)
                self.addCleanup(client.close)
                client.sendall(sent)
                self.assertEqual(client.recv(65536), b"")


class RateTests(SynchronousTestCase):
    """
    ``--max-publish-rate``, ``--max-accepts`` and ``--handshake-timeout``.
    """

    def test_publish_rate(self) -> None:
        """
        A token that publishes too fast gets 429 with Retry-After, and the answer names the limit.
        """
        hub = HubProcess("--max-publish-rate", "1")
        self.addCleanup(hub.stop)
        connection = HTTPConnection("localhost", hub.port, timeout=PATIENCE)
        self.addCleanup(connection.close)
        headers = {
            "Authorization": f"Bearer {TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        statuses, detail, wait = [], "", None
        while 429 not in statuses and len(statuses) < 500:
            connection.request("POST", "/events", "topic=news&data=x", headers)
            answer = connection.getresponse()
            detail, wait = answer.read().decode(), answer.headers["Retry-After"]
            statuses.append(answer.status)

        self.assertEqual(set(statuses), {200, 429})
        self.assertEqual(wait, "1")
        self.assertIn("1 publications per second", detail)

    def test_accepts(self) -> None:
        """
        Newcomers above the rate wait, and all are served.
        """
        hub = HubProcess("--max-accepts", "20", "--max-accepts-per-address", "none")
        self.addCleanup(hub.stop)
        clients = [socket.create_connection(("127.0.0.1", hub.port), PATIENCE) for _ in range(40)]
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")

        self.assertEqual({client.recv(65536)[9:12] for client in clients}, {b"200"})
        self.assertIn("The limit accepts has refused", hub.log)

    def test_accepts_of_one_address(self) -> None:
        """
        An address above its rate is closed, and another one is served.
        """
        hub = HubProcess("--max-accepts-per-address", "1")
        self.addCleanup(hub.stop)
        closed = 0
        for _ in range(20):
            # The reset may come before connect() returns.
            source = ("127.0.0.9", 0)
            try:
                with socket.create_connection(("127.0.0.1", hub.port), PATIENCE, source) as client:
                    client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                    closed += client.recv(65536) == b""
            except ConnectionError:
                closed += 1

        self.assertGreater(closed, 5)
        client = socket.create_connection(("127.0.0.1", hub.port), PATIENCE, ("127.0.0.8", 0))
        self.addCleanup(client.close)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        self.assertEqual(client.recv(65536)[9:12], b"200")

    def test_handshake_timeout(self) -> None:
        """
        A client that does not finish its TLS handshake is disconnected, and others are served.
        """
        home = tempfile.TemporaryDirectory()
        self.addCleanup(home.cleanup)
        certificate, key = write_certificate(Path(home.name))
        hub = HubProcess(
            *("--tls-cert", str(certificate), "--tls-key", str(key), "--handshake-timeout", "1")
        )
        self.addCleanup(hub.stop)
        stream = RawStream(hub.port, "/events?topic=news", tls=True)
        self.addCleanup(stream.close)
        silent = socket.create_connection(("127.0.0.1", hub.port), PATIENCE)
        half = socket.create_connection(("127.0.0.1", hub.port), PATIENCE)
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        for client in (silent, half):
            self.addCleanup(client.close)
            with contextlib.suppress(ConnectionError):
                self.assertEqual(client.recv(65536), b"")

        publish_one(hub, "--insecure")
        self.assertEqual(stream.data(1), ["x"])


class AnonymousTests(SynchronousTestCase):
    """
    ``--anonymous no``.
    """

    def test_token_needed(self) -> None:
        """
        Subscribing without a token is refused, and works with one.
        """
        hub = HubProcess("--anonymous", "no")
        self.addCleanup(hub.stop)

        refused = curl(f"{hub.url}/events?topic=news")
        stream = RawStream(hub.port, "/events?topic=news", f"Authorization: Bearer {TOKEN}")
        self.addCleanup(stream.close)

        self.assertEqual(refused.status, 401)
        self.assertEqual(refused.headers["www-authenticate"], "Bearer")
        self.assertEqual(stream.status, "HTTP/1.1 200 OK")


def admits(hub: HubProcess) -> bool:
    """
    Return whether the hub accepts another stream.
    """
    stream = RawStream(hub.port, "/events?topic=news")
    stream.close()
    return stream.status == "HTTP/1.1 200 OK"


def publish_one(hub: HubProcess, *arguments: str, body: bytes = b"topic=news&data=x") -> Answer:
    """
    Publish a form.
    """
    bearer = ("--header", f"Authorization: Bearer {TOKEN}")
    return curl(f"{hub.url}/events", *bearer, *arguments, "--data-binary", "@-", body=body)
