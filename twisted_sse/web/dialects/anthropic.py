"""
The streams of Anthropic's Messages API: for ``anthropic`` of PyPI.

https://docs.anthropic.com/en/docs/build-with-claude/streaming describes the events.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from secrets import token_hex

from twisted.web.server import Request

from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects.dialect import Reading, ReadRun
from twisted_sse.web.dialects.objects import DEFAULT_ERROR, Object, object_of
from twisted_sse.web.dialects.options import check_options
from twisted_sse.web.dialects.text import TextReading

__all__ = ["AnthropicMessages"]

_EXAMPLE = (
    '{"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}}'
)


class AnthropicMessages:
    """
    Streams objects as events of their type, such as ``message_start``.

    The client never resumes; a stream that is not complete ends with an ``error`` event,
    which the client raises.

    Args:
        text: Whether every item is a piece of text; the events around the text are
            written by the dialect.

        error: What the reader is told of a source that has failed.

        model: With *text*, the name of the model that the reader is told.
    """

    reconnects = False

    def __init__(
        self, *, text: bool = False, error: str = DEFAULT_ERROR, model: str = "twisted_sse"
    ) -> None:
        check_options(text, error=error, model=model)
        self._text = text
        self._error = error
        self._model = model

    def read(self, request: Request, run: ReadRun | None = None) -> Reading:
        """
        See `Dialect.read`.
        """
        reading = _Reading(self, self._error)
        return TextReading(reading, _TextObjects(run, self._model)) if self._text else reading


class _Reading:
    headers: Mapping[str, str] = {}
    after: str | None = None
    skip = 0

    def __init__(self, dialect: AnthropicMessages, error: str) -> None:
        self._dialect = dialect
        self._error = error

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        See `Reading.event`.
        """
        # Without the ID: clients of this kind take the blank line after a comment for
        # an event, once an ID was there.
        value = object_of(event, self._dialect, _EXAMPLE)
        return [ServerSentEvent(event.data, event=value["type"])]

    def framed(self, value: Object, event_id: str | None, number: int | None) -> ServerSentEvent:
        """
        See `ObjectReading.framed`.
        """
        return ServerSentEvent.json(value, event=value["type"])

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent]:
        """
        See `Reading.end`.
        """
        if outcome == "done":
            return []
        error = {"type": "api_error", "message": self._error}
        return [ServerSentEvent.json({"type": "error", "error": error}, event="error")]


class _TextObjects:
    def __init__(self, run: ReadRun | None, model: str) -> None:
        self._id = f"msg_{token_hex(12)}" if run is None else run.name
        self._model = model

    def begin(self) -> list[Object]:
        """
        See `TextObjects.begin`.
        """
        message: Object = {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": self._model,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }
        block = {"type": "text", "text": ""}
        return [
            {"type": "message_start", "message": message},
            {"type": "content_block_start", "index": 0, "content_block": block},
        ]

    def piece(self, text: str) -> list[Object]:
        """
        See `TextObjects.piece`.
        """
        delta = {"type": "text_delta", "text": text}
        return [{"type": "content_block_delta", "index": 0, "delta": delta}]

    def finish(self) -> list[Object]:
        """
        See `TextObjects.finish`.
        """
        delta = {"stop_reason": "end_turn", "stop_sequence": None}
        return [
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": delta, "usage": {"output_tokens": 0}},
            {"type": "message_stop"},
        ]
