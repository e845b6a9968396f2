"""
The interface of dialects, for the streams of generators and for those of runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from twisted.web.server import Request

from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Dialect", "ReadRun", "Reading"]


class ReadRun(Protocol):
    """
    The run that a request reads.

    Attributes:
        name: The name that it was begun with.

        state: ``running``, or its outcome.

        begun: When it was begun, in seconds since 1970.
    """

    @property
    def name(self) -> str:
        """
        See the attributes of the class.
        """

    @property
    def state(self) -> str:
        """
        See the attributes of the class.
        """

    @property
    def begun(self) -> float:
        """
        See the attributes of the class.
        """


class Reading(Protocol):
    """
    One response to one reader.

    Attributes:
        headers: Response headers; they replace the default ones of the same name.

        after: The last event ID to continue after; sent by the client, so trust
            nothing about it.  ``None`` begins with the first item.

        skip: How many of the first items the reader has; 0 with *after*.
    """

    @property
    def headers(self) -> Mapping[str, str]:
        """
        See the attributes of the class.
        """

    @property
    def after(self) -> str | None:
        """
        See the attributes of the class.
        """

    @property
    def skip(self) -> int:
        """
        See the attributes of the class.
        """

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        Frame an item.

        Args:
            event: What was yielded: an event as it was, a string as data, anything else
                as JSON data.  Its ID is that of the store, or the source's own.

            number: How many items precede it; ``None`` if the response continues after
                an ID.

        Returns:
            What is sent for it, possibly nothing.

        Raises:
            InvalidEvent: It means nothing in this dialect.
        """

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent] | None:
        """
        End the stream; all items were framed before.

        Args:
            outcome: ``cancelled`` if the application has closed the stream, and
                ``interrupted`` if the server stops.

        Returns:
            What is sent last, possibly nothing; then the response is complete.
            ``None`` to break the response off, so that its reader does not take it for
            complete.
        """


class Dialect(Protocol):
    """
    One way to stream, for the argument *dialect* of `twisted_sse.EventSourceResponse` and
    of others.

    Attributes:
        reconnects: Whether its clients reconnect by themselves, and obey ``retry:``.
            Other clients take a block without data for an event.
    """

    @property
    def reconnects(self) -> bool:
        """
        See the attributes of the class.
        """

    def read(self, request: Request, run: ReadRun | None = None) -> Reading:
        """
        Begin a response.

        Args:
            run: The run that is read; ``None`` if a source is streamed to this reader
                alone.

        Raises:
            NoContent: There is nothing to read; answered with 204.

            Problem: The request is wrong; answered with an error.
        """
