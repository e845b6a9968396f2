"""
The dialect of Anthropic's Messages API.
"""

from tests.web.dialects.streamed import DialectTestCase, objects
from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects import AnthropicMessages

__all__ = ["AnthropicTests"]

PING = {"type": "ping"}


class AnthropicTests(DialectTestCase):
    """
    Objects, and text.
    """

    def test_done(self) -> None:
        """
        Objects are events of their type, without IDs; nothing follows.
        """
        answer = self.ask(AnthropicMessages(), [PING, ServerSentEvent.json(PING, id="1")])

        self.assertEqual(answer.body, b'event: ping\ndata: {"type":"ping"}\n\n' * 2)
        self.assertTrue(answer.ended)

    def test_ends(self) -> None:
        """
        Whatever is not complete ends with an event that clients raise.
        """
        error = {"type": "api_error", "message": "Try again."}
        for end in (self.failed, self.interrupted, self.cancelled):
            answer = end(AnthropicMessages(error="Try again."), PING)

            self.assertEqual([event.event for event in answer.events], ["ping", "error"])
            self.assertEqual(answer.events[-1].json(), {"type": "error", "error": error})
            self.assertTrue(answer.ended)

    def test_no_object(self) -> None:
        """
        What is no object is an error of the source.
        """
        self.ask(AnthropicMessages(), ["text"])

        (logged,) = self.flushLoggedErrors(InvalidEvent)
        self.assertIn("AnthropicMessages(text=True)", str(logged.value))

    def test_text(self) -> None:
        """
        The events around the text are those of one message with one block.
        """
        answer = self.ask(AnthropicMessages(text=True, model="mine"), ["one ", "two"])

        self.assertEqual(
            [event.event for event in answer.events],
            [
                "message_start",
                "content_block_start",
                "content_block_delta",
                "content_block_delta",
                "content_block_stop",
                "message_delta",
                "message_stop",
            ],
        )
        values = objects(answer.events)
        self.assertEqual(values[0]["message"]["model"], "mine")
        self.assertEqual([value["delta"]["text"] for value in values[2:4]], ["one ", "two"])
        self.assertEqual(values[5]["delta"]["stop_reason"], "end_turn")
