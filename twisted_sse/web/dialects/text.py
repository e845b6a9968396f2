"""
Text as a stream of objects: what a dialect writes around the pieces of an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects.dialect import Reading
from twisted_sse.web.dialects.objects import Object

__all__ = ["ObjectReading", "TextObjects", "TextReading"]


class ObjectReading(Reading, Protocol):
    """
    A `Reading` of objects.
    """

    def framed(self, value: Object, event_id: str | None, number: int | None) -> ServerSentEvent:
        """
        Frame an object.

        Args:
            event_id: The ID of its event.

            number: As in `Reading.event`.
        """


class TextObjects(Protocol):
    """
    The objects of one answer, in the words of a dialect.

    What it returns for the same text is the same in every response that reads it.
    """

    def begin(self) -> list[Object]:
        """
        Before the first piece.
        """

    def piece(self, text: str) -> list[Object]:
        """
        A piece of the answer.
        """

    def finish(self) -> list[Object]:
        """
        After the last piece of an answer that is complete.
        """


class TextReading:
    """
    A `Reading` of text: every item is a piece of one answer.

    Args:
        objects: Frames the objects, and counts them where it counts items.
    """

    def __init__(self, objects: ObjectReading, around: TextObjects) -> None:
        self._objects = objects
        self._around = around
        # Whoever continues after an ID may have everything.
        self._begun = objects.after is not None
        # How many objects precede the next one, as in `Reading.event`.
        self._number: int | None = 0 if objects.after is None else None

    @property
    def headers(self) -> Mapping[str, str]:
        """
        See `Reading`.
        """
        return self._objects.headers

    @property
    def after(self) -> str | None:
        """
        See `Reading`.
        """
        return self._objects.after

    @property
    def skip(self) -> int:
        """
        See `Reading`: the reader has objects, which are not the items.
        """
        return 0

    def event(self, event: ServerSentEvent, number: int | None) -> Iterable[ServerSentEvent]:
        """
        See `Reading.event`.
        """
        if number == 0:
            # An ID that is not known begins anew.
            self._begun = False
        return self._frame([*self._begin(), *self._around.piece(event.data or "")], event.id)

    def end(self, outcome: Outcome) -> Iterable[ServerSentEvent] | None:
        """
        See `Reading.end`.
        """
        rest: list[Object] = []
        if outcome == "done":
            rest = [*self._begin(), *self._around.finish()]
        framed = list(self._frame(rest, None))
        last = self._objects.end(outcome)
        return None if last is None else [*framed, *last]

    def _begin(self) -> list[Object]:
        if self._begun:
            return []
        self._begun = True
        return self._around.begin()

    def _frame(self, objects: list[Object], event_id: str | None) -> Iterator[ServerSentEvent]:
        for position, one in enumerate(objects, 1):
            number = self._number
            if number is not None:
                self._number = number + 1
                if number < self._objects.skip:
                    continue
            # Whoever has the ID has everything that was written for the item.
            is_last = position == len(objects)
            yield self._objects.framed(one, event_id if is_last else None, number)
