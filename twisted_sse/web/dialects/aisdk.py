"""
The UI message stream of the AI SDK: npm's ``ai``, ``useChat`` in React.

https://ai-sdk.dev/docs/ai-sdk-ui/stream-protocol describes the chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from twisted.web.server import Request

from twisted_sse.errors import NoContent
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects.dialect import Reading, ReadRun
from twisted_sse.web.dialects.objects import DEFAULT_ERROR, Object, object_of
from twisted_sse.web.dialects.options import check_options
from twisted_sse.web.dialects.text import TextReading

__all__ = ["AISDK"]

# Without it the client reports an error.
_HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}

_EXAMPLE = '{"type": "text-delta", "id": "1", "delta": "Hello"}'

_DONE = ServerSentEvent("[DONE]")

# The ID of the only part of a message that is text.
_PART = "text"


class AISDK:
    """
    Streams chunks, such as ``{"type": "text-delta", "id": "1", "delta": "Hello"}``, and
    ends with ``[DONE]``.

    The client asks for no position: it reads a run from its first chunk.  Its ``GET`` to
    resume is answered with 204 if the run is not running any more.

    Args:
        text: Whether every item is a piece of text; the chunks around the text are
            written by the dialect.

        error: What the reader is told of a source that has failed.
    """

    reconnects = False

    def __init__(self, *, text: bool = False, error: str = DEFAULT_ERROR) -> None:
        check_options(text, error=error)
        self._text = text
        self._error = error

    def read(self, request: Request, run: ReadRun | None = None) -> Reading:
        """
        See `Dialect.read`.
        """
        if run is not None and request.method == b"GET" and run.state != "running":
            raise NoContent("The answer is complete.")
        reading = _Reading(self, self._error)
        return TextReading(reading, _TextObjects(run)) if self._text else reading


class _Reading:
    headers: Mapping[str, str] = _HEADERS
    after: str | None = None
    skip = 0

    def __init__(self, dialect: AISDK, error: str) -> None:
        self._dialect = dialect
        self._error = error

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        See `Reading.event`.
        """
        object_of(event, self._dialect, _EXAMPLE)
        return [ServerSentEvent(event.data)]

    def framed(self, value: Object, event_id: str | None, number: int | None) -> ServerSentEvent:
        """
        See `ObjectReading.framed`.
        """
        return ServerSentEvent.json(value)

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent]:
        """
        See `Reading.end`.
        """
        if outcome == "done":
            return [_DONE]
        if outcome == "cancelled":
            return [ServerSentEvent.json({"type": "abort"}), _DONE]
        return [ServerSentEvent.json({"type": "error", "errorText": self._error}), _DONE]


class _TextObjects:
    def __init__(self, run: ReadRun | None) -> None:
        # Without an ID, the client gives one to the message.
        self._message = {} if run is None else {"messageId": run.name}

    def begin(self) -> list[Object]:
        """
        See `TextObjects.begin`.
        """
        return [
            {"type": "start", **self._message},
            {"type": "start-step"},
            {"type": "text-start", "id": _PART},
        ]

    def piece(self, text: str) -> list[Object]:
        """
        See `TextObjects.piece`.
        """
        return [{"type": "text-delta", "id": _PART, "delta": text}]

    def finish(self) -> list[Object]:
        """
        See `TextObjects.finish`.
        """
        return [
            {"type": "text-end", "id": _PART},
            {"type": "finish-step"},
            {"type": "finish"},
        ]
