"""
The dialect of the AI SDK.
"""

from typing import Any

from twisted.web.test.requesthelper import DummyRequest

from tests.web.dialects.streamed import DialectTestCase, Run, objects
from twisted_sse.errors import InvalidEvent, NoContent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects import AISDK

__all__ = ["AISDKTests", "AISDKTextTests"]

START = {"type": "start", "messageId": "m"}
DELTA = {"type": "text-delta", "id": "t", "delta": "a\nb"}


def request(method: bytes = b"GET") -> Any:
    """
    Make a request.
    """
    made: Any = DummyRequest([b""])
    made.method = method
    return made


class AISDKTests(DialectTestCase):
    """
    Chunks.
    """

    def test_done(self) -> None:
        """
        Chunks are data without type and ID, and ``[DONE]`` is the end; the header tells the
        client what it is.
        """
        answer = self.ask(AISDK(), [START, ServerSentEvent.json(DELTA, event="e", id="1")])

        self.assertEqual(answer.header("x-vercel-ai-ui-message-stream"), "v1")
        self.assertEqual(
            answer.body,
            b'data: {"type":"start","messageId":"m"}\n\n'
            b'data: {"type":"text-delta","id":"t","delta":"a\\nb"}\n\n'
            b"data: [DONE]\n\n",
        )
        self.assertTrue(answer.ended)

    def test_ends(self) -> None:
        """
        A failure, a stop of the server and a cancellation are chunks, and then it ends.
        """
        error = {"type": "error", "errorText": "Try again."}
        for end, last in (
            (self.failed, error),
            (self.interrupted, error),
            (self.cancelled, {"type": "abort"}),
        ):
            answer = end(AISDK(error="Try again."), START)

            self.assertEqual(objects(answer.events[:-1]), [START, last])
            self.assertEqual((answer.events[-1].data, answer.ended), ("[DONE]", True))

    def test_default_error(self) -> None:
        """
        By default the reader is not told the reason.
        """
        answer = self.failed(AISDK())

        self.assertEqual(
            objects(answer.events[:-1]),
            [{"type": "error", "errorText": "The answer could not be completed."}],
        )

    def test_no_chunk(self) -> None:
        """
        What is no chunk is an error of the source that says what to yield.
        """
        for item in ("text", ["type"], {"delta": "x"}, {"type": 1}):
            self.ask(AISDK(), [item])
            (logged,) = self.flushLoggedErrors(InvalidEvent)

            self.assertIn('yield {"type": "text-delta",', str(logged.value))
            self.assertIn("AISDK(text=True)", str(logged.value))

    def test_resume(self) -> None:
        """
        A run is resumed from its first chunk, also when it is over; with *replay* false, it is
        answered with 204 then.
        """
        for state in ("running", "done", "failed", "cancelled", "interrupted"):
            run = Run(state=state)
            reading = AISDK().read(request(), run)
            without = AISDK(replay=False)

            self.assertEqual((reading.after, reading.skip), (None, 0))
            without.read(request(b"POST"), run)
            if state == "running":
                without.read(request(), run)
            else:
                self.assertRaises(NoContent, without.read, request(), run)

    def test_message(self) -> None:
        """
        The message of a run has its name, unless the source gives it another one.
        """
        for chunk, name in (({"type": "start"}, "run-7"), (START, "m")):
            reading = AISDK().read(request(), Run("run-7"))
            (event,) = reading.event(ServerSentEvent.json(chunk), 0)

            self.assertEqual(event.json(), {"type": "start", "messageId": name})


class AISDKTextTests(DialectTestCase):
    """
    Text.
    """

    BEGIN = [{"type": "start"}, {"type": "start-step"}, {"type": "text-start", "id": "text"}]
    FINISH = [{"type": "text-end", "id": "text"}, {"type": "finish-step"}, {"type": "finish"}]

    def piece(self, text: str) -> object:
        """
        The chunk of *text*.
        """
        return {"type": "text-delta", "id": "text", "delta": text}

    def test_done(self) -> None:
        """
        The chunks around the text are those of one message.
        """
        answer = self.ask(AISDK(text=True), ["one", '{"type":"finish"}', "\n"])

        pieces = [self.piece(text) for text in ("one", '{"type":"finish"}', "\n")]
        self.assertEqual(objects(answer.events[:-1]), [*self.BEGIN, *pieces, *self.FINISH])
        self.assertEqual(answer.events[-1].data, "[DONE]")

    def test_nothing(self) -> None:
        """
        An answer without text is complete too.
        """
        answer = self.ask(AISDK(text=True), [])

        self.assertEqual(objects(answer.events[:-1]), [*self.BEGIN, *self.FINISH])

    def test_failed(self) -> None:
        """
        What has failed is not finished.
        """
        answer = self.failed(AISDK(text=True), "one")

        self.assertEqual(objects(answer.events[:-2]), [*self.BEGIN, self.piece("one")])
        self.assertEqual(answer.events[-2].json()["type"], "error")

    def test_run(self) -> None:
        """
        The message of a run has its name, so that a client that resumes has it once.
        """
        reading = AISDK(text=True).read(request(), Run("run-7"))
        (first, *_) = reading.event(ServerSentEvent("one", id="5"), 0)

        self.assertEqual(first.json(), {"type": "start", "messageId": "run-7"})
