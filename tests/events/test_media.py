"""
Media types in the Content-Type and Accept headers.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.http import Served
from twisted_sse.events.media import EVENT_STREAM, accepts, media_type

__all__ = ["AcceptedStreamTests", "AcceptsTests", "MediaTypeTests"]


class MediaTypeTests(SynchronousTestCase):
    """
    The media type of a Content-Type header.
    """

    CASES = [
        (None, ""),
        ("", ""),
        ("application/json", "application/json"),
        ("Application/JSON", "application/json"),
        ("application/json; charset=utf-8", "application/json"),
        ("  application/json ;charset=utf-8", "application/json"),
        (";", ""),
    ]

    def test_media_type(self) -> None:
        """
        Case and parameters are ignored.
        """
        for header, expected in self.CASES:
            with self.subTest(header=header):
                self.assertEqual(media_type(header), expected)


class AcceptsTests(SynchronousTestCase):
    """
    Which Accept headers allow event streams: RFC 9110, 12.5.1.
    """

    ALLOWED = [
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
        # The higher quality of two equal ranges.
        "text/event-stream;q=0, text/event-stream;q=1",
        "text/event-stream;q=high",
        ", text/event-stream,",
    ]

    REFUSED = [
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

    def test_allowed(self) -> None:
        """
        A range that matches allows an event stream, unless its quality is 0.
        """
        for header in self.ALLOWED:
            with self.subTest(header=header):
                self.assertTrue(accepts(header, EVENT_STREAM))

    def test_refused(self) -> None:
        """
        A media type is refused if no range matches it, or if the most specific one has quality 0.
        """
        for header in self.REFUSED:
            with self.subTest(header=header):
                self.assertFalse(accepts(header, EVENT_STREAM))


class AcceptedStreamTests(SynchronousTestCase):
    """
    The Accept header of requests for a stream.
    """

    def test_absent(self) -> None:
        """
        Without the header, the stream is sent.
        """
        answer = Served().get("/events?topic=news")

        self.assertEqual(answer.status, 200)

    def test_excluded(self) -> None:
        """
        The answer 406 names the type that could be accepted, and no connection is opened.
        """
        served = Served()
        answer = served.get("/events?topic=news", {"Accept": "text/event-stream;q=0, */*"})

        self.assertEqual(answer.status, 406)
        self.assertIn("text/event-stream", answer.detail)
        self.assertEqual(len(served.hub.connections), 0)

    def test_head(self) -> None:
        """
        HEAD is refused like GET.
        """
        answer = Served().call("HEAD", "/events?topic=news", {"Accept": "text/html"}).answer

        self.assertEqual(answer.status, 406)

    def test_two_lines(self) -> None:
        """
        RFC 9110, 5.3: several lines of one header form one list.
        """
        lines = [("Accept", "text/event-stream"), ("Accept", "text/html")]
        answer = Served().get("/events?topic=news", lines)

        self.assertEqual(answer.status, 200)
