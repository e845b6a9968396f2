"""
The streams of OpenAI's Responses API: for ``openai`` of PyPI and of npm.

https://platform.openai.com/docs/api-reference/responses-streaming describes the events.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from secrets import token_hex

from twisted.web.server import Request

from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects.dialect import Reading, ReadRun
from twisted_sse.web.dialects.objects import DEFAULT_ERROR, Object, object_of
from twisted_sse.web.dialects.options import check_options
from twisted_sse.web.dialects.text import TextReading
from twisted_sse.web.problem import Problem

__all__ = ["OpenAIResponses"]

_EXAMPLE = '{"type": "response.output_text.delta", ..., "delta": "Hello"}'

# More digits are no position in a stream.
_DIGITS = 9


class OpenAIResponses:
    """
    Streams objects as events of their type, such as ``response.created``, and numbers them
    by ``sequence_number``.

    ``?starting_after=N`` continues after the event with the number N.  A source that fails
    ends with an ``error`` event, which the client raises; one that is cancelled with
    ``response.incomplete``, whose response has the status ``cancelled``.

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

        Raises:
            Problem: ``starting_after`` is not a number.
        """
        name = f"resp_{token_hex(12)}" if run is None else run.name
        reading = _Reading(self, self._error, _skip(request), name)
        begun = time.time() if run is None else run.begun
        around = _TextObjects(name, self._model, int(begun))
        return TextReading(reading, around) if self._text else reading


def _skip(request: Request) -> int:
    arguments: Mapping[bytes, list[bytes]] = request.args or {}
    (*_, after) = arguments.get(b"starting_after", [b""])
    if not after:
        return 0
    if not (after.isdigit() and len(after) <= _DIGITS):
        raise Problem(400, "'starting_after' is not the sequence_number of an event, in digits.")
    return int(after) + 1


class _Reading:
    headers: Mapping[str, str] = {}
    after: str | None = None

    def __init__(self, dialect: OpenAIResponses, error: str, skip: int, name: str) -> None:
        self.skip = skip
        self._dialect = dialect
        self._error = error
        self._number = skip
        # The newest one that an event had.
        self._response: Object = {"id": name, "object": "response", "output": []}

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        See `Reading.event`.
        """
        return [self.framed(object_of(event, self._dialect, _EXAMPLE), None, number)]

    def framed(self, value: Object, event_id: str | None, number: int | None) -> ServerSentEvent:
        """
        See `ObjectReading.framed`.
        """
        if number is not None:
            self._number = number
        if isinstance(value.get("response"), dict):
            self._response = value["response"]
        return self._numbered(value)

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent]:
        """
        See `Reading.end`.
        """
        if outcome == "done":
            return []
        if outcome == "cancelled":
            response = {**self._response, "status": "cancelled"}
            return [self._numbered({"type": "response.incomplete", "response": response})]
        what = {"code": "server_error", "message": self._error, "param": None}
        # As the documentation has it, and as clients raise it.
        error = {"type": "error", **what, "error": {"type": "server_error", **what}}
        return [self._numbered(error)]

    def _numbered(self, value: Object) -> ServerSentEvent:
        number = self._number
        self._number += 1
        # Without an ID: these clients take the blank line after a comment for an event,
        # once an ID was there.
        return ServerSentEvent.json({**value, "sequence_number": number}, event=value["type"])


class _TextObjects:
    def __init__(self, name: str, model: str, created: int) -> None:
        self._name = name
        self._model = model
        self._item = f"msg_{name.removeprefix('resp_')}"
        self._created = created
        self._pieces: list[str] = []

    def begin(self) -> list[Object]:
        """
        See `TextObjects.begin`.
        """
        item = self._message("in_progress", [])
        return [
            {"type": "response.created", "response": self._response("in_progress", [])},
            {"type": "response.in_progress", "response": self._response("in_progress", [])},
            {"type": "response.output_item.added", "output_index": 0, "item": item},
            self._of_text("response.content_part.added", part=_part("")),
        ]

    def piece(self, text: str) -> list[Object]:
        """
        See `TextObjects.piece`.
        """
        self._pieces.append(text)
        return [self._of_text("response.output_text.delta", delta=text, logprobs=[])]

    def finish(self) -> list[Object]:
        """
        See `TextObjects.finish`.
        """
        text = "".join(self._pieces)
        item = self._message("completed", [_part(text)])
        return [
            self._of_text("response.output_text.done", text=text, logprobs=[]),
            self._of_text("response.content_part.done", part=_part(text)),
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": self._response("completed", [item])},
        ]

    def _of_text(self, kind: str, **members: object) -> Object:
        where = {"item_id": self._item, "output_index": 0, "content_index": 0}
        return {"type": kind, **where, **members}

    def _message(self, status: str, content: list[Object]) -> Object:
        return {
            "id": self._item,
            "type": "message",
            "role": "assistant",
            "status": status,
            "content": content,
        }

    def _response(self, status: str, output: list[Object]) -> Object:
        return {
            "id": self._name,
            "object": "response",
            "created_at": self._created,
            "status": status,
            "model": self._model,
            "output": output,
            "error": None,
            "incomplete_details": None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        }


def _part(text: str) -> Object:
    return {"type": "output_text", "text": text, "annotations": []}
