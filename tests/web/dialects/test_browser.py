"""
The dialect of ``EventSource`` in browsers.
"""

from twisted.web.test.requesthelper import DummyRequest

from tests.web.dialects.streamed import DialectTestCase, Run
from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects import BrowserEvents

__all__ = ["BrowserTests"]


class BrowserTests(DialectTestCase):
    """
    Events.
    """

    def test_done(self) -> None:
        """
        Events are sent as they are, and the last one tells how the stream has ended.
        """
        answer = self.ask(BrowserEvents(), ["a", ServerSentEvent("b", event="e", id="1")])

        self.assertEqual(
            answer.body,
            b"data: a\n\nevent: e\nid: 1\ndata: b\n\n"
            b'event: end\nid: end\ndata: {"outcome":"done"}\n\n',
        )
        self.assertTrue(answer.ended)

    def test_ends(self) -> None:
        """
        The outcome is told, in an event of the type that was asked for.
        """
        for end, outcome in ((self.failed, "failed"), (self.cancelled, "cancelled")):
            answer = end(BrowserEvents(end="over"), "a")

            self.assertEqual(answer.events[-1].event, "over")
            self.assertEqual(answer.events[-1].json(), {"outcome": outcome})
            self.assertTrue(answer.ended)

    def test_interrupted(self) -> None:
        """
        If the server stops, the response breaks off, and browsers come back; a run whose
        owner has died is over.
        """
        answer = self.interrupted(BrowserEvents(), "a")
        request = DummyRequest([b""])
        request.uri = b"/"
        (last,) = BrowserEvents().read(request, Run()).end("interrupted") or ()

        self.assertEqual((answer.body, answer.ended), (b"data: a\n\n", False))
        self.assertEqual(last.json(), {"outcome": "interrupted"})

    def test_comes_back(self) -> None:
        """
        A browser that comes back after the last event is told to stop, before the source is
        asked.
        """
        for target, headers in (("/", {"Last-Event-ID": "end"}), ("/?lastEventId=end", {})):
            answer = self.ask(BrowserEvents(), lambda: 1 / 0, "GET", target, headers)

            self.assertEqual(answer.status, 204)

    def test_resume(self) -> None:
        """
        A source is told the last event ID, as without a dialect.
        """

        def source(last_event_id: str) -> list[str]:
            return [last_event_id]

        answer = self.ask(BrowserEvents(), source, "GET", "/", {"Last-Event-ID": "5"})

        self.assertEqual(answer.events[0].data, "5")

    def test_wrong_type(self) -> None:
        """
        A type that no event can have is refused at once.
        """
        self.assertRaises(InvalidEvent, BrowserEvents, "two\nlines")
        self.assertRaises(InvalidEvent, BrowserEvents, "")
