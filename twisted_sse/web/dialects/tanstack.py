"""
The streams of TanStack AI: npm's ``@tanstack/ai-client``, with the events of AG-UI.

The client reads lines, not events: each ``data:`` line is JSON, and ``id:`` precedes it.
After a cut it repeats its ``POST`` with ``Last-Event-ID``, if there was an ID.
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
from twisted_sse.web.query import last_event_id, query_of

__all__ = ["TanStackAI"]

_EXAMPLE = '{"type": "TEXT_MESSAGE_CONTENT", "messageId": "1", "delta": "Hello"}'


class TanStackAI:
    """
    Streams objects, such as
    ``{"type": "TEXT_MESSAGE_CONTENT", "messageId": "1", "delta": "Hello"}``.

    A stream that is cut ends without ``RUN_FINISHED``, and the client comes back; a
    source that fails ends with ``RUN_ERROR``.

    Args:
        text: Whether every item is a piece of text; the events around the text are
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
        after = last_event_id(request, query_of(request))
        reading = _Reading(self, self._error, after, run)
        # The client's own name for what it asks for.
        name = request.getHeader("X-Run-Id") if run is None else run.name
        return TextReading(reading, _TextObjects(name or token_hex(12))) if self._text else reading


class _Reading:
    headers: Mapping[str, str] = {}
    skip = 0

    def __init__(
        self, dialect: TanStackAI, error: str, after: str | None, run: ReadRun | None
    ) -> None:
        self.after = after
        self._dialect = dialect
        self._error = error
        self._of_run = run is not None

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        See `Reading.event`.
        """
        value = object_of(event, self._dialect, _EXAMPLE)
        return [self.framed(value, event.id, number)]

    def framed(self, value: Object, event_id: str | None, number: int | None) -> ServerSentEvent:
        """
        See `ObjectReading.framed`.
        """
        # In one line, whatever the source yielded.
        return ServerSentEvent.json(value, id=event_id)

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent] | None:
        """
        See `Reading.end`.
        """
        if outcome == "done":
            return []
        if outcome == "interrupted" and not self._of_run:
            return None
        error = {"type": "RUN_ERROR", "message": self._error, "code": outcome}
        return [ServerSentEvent.json(error)]


class _TextObjects:
    def __init__(self, name: str) -> None:
        self._id = name

    def begin(self) -> list[Object]:
        """
        See `TextObjects.begin`.
        """
        return [
            {"type": "RUN_STARTED", "threadId": self._id, "runId": self._id},
            {"type": "TEXT_MESSAGE_START", "messageId": self._id, "role": "assistant"},
        ]

    def piece(self, text: str) -> list[Object]:
        """
        See `TextObjects.piece`.
        """
        # AG-UI: "delta [...] must not be empty".
        if not text:
            return []
        return [{"type": "TEXT_MESSAGE_CONTENT", "messageId": self._id, "delta": text}]

    def finish(self) -> list[Object]:
        """
        See `TextObjects.finish`.
        """
        return [
            {"type": "TEXT_MESSAGE_END", "messageId": self._id},
            {"type": "RUN_FINISHED", "threadId": self._id, "runId": self._id},
        ]
