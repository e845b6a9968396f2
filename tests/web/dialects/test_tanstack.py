"""
The dialect of TanStack AI.
"""

from typing import Any

from twisted.web.test.requesthelper import DummyRequest

from tests.web.dialects.streamed import DialectTestCase, Run, objects
from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects import Reading, TanStackAI

__all__ = ["TanStackTests", "TanStackTextTests"]

STARTED = {"type": "RUN_STARTED", "runId": "r"}


def read(dialect: TanStackAI, after: str | None = None, run: Run | None = None) -> Reading:
    """
    Read a stream, after the ID *after*.
    """
    request: Any = DummyRequest([b""])
    request.uri = b"/"
    if after is not None:
        request.requestHeaders.setRawHeaders("Last-Event-ID", [after])
    return dialect.read(request, run)


class TanStackTests(DialectTestCase):
    """
    Objects.
    """

    def test_done(self) -> None:
        """
        An object is one line, whatever its event had, and its ID precedes it.
        """
        event = ServerSentEvent('{\n"type": "RUN_STARTED"}', event="e", id="5")
        answer = self.ask(TanStackAI(), [STARTED, event])

        self.assertEqual(
            answer.body,
            b'data: {"type":"RUN_STARTED","runId":"r"}\n\nid: 5\ndata: {"type":"RUN_STARTED"}\n\n',
        )
        self.assertTrue(answer.ended)

    def test_failed(self) -> None:
        """
        A failure and a cancellation are events, after which the client does not come back.
        """
        for end, code in ((self.failed, "failed"), (self.cancelled, "cancelled")):
            answer = end(TanStackAI(error="Try again."), STARTED)

            error = {"type": "RUN_ERROR", "message": "Try again.", "code": code}
            self.assertEqual(objects(answer.events), [STARTED, error])
            self.assertTrue(answer.ended)

    def test_interrupted(self) -> None:
        """
        If the server stops, the response breaks off, and the client comes back; a run whose
        owner has died is over.
        """
        answer = self.interrupted(TanStackAI(), STARTED)
        (last,) = read(TanStackAI(), run=Run()).end("interrupted") or ()

        self.assertEqual((objects(answer.events), answer.ended), ([STARTED], False))
        self.assertEqual(last.json()["code"], "interrupted")

    def test_resume(self) -> None:
        """
        A reader continues after the last event ID.
        """
        reading = read(TanStackAI(), "5", Run())

        self.assertEqual((reading.after, reading.skip), ("5", 0))

    def test_no_object(self) -> None:
        """
        What is no object is an error of the source.
        """
        self.ask(TanStackAI(), ["text"])

        (logged,) = self.flushLoggedErrors(InvalidEvent)
        self.assertIn("TanStackAI(text=True)", str(logged.value))


class TanStackTextTests(DialectTestCase):
    """
    Text.
    """

    def test_done(self) -> None:
        """
        The events around the text have the client's name for the run.
        """
        answer = self.ask(TanStackAI(text=True), ["one", "", "two"], headers={"X-Run-Id": "r"})

        self.assertEqual(
            objects(answer.events),
            [
                {"type": "RUN_STARTED", "threadId": "r", "runId": "r"},
                {"type": "TEXT_MESSAGE_START", "messageId": "r", "role": "assistant"},
                {"type": "TEXT_MESSAGE_CONTENT", "messageId": "r", "delta": "one"},
                {"type": "TEXT_MESSAGE_CONTENT", "messageId": "r", "delta": "two"},
                {"type": "TEXT_MESSAGE_END", "messageId": "r"},
                {"type": "RUN_FINISHED", "threadId": "r", "runId": "r"},
            ],
        )

    def test_ids(self) -> None:
        """
        Only the last object of an item has its ID: whoever knows it has the others.
        """
        events = read(TanStackAI(text=True), run=Run()).event(ServerSentEvent("one", id="5"), 0)

        self.assertEqual([event.id for event in events], [None, None, "5"])

    def test_resume(self) -> None:
        """
        A reader that continues is not sent the beginning again.
        """
        reading = read(TanStackAI(text=True), "5", Run())
        events = [
            *reading.event(ServerSentEvent("two", id="6"), None),
            *(reading.end("done") or ()),
        ]

        self.assertEqual(
            [value["type"] for value in objects(events)],
            ["TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END", "RUN_FINISHED"],
        )

    def test_unknown_id(self) -> None:
        """
        If the ID is not known any more, it is sent everything.
        """
        reading = read(TanStackAI(text=True), "5", Run())
        events = list(reading.event(ServerSentEvent("one", id="6"), 0))

        self.assertEqual(events[0].json()["type"], "RUN_STARTED")
