"""
The ``EventSource`` of browsers, told when a stream is over.

HTML: "Clients will reconnect if the connection is closed; a client can be told to stop
reconnecting using the HTTP 204 No Content response code."
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from twisted.web.server import Request

from twisted_sse.errors import NoContent
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects.dialect import Reading, ReadRun
from twisted_sse.web.query import last_event_id, query_of

__all__ = ["BrowserEvents"]

# The ID of the last event: who comes back with it has everything.
_END = "end"


class BrowserEvents:
    """
    Streams items as they are, and ends with an event that tells the outcome; a browser
    that comes back after it is answered with 204, and stops.

    A stream that is cut, because the server stops, ends without that event: browsers
    come back.

    Args:
        end: The type of the last event.  Its data is ``{"outcome": ...}``: ``done``,
            ``failed``, ``cancelled`` or ``interrupted``.

    Raises:
        InvalidEvent: *end* is no event type.
    """

    reconnects = True

    def __init__(self, end: str = "end") -> None:
        ServerSentEvent(event=end)
        self._end = end

    def read(self, request: Request, run: ReadRun | None = None) -> Reading:
        """
        See `Dialect.read`.
        """
        after = last_event_id(request, query_of(request))
        if after == _END:
            raise NoContent("The stream is over.")
        return _Reading(self._end, after, run is not None)


class _Reading(NamedTuple):
    last: str
    after: str | None
    of_run: bool
    skip: int = 0
    headers: Mapping[str, str] = {}

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        See `Reading.event`.
        """
        return [event]

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent] | None:
        """
        See `Reading.end`.
        """
        if outcome == "interrupted" and not self.of_run:
            return None
        return [ServerSentEvent.json({"outcome": outcome}, event=self.last, id=_END)]
