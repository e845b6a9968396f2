"""
The joint between a run and the dialects in which its readers see it.

A run stores what its source yields as events of its topic.  A dialect turns stored events
and the outcome into the events of one response; it sees neither ``stream-open`` nor other
control events, and it keeps no time and writes nothing itself.  Without a dialect, a run is
read as any stream of its hub, with its resume and its shared encoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple, Protocol

from twisted.web.server import Request

from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent

__all__ = ["RunDialect", "RunReading", "RunState", "RunStatus"]

#: What a run does: it goes on, or has ended with an outcome.
RunState = Literal["running"] | Outcome


class RunStatus(NamedTuple):
    """
    A run, as the store knows it when a reader asks.

    Attributes:
        name: The name that it was begun with.

        state: Whether it goes on, or how it has ended.

        begun: When it was begun, in seconds since 1970.
    """

    name: str
    state: RunState
    begun: float


class RunReading(Protocol):
    """
    One response to one reader.

    The response begins with what follows *after*, or else with the first event of the run
    that is not left out by *skip*; it goes on live, and it ends when the run has ended.

    Attributes:
        headers: Response headers in addition to those of an event stream; they replace
            those of the same name.

        after: The ID of the stored event to continue after; sent by the client, so an
            unknown one begins anew with the first event.  ``None`` for none.

        skip: How many events of the run to leave out, counted from its first; 0 for none.
            Only without *after*.
    """

    headers: Mapping[str, str]
    after: str | None
    skip: int

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        Write one stored event.

        Args:
            event: What the source yielded: a `ServerSentEvent` as it was, a string as data,
                anything else as JSON data.  Its ``id`` is the one that the store gave it
                (or the source's own).

            number: Its place in the run, counted from 0; ``None`` if the response
                continues after an ID.

        Returns:
            What is sent for it, possibly nothing.
        """

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent] | None:
        """
        Write the end: every event of the run was written before.

        Returns:
            What is sent last, possibly nothing; then the response ends in good order.
            ``None`` to abort the response instead, so that nobody takes it for complete.
        """


class RunDialect(Protocol):
    """
    One way to read runs, for ``runs.resource(name, dialect=...)``.
    """

    def read(self, request: Request, run: RunStatus) -> RunReading:
        """
        Begin a response.

        Raises:
            NoContent: There is nothing to read: the request is answered with 204.

            Problem: The request is answered with an error.
        """
