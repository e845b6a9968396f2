"""
A trace, from the request that publishes to the streams that ask for it.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Caller, Served
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.auth import BearerTokens

__all__ = ["TraceTests"]

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class TraceTests(SynchronousTestCase):
    """
    ``traceparent`` and ``?trace=yes``.
    """

    def setUp(self) -> None:
        """
        A hub with a short window.
        """
        self.served = Served(authorize=BearerTokens("secret"), window_events=1)

    def publish(self, body: bytes, trace: str = TRACE) -> None:
        """
        Publish in a trace.
        """
        headers = {
            "Authorization": "Bearer secret",
            "Content-Type": "application/json",
            "traceparent": trace,
        }
        answer = self.served.call("POST", "/events", headers, body).answer
        self.assertEqual(answer.status, 200, answer.body)

    def events(self, caller: Caller) -> list[ServerSentEvent]:
        """
        Return the published events that *caller* has received.
        """
        self.served.clock.advance(0)
        return [one for one in caller.answer.events if one.data and one.event is None]

    def test_asked(self) -> None:
        """
        Live or replayed, from the window or from history, each event has its trace.
        """
        live = self.served.call("GET", "/events?topic=a&trace=yes")
        self.publish(b'[{"topic": "a", "data": "1"}, {"topic": "a", "data": "2"}]')
        target = "/events?topic=a&trace=yes&last_event_id=earliest"
        replayed = self.served.call("GET", target)

        for caller in (live, replayed):
            comments = [event.comment for event in self.events(caller)]
            self.assertEqual(comments, [f"traceparent {TRACE}"] * 2)

    def test_envelope(self) -> None:
        """
        A page that asks for envelopes finds it there.
        """
        caller = self.served.call("GET", "/events?topic=a&trace=yes&envelope=topic")
        self.publish(b'{"topic": "a", "data": "1"}')

        (event,) = self.events(caller)
        self.assertEqual(event.json(), {"topics": ["a"], "data": "1", "traceparent": TRACE})

    def test_not_asked(self) -> None:
        """
        Nobody else is told.
        """
        caller = self.served.call("GET", "/events?topic=a")
        self.publish(b'{"topic": "a", "data": "1"}')

        self.assertEqual([event.data for event in self.events(caller)], ["1"])
        self.assertNotIn(b"traceparent", caller.answer.body)

    def test_invalid(self) -> None:
        """
        What is no trace is left out, and refuses nothing.
        """
        caller = self.served.call("GET", "/events?topic=a&trace=yes")
        self.publish(b'{"topic": "a", "data": "1"}', "00-0-0-00")

        (event,) = self.events(caller)
        self.assertIsNone(event.comment)

    def test_refused(self) -> None:
        """
        Another value of the parameter is refused.
        """
        answer = self.served.get("/events?topic=a&trace=maybe")

        self.assertEqual(answer.status, 400)
        self.assertIn("Write trace=yes", answer.detail)
