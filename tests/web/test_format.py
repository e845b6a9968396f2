"""
Streams whose events tell their topics, and whose keepalives pages can see.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Answer, Served
from twisted_sse import Grant
from twisted_sse.events.codec import encode
from twisted_sse.events.event import ServerSentEvent

__all__ = ["EnvelopeTests", "HeartbeatTests", "RefusalTests"]


def published(answer: Answer) -> list[ServerSentEvent]:
    """
    The events that are about more than the stream.
    """
    return [one for one in answer.events if not (one.event or "").startswith("stream-")]


class EnvelopeTests(SynchronousTestCase):
    """
    ``?envelope=``.
    """

    def test_topic(self) -> None:
        """
        With ``topic`` the data is JSON, live and in a replay.
        """
        served = Served()
        served.publish("old")
        caller = served.call("GET", "/events?topic=news&envelope=topic&last_event_id=earliest")
        served.clock.advance(0)
        served.publish("new")
        served.clock.advance(0)
        events = published(caller.answer)

        self.assertEqual(
            [one.json() for one in events],
            [{"topics": ["news"], "data": "old"}, {"topics": ["news"], "data": "new"}],
        )

    def test_end(self) -> None:
        """
        A stream of several topics is told which of them has ended, live and in a replay.
        """
        served = Served()
        target = "/events?topic=a&topic=b&topic=c&envelope=topic"
        caller = served.call("GET", target)
        served.hub.end("a", "failed")
        served.hub.end(["b", "elsewhere"], final=ServerSentEvent("last"))
        served.hub.publish("c", "more")
        served.clock.advance(0)
        late = served.call("GET", f"{target}&last_event_id=earliest")
        served.clock.advance(0)

        for answer in (caller.answer, late.answer):
            self.assertEqual(
                [(one.event, one.json()) for one in published(answer)],
                [
                    ("topic-end", {"outcome": "failed", "topics": ["a"]}),
                    (None, {"topics": ["b"], "data": "last", "end": "done"}),
                    (None, {"topics": ["c"], "data": "more"}),
                ],
            )

    def test_type(self) -> None:
        """
        With ``type`` the data is unchanged, and the type has the topic in it.
        """
        served = Served()
        caller = served.call("GET", "/events?topic=*&envelope=type")
        served.hub.publish("news", "one")
        served.hub.publish("stocks/ACME", "two", event="price")
        served.clock.advance(0)

        self.assertEqual(
            [(one.event, one.data) for one in published(caller.answer)],
            [("message@news", "one"), ("price@stocks/ACME", "two")],
        )

    def test_form(self) -> None:
        """
        It may be in the form of ``POST /events/subscribe``.
        """
        served = Served()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        caller = served.call(
            "POST", "/events/subscribe", headers, b"topic=news&envelope=type&heartbeat=event"
        )
        served.publish("one")
        served.clock.advance(15)

        types = [one.event for one in caller.answer.events]
        self.assertEqual(types, ["stream-open", "message@news", "stream-heartbeat"])

    def test_untold(self) -> None:
        """
        Only topics are told that the reader has asked for and may read.
        """
        grants = {"ada": Grant("ada", subscribe=["a", "b"]), "bob": Grant("bob", public=True)}
        served = Served(authorize=lambda request: grants[request.getHeader("X-User") or ""])
        cases = [
            ("ada", "topic=*", [["a", "b"], ["a", "b"]]),
            ("ada", "topic=b", [["b"], ["b"]]),
            ("bob", "topic=*", [["a", "b", "c"]]),
            ("bob", "topic=c&topic=a", [["a", "c"]]),
        ]
        callers = [
            served.call("GET", f"/events?{query}&envelope=topic", {"X-User": user})
            for user, query, _ in cases
        ]
        served.hub.publish(["a", "b", "c"], "public")
        served.hub.publish(["a", "b", "c"], "private", private=True)
        served.clock.advance(0)

        for caller, (user, query, expected) in zip(callers, cases, strict=True):
            with self.subTest(user=user, query=query):
                told = [one.json()["topics"] for one in published(caller.answer)]
                self.assertEqual(told, expected)


class HeartbeatTests(SynchronousTestCase):
    """
    ``?heartbeat=event``.
    """

    def test_event(self) -> None:
        """
        An event follows every interval of silence, instead of a comment.
        """
        served = Served(keepalive=10.0)
        caller = served.call("GET", "/events?topic=news&heartbeat=event")
        plain = served.call("GET", "/events?topic=news")
        first, second = len(caller.answer.body), len(plain.answer.body)
        served.clock.advance(9.9)
        early = caller.answer.body[first:]
        served.clock.advance(0.2)

        self.assertEqual(early, b"")
        frame = encode(ServerSentEvent("{}", event="stream-heartbeat"))
        self.assertEqual(caller.answer.body[first:], frame)
        self.assertEqual(plain.answer.body[second:], b":\n\n")

    def test_told(self) -> None:
        """
        ``stream-open`` tells the interval.
        """
        for keepalive, told in ((10.0, 10), (0.5, 0.5), (None, None)):
            with self.subTest(keepalive=keepalive):
                answer = Served(keepalive=keepalive).get("/events?topic=news")
                self.assertEqual(answer.events[0].json().get("keepalive"), told)


class RefusalTests(SynchronousTestCase):
    """
    What cannot be obeyed is answered with a sentence.
    """

    def test_values(self) -> None:
        """
        Other values, and heartbeats of a hub that sends none.
        """
        cases = [
            (15.0, "envelope=json", "envelope=topic"),
            (15.0, "envelope=", "envelope=type"),
            (15.0, "heartbeat=yes", "heartbeat=event"),
            (None, "heartbeat=event", "sends no keepalives"),
        ]
        for keepalive, query, sentence in cases:
            for method in ("GET", "HEAD"):
                with self.subTest(query=query, method=method):
                    served = Served(keepalive=keepalive)
                    answer = served.call(method, f"/events?topic=a&{query}").answer
                    self.assertEqual(answer.status, 400)
                    if method == "GET":
                        self.assertIn(sentence, answer.detail)
