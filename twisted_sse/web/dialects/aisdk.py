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

    The client asks for no position: it reads a run from its first chunk, and replaces what
    it has of the message.

    Args:
        text: Whether every item is a piece of text; the chunks around the text are
            written by the dialect.

        error: What the reader is told of a source that has failed.

        replay: Whether a ``GET`` to resume a run that is over has all of it.  If not, it
            is answered with 204, which a client whose connection was lost takes for the
            end: then it has half of the answer, and the application has to load the whole.
    """

    reconnects = False

    def __init__(
        self, *, text: bool = False, error: str = DEFAULT_ERROR, replay: bool = True
    ) -> None:
        check_options(text, error=error)
        if not isinstance(replay, bool):
            raise TypeError(f"replay is {replay!r}: give True or False")
        self._text = text
        self._error = error
        self._replay = replay

    def read(self, request: Request, run: ReadRun | None = None) -> Reading:
        """
        See `Dialect.read`.
        """
        is_over = run is not None and run.state != "running"
        if is_over and request.method == b"GET" and not self._replay:
            raise NoContent("The answer is complete.")
        reading = _Reading(self, self._error, run)
        return TextReading(reading, _TextObjects(run)) if self._text else reading


class _Reading:
    headers: Mapping[str, str] = _HEADERS
    after: str | None = None
    skip = 0

    def __init__(self, dialect: AISDK, error: str, run: ReadRun | None) -> None:
        self._dialect = dialect
        self._error = error
        self._run = run

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        See `Reading.event`.
        """
        value = object_of(event, self._dialect, _EXAMPLE)
        if self._run is not None and value["type"] == "start":
            # By its ID the client knows the message when it resumes.
            return [ServerSentEvent.json({"messageId": self._run.name, **value})]
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
