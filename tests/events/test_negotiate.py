"""
The Accept header.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Served
from twisted_sse.events.media import accepts

STREAM = "text/event-stream"


class AcceptsTests(SynchronousTestCase):
    """
    RFC 9110, 12.5.1.
    """

    LET_THROUGH = [
        "",
        "  ",
        "text/event-stream",
        "Text/Event-Stream",
        "text/*",
        "*/*",
        "text/html, text/event-stream",
        "text/html,*/*;q=0.1",
        "text/event-stream;q=0.001",
        "text/event-stream ; q=1",
        "text/event-stream; charset=utf-8",
        "text/event-stream; charset=utf-8; q=0.5",
        # The most specific range decides.
        "*/*;q=0, text/*",
        "text/*;q=0, text/event-stream",
        "*/*;q=0, text/event-stream;q=0.1",
        # The better of two.
        "text/event-stream;q=0, text/event-stream;q=1",
        "text/event-stream;q=high",
        ", text/event-stream,",
    ]

    SHUT_OUT = [
        "text/html",
        "application/*",
        "application/json, text/html;q=0.9",
        "text/event-stream;q=0",
        "text/event-stream; q=0.000",
        "text/event-stream;Q=0",
        "text/*;q=0",
        "*/*;q=0",
        "text/event-stream;q=0, text/*",
        "text/event-stream;q=0, */*",
        "text/*;q=0, */*;q=1",
        "text/event-stream;q=nan",
        "text/event",
        "*/event-stream",
        "nonsense",
    ]

    def test_let_through(self) -> None:
        """
        A range that matches lets an event stream through, unless its quality is 0.
        """
        for header in self.LET_THROUGH:
            with self.subTest(header=header):
                self.assertTrue(accepts(header, STREAM))

    def test_shut_out(self) -> None:
        """
        What no range matches, or the most specific one refuses, is not acceptable.
        """
        for header in self.SHUT_OUT:
            with self.subTest(header=header):
                self.assertFalse(accepts(header, STREAM))


class AcceptedStreamTests(SynchronousTestCase):
    """
    The same over HTTP.
    """

    def test_absent(self) -> None:
        """
        Who says nothing gets the stream.
        """
        answer = Served().get("/events?topic=news")

        self.assertEqual(answer.status, 200)

    def test_excluded(self) -> None:
        """
        406 says what could be accepted, and nobody is registered.
        """
        served = Served()
        answer = served.get("/events?topic=news", {"Accept": "text/event-stream;q=0, */*"})

        self.assertEqual(answer.status, 406)
        self.assertIn("text/event-stream", answer.detail)
        self.assertEqual(len(served.hub.connections), 0)

    def test_head(self) -> None:
        """
        HEAD is refused as GET would be.
        """
        answer = Served().call("HEAD", "/events?topic=news", {"Accept": "text/html"}).answer

        self.assertEqual(answer.status, 406)

    def test_two_lines(self) -> None:
        """
        RFC 9110, 5.3: several lines of one header are one list.
        """
        lines = [("Accept", "text/event-stream"), ("Accept", "text/html")]
        answer = Served().get("/events?topic=news", lines)

        self.assertEqual(answer.status, 200)
