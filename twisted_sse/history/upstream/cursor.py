"""
Where in upstream's order an edge stands, and whether that is still the same order.

Nothing here does I/O or keeps time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Record
from twisted_sse.events.replication import read_position
from twisted_sse.history.upstream.query import is_sendable

__all__ = ["Cursor"]


class Cursor:
    """
    Args:
        known: Events that precede *last*, to begin after if *last* has an ID that
            cannot be asked for.

    Attributes:
        last: The newest that was taken.

        resume: The event ID to ask for; what follows it and is known is passed
            over.
    """

    def __init__(self, last: Position, known: Iterable[Position] = ()) -> None:
        self.last = last
        fit = [one.id for one in (*known, last) if is_sendable(one.id)]
        self.resume = fit[-1] if fit else None
        # Whether the stream has come to `last`, so that what follows is new.
        self._reached = True

    def open(self, note: dict[str, Any]) -> None:
        """
        A stream begins, after the event that has the ID of `last`.

        Args:
            note: What upstream says of its beginning.

        Raises:
            ValueError: It says nothing.

            UnknownEventID: It is another life of upstream, in which a publisher
                has given the same ID again.
        """
        newest = read_position(note.get("newest"))
        if newest.number < self.last.number:
            raise UnknownEventID(f"{newest} is the newest, and {self.last} was known")
        # If publishers have given an ID twice, the stream begins after the first.
        self._reached = note.get("number", self.last.number) >= self.last.number

    def take(self, kept: Record) -> bool:
        """
        Whether *kept*, which is next in the stream, is new.

        Raises:
            UnknownEventID: This cannot be the order that was followed.
        """
        position = Position(kept.number, kept.id)
        if position.number < self.last.number:
            self._reached = False
            return False
        if position == self.last:
            self._reached = True
            return False
        if not self._reached or position.number == self.last.number:
            raise UnknownEventID(f"{self.last} is not in this order")
        self.last = position
        if is_sendable(position.id):
            self.resume = position.id
        return True
