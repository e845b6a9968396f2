"""
Limits: the answer to a request above a limit names the limit.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import Answer, curl, publish
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.streams import RawStream
from tests.support.waiting import eventually

__all__ = ["AnonymousTests", "ConnectionLimitTests", "RequestLimitTests", "SendTimeoutTests"]


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
        self.assertIn("At most 1024 bytes", answer.json()["detail"])

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
