"""
Publishing with curl, in every supported format.
"""

import json

from twisted.trial.unittest import SynchronousTestCase

from tests.support.curl import Answer, curl
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.streams import RawStream

__all__ = ["PublishingTests"]


class PublishingTests(SynchronousTestCase):
    """
    ``POST /events``, with a subscriber to all topics.
    """

    hub: HubProcess

    @classmethod
    def setUpClass(cls) -> None:
        """
        Share one hub.
        """
        cls.hub = HubProcess()
        cls.addClassCleanup(cls.hub.stop)

    def setUp(self) -> None:
        """
        Subscribe to all topics.
        """
        self.stream = RawStream(self.hub.port, "/events?topic=*")
        self.addCleanup(self.stream.close)
        self.stream.named("stream-open")

    def post(self, *arguments: str, token: str | None = TOKEN, body: bytes = b"") -> Answer:
        """
        Publish with curl.
        """
        bearer = () if token is None else ("--header", f"Authorization: Bearer {token}")
        return curl(f"{self.hub.url}/events", *bearer, *arguments, body=body)

    def post_json(self, value: object) -> Answer:
        """
        Publish *value* as JSON.
        """
        header = ("--header", "Content-Type: application/json")
        return self.post(*header, "--data", json.dumps(value))

    def test_form(self) -> None:
        """
        A form publishes one event, and the answer is its ID.
        """
        answer = self.post("-d", "topic=a", "-d", "data=hello world", "-d", "type=greeting")

        event = self.stream.next()
        self.assertEqual((event.event, event.data), ("greeting", "hello world"))
        self.assertEqual((answer.status, answer.body), (200, event.id))
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")

    def test_form_fields(self) -> None:
        """
        A form may contain an event ID and a reconnection time.
        """
        answer = self.post("-d", "topic=a", "-d", "data=x", "-d", "id=mine-1", "-d", "retry=77")

        event = self.stream.next()
        self.assertEqual((event.id, event.retry), ("mine-1", 77))
        self.assertEqual(answer.body, "mine-1")

    def test_text_survives(self) -> None:
        """
        Several lines, and characters that `str.splitlines` splits at, arrive unchanged.
        """
        text = "first\nsecond\u2028still second\n\nfourth é 🙂"

        self.post("--data-urlencode", f"data={text}", "-d", "topic=a")

        self.assertEqual(self.stream.next().data, text)

    def test_json(self) -> None:
        """
        A JSON object publishes one event, and the answer is its receipt.
        """
        answer = self.post_json({"topic": ["a", "b"], "data": {"n": 1}, "event": "number"})

        event = self.stream.next()
        self.assertEqual((event.event, event.json()), ("number", {"n": 1}))
        self.assertEqual(answer.json(), {"id": event.id, "subscribers": 1})

    def test_array(self) -> None:
        """
        A JSON array publishes several events in order, and each has a receipt.
        """
        answer = self.post_json([{"topic": "a", "data": "1"}, {"topic": "b", "data": "2"}])

        events = [self.stream.next(), self.stream.next()]
        self.assertEqual([event.data for event in events], ["1", "2"])
        self.assertEqual(answer.json(), [{"id": event.id, "subscribers": 1} for event in events])

    def test_ndjson(self) -> None:
        """
        So do lines of JSON; empty lines are ignored.
        """
        body = b'{"topic": "a", "data": "1"}\n\n{"topic": "a", "data": "2"}\n'

        answer = self.post(
            *("--header", "Content-Type: application/x-ndjson"), "--data-binary", "@-", body=body
        )

        self.assertEqual(self.stream.data(2), ["1", "2"])
        self.assertEqual(len(answer.json()), 2)

    def test_all_or_nothing(self) -> None:
        """
        A batch with one invalid entry is refused whole, and the answer names the entry.
        """
        answer = self.post_json([{"topic": "a", "data": "lost"}, {"data": "no topic"}])
        self.post("-d", "topic=a", "-d", "data=next")

        self.assertEqual(answer.status, 400)
        self.assertIn("Entry 2", answer.json()["detail"])
        self.assertEqual(self.stream.data(1), ["next"])

    def test_repeat(self) -> None:
        """
        A request with a key is published once, however often it is sent.
        """
        key = ("--header", "Idempotency-Key: 8e03978e-40d5-43dd-bc93-6894a57f9324")
        answers = [self.post(*key, "-d", "topic=a", "-d", "data=once") for _ in range(3)]
        other = self.post(*key, "-d", "topic=a", "-d", "data=other")
        self.post("-d", "topic=a", "-d", "data=next")

        self.assertEqual(len({answer.body for answer in answers}), 1)
        self.assertEqual((other.status, other.headers["publication-kept"]), (422, "no"))
        self.assertEqual(self.stream.data(2), ["once", "next"])

    def test_no_token(self) -> None:
        """
        A request without a token is refused, and the answer says how to send one.
        """
        answer = self.post("-d", "topic=a", "-d", "data=x", token=None)

        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.headers["www-authenticate"], "Bearer")
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertIn("Authorization: Bearer TOKEN", answer.json()["detail"])

    def test_wrong_token(self) -> None:
        """
        A request with an unknown token is refused.
        """
        answer = self.post("-d", "topic=a", "-d", "data=x", token="wrong")

        self.assertEqual(answer.status, 401)
        self.assertEqual(answer.headers["www-authenticate"], 'Bearer error="invalid_token"')
        self.assertEqual(answer.json()["status"], 401)

    def test_media_type(self) -> None:
        """
        An unsupported media type is refused, and the answer lists the supported ones.
        """
        answer = self.post("--header", "Content-Type: text/xml", "-d", "<event/>")

        self.assertEqual(answer.status, 415)
        self.assertIn("application/json", answer.headers["accept"])

    def test_not_json(self) -> None:
        """
        Invalid JSON is refused, and the answer says so.
        """
        answer = self.post("--header", "Content-Type: application/json", "-d", "{")

        self.assertEqual(answer.status, 400)
        self.assertIn("not JSON", answer.json()["detail"])

    def test_private(self) -> None:
        """
        A private event reaches only subscribers with a token.
        """
        reader = RawStream(self.hub.port, "/events?topic=secret", f"Authorization: Bearer {TOKEN}")
        self.addCleanup(reader.close)
        reader.named("stream-open")

        answer = self.post_json({"topic": "secret", "data": "psst", "private": True})
        self.post("-d", "topic=a", "-d", "data=public")

        self.assertEqual(answer.json()["subscribers"], 1)
        self.assertEqual(reader.data(1), ["psst"])
        self.assertEqual(self.stream.data(1), ["public"])
