"""
The same stream over every version of HTTP, with and without TLS.
"""

import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.certificates import write_certificate
from tests.support.curl import CurlStream, curl, publish, subscribers
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.processes import Background, find_program
from tests.support.streams import RawStream
from tests.support.waiting import eventually
from tests.transport.http2.hub import secure_hub

__all__ = ["PlainTests", "TLSTests"]


class PlainTests(SynchronousTestCase):
    """
    HTTP/1.1 and HTTP/1.0 without TLS.
    """

    def setUp(self) -> None:
        """
        Start a hub that a test may stop.
        """
        self.hub = HubProcess()
        self.addCleanup(self.hub.stop)

    def subscribe(self, version: str, *headers: str) -> RawStream:
        """
        Read a stream and publish two events to it, one after the other.
        """
        stream = RawStream(self.hub.port, "/events?topic=news", *headers, version=version)
        self.addCleanup(stream.close)
        stream.named("stream-open")
        for message in ["one", "two"]:
            publish(self.hub.url, TOKEN, "news", message)
            self.assertEqual(stream.data(1), [message])
        return stream

    def test_http_1_1(self) -> None:
        """
        Over HTTP/1.1 the stream is chunked as the standard says, and ends with the last chunk.
        """
        stream = self.subscribe("1.1")

        self.hub.stop()
        stream.rest()

        self.assertEqual(stream.status, "HTTP/1.1 200 OK")
        self.assertEqual(stream.headers["transfer-encoding"], "chunked")
        self.assertNotIn("content-length", stream.headers)
        self.assertTrue(stream.complete)

    def test_http_1_0(self) -> None:
        """
        Over HTTP/1.0 the stream is not chunked, and ends with the connection.
        """
        stream = self.subscribe("1.0")

        self.hub.stop()
        stream.rest()

        self.assertNotIn("transfer-encoding", stream.headers)
        self.assertRegex(
            stream.body,
            rb"\Aevent: stream-open\nretry: 3000\nid: \S+\ndata: .*\n\n"
            rb"id: \S+\ndata: one\n\nid: \S+\ndata: two\n\nretry: \d+\n\n\Z",
        )

    def test_http_1_0_with_curl(self) -> None:
        """
        curl reads a stream over HTTP/1.0.
        """
        stream = CurlStream("--http1.0", f"{self.hub.url}/events?topic=news")
        self.addCleanup(stream.close)
        stream.wait_for("stream-open")

        publish(self.hub.url, TOKEN, "news", "hello")

        stream.wait_for("data: hello\n\n")


class TLSTests(SynchronousTestCase):
    """
    ``--tls-cert`` and ``--tls-key``.
    """

    hub: HubProcess
    certificate: str

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share one hub with a certificate.
        """
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        certificate, key = map(str, write_certificate(Path(directory.name)))
        cls.certificate = certificate
        cls.hub = HubProcess("--tls-cert", certificate, "--tls-key", key)
        cls.addClassCleanup(cls.hub.stop)

    def stream_with_curl(self, *options: str) -> str:
        """
        Read a stream until an event arrives.

        Returns:
            The status line.
        """
        stream = CurlStream(*options, f"{self.hub.url}/events?topic=news")
        self.addCleanup(stream.close)
        stream.wait_for("stream-open")
        publish(self.hub.url, TOKEN, "news", "hello")
        stream.wait_for("data: hello\n\n")
        return stream.output().splitlines()[0].strip()

    def test_http_2(self) -> None:
        """
        A client that offers HTTP/2 in ALPN is served with HTTP/2.
        """
        status = self.stream_with_curl("--http2", "--insecure")

        self.assertEqual(status, "HTTP/2 200")

    def test_http_1_1(self) -> None:
        """
        A client that does not offer HTTP/2 is served with HTTP/1.1.
        """
        status = self.stream_with_curl("--http1.1", "--insecure")

        self.assertEqual(status, "HTTP/1.1 200 OK")

    def test_verified(self) -> None:
        """
        A client that trusts the certificate can verify the server.
        """
        answer = curl("--cacert", self.certificate, f"{self.hub.url}/healthz")

        self.assertEqual((answer.status, answer.version), (200, "2"))

    def test_nghttp(self) -> None:
        """
        nghttp reads a stream until the hub stops properly.
        """
        program = find_program("nghttp", "nghttp2-client")
        with secure_hub() as hub:
            stream = Background([program, f"{hub.url}/events?topic=nghttp"])
            self.addCleanup(stream.end)
            eventually(lambda: subscribers(hub.url, TOKEN, "nghttp") == 1, "it has not connected")
            publish(hub.url, TOKEN, "nghttp", "hello")
        stream.wait()

        self.assertRegex(stream.output(), r"stream-open(.*\n)*data: hello\n\nretry: \d+\n\n\Z")

    def test_h2load(self) -> None:
        """
        h2load reads twenty streams over two connections until the hub stops properly.
        """
        program = find_program("h2load", "nghttp2-client")
        with secure_hub() as hub:
            url = f"{hub.url}/events?topic=h2load"
            load = Background([program, "-n", "20", "-c", "2", "-m", "10", url])
            self.addCleanup(load.end)
            eventually(lambda: subscribers(hub.url, TOKEN, "h2load") == 20, "some are missing")
        load.wait()

        self.assertIn("20 succeeded, 0 failed, 0 errored", load.output())

    def test_chunks(self) -> None:
        """
        HTTP/1.1 over TLS is chunked too.
        """
        stream = RawStream(self.hub.port, "/events?topic=chunks", tls=True)
        self.addCleanup(stream.close)
        stream.named("stream-open")

        publish(self.hub.url, TOKEN, "chunks", "a", "b", "c")

        self.assertEqual(stream.data(3), ["a", "b", "c"])
        self.assertEqual(stream.headers["transfer-encoding"], "chunked")
