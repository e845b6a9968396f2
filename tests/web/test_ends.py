"""
Ends of topics over HTTP: how publishers end them, and what subscribers are answered.
"""

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer, H2Caller, Served
from twisted_sse.broker.connections.grant import Grant

__all__ = ["PublishTests", "SubscribeTests"]

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"

TARGET = "/events?topic=a"


class EndCase(SynchronousTestCase):
    """
    A hub that everybody may publish to.
    """

    def setUp(self) -> None:
        """
        Make it.
        """
        everything = Grant("ada", publish=["*"], public=True)
        self.served = Served(authorize=lambda request: everything)

    def post(self, value: Any) -> Answer:
        """
        Publish JSON.
        """
        return self.served.post(JSON, json.dumps(value).encode())


class PublishTests(EndCase):
    """
    ``POST`` with ``end``.
    """

    def test_form(self) -> None:
        """
        A form ends a topic, and is answered with the ID of the end.
        """
        reader = self.served.call("GET", TARGET)
        answer = self.served.post(FORM, b"topic=a&end=failed")
        self.served.clock.advance(0)

        self.assertEqual(answer.status, 200)
        last = reader.answer.events[-1]
        self.assertEqual(last.event, "topic-end")
        self.assertEqual(last.json(), {"outcome": "failed"})
        self.assertEqual(last.id, answer.body.decode())
        self.assertTrue(reader.answer.ended)

    def test_batch(self) -> None:
        """
        An array may hold the last events and the end.
        """
        reader = self.served.call("GET", TARGET)
        answer = self.post(
            [{"topic": "a", "data": 1}, {"topic": "a", "data": "bye", "event": "t", "end": "done"}]
        )
        self.served.clock.advance(0)

        self.assertEqual([one["subscribers"] for one in answer.json], [1, 1])
        self.assertEqual([one.data for one in reader.answer.events[-2:]], ["1", "bye"])
        self.assertTrue(reader.answer.ended)

    def test_refused(self) -> None:
        """
        After that, publications and ends are answered with 409, and nothing of them is kept.
        """
        self.served.post(FORM, b"topic=a&topic=b&end=done")
        for value in (
            {"topic": "a", "data": "x"},
            {"topic": ["c", "b"], "data": "x"},
            [{"topic": "c"}, {"topic": "a"}],
            {"topic": "a", "end": "done"},
        ):
            with self.subTest(value=value):
                answer = self.post(value)

                self.assertEqual(answer.status, 409)
                self.assertEqual(answer.header("Content-Type"), "application/problem+json")
                self.assertLessEqual(set(answer.json["ended"]), {"a", "b"})
                self.assertEqual(answer.json["kept"], "no")
                self.assertIn("has ended", answer.detail)
        self.assertEqual(len(self.served.hub.history.tail(9).kept), 1)

    def test_repeat(self) -> None:
        """
        An end that is repeated with its key is answered as before.
        """
        headers = {"Content-Type": FORM, "Idempotency-Key": "k"}
        answers = [
            self.served.call("POST", "/events", headers, b"topic=a&end=done").answer
            for _ in range(2)
        ]

        self.assertEqual([one.status for one in answers], [200, 200])
        self.assertEqual(answers[0].body, answers[1].body)

    def test_many_topics(self) -> None:
        """
        The answer names as many ended topics as a client reads.
        """
        topics = [str(number) + "x" * 2000 for number in range(50)]
        self.post({"topic": topics, "end": "done"})
        answer = self.post({"topic": topics, "data": "x"})

        self.assertEqual(answer.status, 409)
        self.assertLess(len(answer.body), 16 * 1024)
        self.assertLessEqual(set(answer.json["ended"]), set(topics))
        self.assertTrue(answer.json["ended"])

    def test_grant(self) -> None:
        """
        Only who may publish to a topic may end it.
        """
        served = Served(authorize=lambda request: Grant("ada", publish=["b"], public=True))
        answer = served.post(FORM, b"topic=a&end=done")

        self.assertEqual(answer.status, 403)


class SubscribeTests(EndCase):
    """
    ``GET`` after the end.
    """

    def setUp(self) -> None:
        """
        Publish, and end the topic.
        """
        super().setUp()
        (self.first,) = self.served.publish("x", topic="a")
        self.last = self.served.post(FORM, b"topic=a&end=done").body.decode()

    def test_nothing_follows(self) -> None:
        """
        With the ID of the end, or none, the answer is 204, in HTTP/1.1 and HTTP/2.
        """
        for headers in ({}, {"Last-Event-ID": self.last}):
            answer = self.served.get(TARGET, headers)
            caller = H2Caller(self.served.site, self.served.clock)
            stream = caller.ask("GET", TARGET, headers)

            self.assertEqual(answer.status, 204)
            self.assertEqual(answer.body, b"")
            self.assertIsNone(answer.header("Content-Type"))
            self.assertEqual(caller.answer(stream).status, 204)
        self.assertEqual(len(self.served.hub.connections), 0)

    def test_rest(self) -> None:
        """
        With an earlier ID, the rest follows, and the stream ends with its last chunk, or
        END_STREAM.
        """
        answer = self.served.get(TARGET, {"Last-Event-ID": self.first})
        caller = H2Caller(self.served.site, self.served.clock)
        stream = caller.ask("GET", f"{TARGET}&last_event_id={self.first}")

        for one in (answer, caller.answer(stream)):
            self.assertEqual(one.status, 200)
            self.assertEqual(one.events[-1].id, self.last)
            self.assertTrue(one.ended)

    def test_head(self) -> None:
        """
        ``HEAD`` tells nothing of the end.
        """
        self.assertEqual(self.served.call("HEAD", TARGET).answer.status, 200)

    def test_mercure(self) -> None:
        """
        Mercure's path answers alike.
        """
        headers = {"Last-Event-ID": self.last}
        answer = self.served.get("/.well-known/mercure?topic=a", headers)

        self.assertEqual(answer.status, 204)

    def test_other_topic(self) -> None:
        """
        A topic that has not ended is answered with its stream.
        """
        answer = self.served.get(f"{TARGET}&topic=b")

        self.assertEqual(answer.status, 200)
        self.assertFalse(answer.ended)
