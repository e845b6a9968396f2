"""
Subscribing with curl: what arrives, and when.
"""

import pytest
from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import CurlStream, curl, publish
from tests.support.hub_process import TOKEN, HubProcess

__all__ = ["SubscribingTests"]


class SubscribingTests(SynchronousTestCase):
    """
    ``curl -N 'localhost:8080/events?topic=news'``.
    """

    hub: HubProcess

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share one hub with a short keepalive.
        """
        cls.hub = HubProcess("--keepalive", "1", "--retry", "1234")
        cls.addClassCleanup(cls.hub.stop)

    def subscribe(self, query: str) -> CurlStream:
        """
        Open a stream until the test ends.
        """
        stream = CurlStream(f"{self.hub.url}/events?{query}")
        self.addCleanup(stream.close)
        return stream

    @pytest.mark.alone
    def test_begins_at_once(self) -> None:
        """
        Status line, headers, reconnection time and stream-open do not wait for an event.
        """
        stream = self.subscribe("topic=begin")

        seconds = stream.wait_for('data: {"resumed":false')

        self.assertLess(seconds, 1.0)
        head, _, body = stream.output().partition("\n\n")
        self.assertEqual(head.splitlines()[0], "HTTP/1.1 200 OK")
        self.assertIn("Content-Type: text/event-stream", head)
        self.assertTrue(body.startswith("event: stream-open\nretry: 1234\nid: "))

    def test_headers(self) -> None:
        """
        The headers tell proxies not to store, change or buffer the stream; there is no
        Connection header.
        """
        stream = self.subscribe("topic=headers")

        stream.wait_for("stream-open")

        head = stream.output().partition("\n\n")[0].splitlines()
        for line in ["Cache-Control: no-store, no-transform", "X-Accel-Buffering: no"]:
            self.assertIn(line, head)
        self.assertIn("Vary: Origin", head)
        self.assertFalse([line for line in head if line.lower().startswith("connection:")])

    @pytest.mark.alone
    def test_event_comes_soon(self) -> None:
        """
        An event arrives soon after its publication.
        """
        stream = self.subscribe("topic=soon")
        before = stream.wait_for("stream-open")

        publish(self.hub.url, TOKEN, "soon", "hello")
        after = stream.wait_for("data: hello\n\n")

        self.assertLess(after - before, 2.0)

    @pytest.mark.alone
    def test_keepalive(self) -> None:
        """
        A comment follows each interval of silence.
        """
        stream = self.subscribe("topic=silence")
        begun = stream.wait_for("stream-open")

        first = stream.wait_for("\n:\n\n")
        second = stream.wait_for("\n:\n\n", 2)

        self.assertGreater(first - begun, 0.5)
        self.assertLess(second - begun, 4.0)

    def test_several_topics(self) -> None:
        """
        Events of each requested topic arrive, each once, and no others.
        """
        stream = self.subscribe("topic=one&topic=two")
        stream.wait_for("stream-open")

        publish(self.hub.url, TOKEN, "one", "first")
        publish(self.hub.url, TOKEN, "three", "elsewhere")
        publish(self.hub.url, TOKEN, "two", "last")
        stream.wait_for("data: last\n\n")

        self.assertEqual(stream.output().count("data: first\n"), 1)
        self.assertNotIn("elsewhere", stream.output())

    def test_mercure(self) -> None:
        """
        At the path that Mercure's clients use, a stream begins without an event.
        """
        stream = CurlStream(f"{self.hub.url}/.well-known/mercure?topic=quiet")
        self.addCleanup(stream.close)

        stream.wait_for("\nid: ")

        self.assertNotIn("stream-open", stream.output())

    def test_head(self) -> None:
        """
        HEAD is answered with the headers, and ends.
        """
        answer = curl("--head", f"{self.hub.url}/events?topic=news")

        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["content-type"], "text/event-stream")

    def test_no_topic(self) -> None:
        """
        A request without a topic is told what to add.
        """
        answer = curl(f"{self.hub.url}/events")

        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertIn("?topic=NAME", answer.json()["detail"])

    def test_by_form(self) -> None:
        """
        A list of topics that is too long for a URL may be in the body.
        """
        topics = [f"{number:0180}" for number in range(100)]
        form = "&".join(f"topic={topic}" for topic in topics)
        for arguments in (("--request", "QUERY", "/events"), ("/events/subscribe",)):
            with self.subTest(arguments=arguments):
                url = f"{self.hub.url}{arguments[-1]}"
                stream = CurlStream(*arguments[:-1], "--data", form, url)
                self.addCleanup(stream.close)
                stream.wait_for("event: stream-open")
                publish(self.hub.url, TOKEN, topics[-1], f"by {arguments[0]}")

                stream.wait_for(f"data: by {arguments[0]}")

    def test_not_accepted(self) -> None:
        """
        A client that does not accept event streams is refused with 406.
        """
        answer = curl("--header", "Accept: text/html", f"{self.hub.url}/events?topic=news")

        self.assertEqual(answer.status, 406)

    def test_method(self) -> None:
        """
        Other methods are refused, and the answer lists those that are allowed.
        """
        answer = curl("--request", "DELETE", f"{self.hub.url}/events?topic=news")

        self.assertEqual(answer.status, 405)
        self.assertEqual(answer.headers["allow"], "GET, HEAD, POST, QUERY, OPTIONS")

    def test_health(self) -> None:
        """
        A running hub answers health checks with 200.
        """
        answers = [curl(f"{self.hub.url}/{path}") for path in ("healthz", "readyz")]

        self.assertEqual([answer.status for answer in answers], [200, 200])
