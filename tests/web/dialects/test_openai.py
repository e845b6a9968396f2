"""
The dialect of OpenAI's Responses API.
"""

from typing import Any

from twisted.web.test.requesthelper import DummyRequest

from tests.web.dialects.streamed import DialectTestCase, Run, objects
from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects import OpenAIResponses, Reading
from twisted_sse.web.problem import Problem

__all__ = ["OpenAITests", "OpenAITextTests"]

CREATED = {"type": "response.created", "response": {"id": "r", "status": "in_progress"}}
DELTA = {"type": "response.output_text.delta", "delta": "x"}


def read(dialect: OpenAIResponses, after: bytes | None = None) -> Reading:
    """
    Read a run, after the event with the number *after*.
    """
    request: Any = DummyRequest([b""])
    if after is not None:
        request.args[b"starting_after"] = [after]
    return dialect.read(request, Run("resp_7"))


class OpenAITests(DialectTestCase):
    """
    Objects.
    """

    def test_done(self) -> None:
        """
        Objects are events of their type, numbered from 0, without IDs; nothing follows.
        """
        answer = self.ask(OpenAIResponses(), [CREATED, ServerSentEvent.json(DELTA, id="5")])

        self.assertEqual(
            answer.events,
            [
                ServerSentEvent.json({**CREATED, "sequence_number": 0}, event="response.created"),
                ServerSentEvent.json({**DELTA, "sequence_number": 1}, event=DELTA["type"]),
            ],
        )
        self.assertTrue(answer.ended)

    def test_failed(self) -> None:
        """
        A failure and a stop of the server are an event that clients raise.
        """
        what = {"code": "server_error", "message": "Try again.", "param": None}
        error = {"type": "error", **what, "error": {"type": "server_error", **what}}
        for end in (self.failed, self.interrupted):
            answer = end(OpenAIResponses(error="Try again."), CREATED)

            self.assertEqual(answer.events[-1].event, "error")
            self.assertEqual(answer.events[-1].json(), {**error, "sequence_number": 1})
            self.assertTrue(answer.ended)

    def test_cancelled(self) -> None:
        """
        A cancellation is the newest response, which is incomplete.
        """
        answer = self.cancelled(OpenAIResponses(), CREATED)

        self.assertEqual(answer.events[-1].event, "response.incomplete")
        self.assertEqual(
            answer.events[-1].json(),
            {
                "type": "response.incomplete",
                "response": {"id": "r", "status": "cancelled"},
                "sequence_number": 1,
            },
        )

    def test_cancelled_at_once(self) -> None:
        """
        If no event had a response, it has the name of the run.
        """
        (last,) = read(OpenAIResponses()).end("cancelled") or ()

        response = {"id": "resp_7", "object": "response", "output": [], "status": "cancelled"}
        self.assertEqual(last.json()["response"], response)

    def test_starting_after(self) -> None:
        """
        A reader continues after a number, and the numbers go on.
        """
        answer = self.ask(OpenAIResponses(), [CREATED, DELTA, DELTA], "GET", "/?starting_after=1")

        self.assertEqual(objects(answer.events), [{**DELTA, "sequence_number": 2}])
        self.assertEqual(read(OpenAIResponses(), b"7").skip, 8)
        self.assertEqual(read(OpenAIResponses()).skip, 0)

    def test_wrong_starting_after(self) -> None:
        """
        What is no number is refused.
        """
        for wrong in (b"-1", b"x", b"1.5", b"1234567890", "٣".encode()):
            with self.assertRaises(Problem) as raised:
                read(OpenAIResponses(), wrong)

            self.assertEqual(raised.exception.status, 400)

    def test_no_object(self) -> None:
        """
        What is no object is an error of the source.
        """
        self.ask(OpenAIResponses(), ["text"])

        (logged,) = self.flushLoggedErrors(InvalidEvent)
        self.assertIn("OpenAIResponses(text=True)", str(logged.value))


class OpenAITextTests(DialectTestCase):
    """
    Text.
    """

    TYPES = [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]

    def written(self, reading: Reading) -> list[ServerSentEvent]:
        """
        What *reading* makes of two pieces.
        """
        events = list(reading.event(ServerSentEvent("one "), 0))
        events += reading.event(ServerSentEvent("two"), 1)
        return [*events, *(reading.end("done") or ())]

    def test_done(self) -> None:
        """
        The events around the text are those of one response with one message.
        """
        answer = self.ask(OpenAIResponses(text=True, model="mine"), ["one ", "two"])

        self.assertEqual([event.event for event in answer.events], self.TYPES)
        values = objects(answer.events)
        self.assertEqual([value["sequence_number"] for value in values], list(range(10)))
        response = values[-1]["response"]
        self.assertEqual((response["status"], response["model"]), ("completed", "mine"))
        self.assertEqual(response["output"][0]["content"][0]["text"], "one two")
        self.assertEqual(response["id"], values[0]["response"]["id"])

    def test_starting_after(self) -> None:
        """
        A reader that continues gets the rest of the same events.
        """
        whole = self.written(read(OpenAIResponses(text=True)))
        for after in range(len(whole)):
            rest = self.written(read(OpenAIResponses(text=True), b"%d" % after))

            self.assertEqual(rest, whole[after + 1 :])

    def test_failed_while_skipped(self) -> None:
        """
        The event of a failure has the next number, even if the reader has everything else.
        """
        reading = read(OpenAIResponses(text=True), b"4")
        events = list(reading.event(ServerSentEvent("one "), 0))
        (last,) = reading.end("failed") or ()

        self.assertEqual((events, last.json()["sequence_number"]), ([], 5))
