"""
The position of an edge in upstream's order, and the check that the order is the
same as before.

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
        known: Events that precede *last*, to resume from if the ID of *last*
            cannot be sent in a request.

    Attributes:
        last: The position of the newest event that was taken.

        resume: The event ID to resume from; `take` skips the events between it
            and *last*.
    """

    def __init__(self, last: Position, known: Iterable[Position] = ()) -> None:
        self.last = last
        sendable = [one.id for one in (*known, last) if is_sendable(one.id)]
        self.resume = sendable[-1] if sendable else None
        # Whether the stream has reached `last`, so that later events are new.
        self._reached = True

    def open(self, note: dict[str, Any]) -> None:
        """
        Begin a stream after the event with the ID of `last`.

        Args:
            note: The note of upstream's `stream-open`.

        Raises:
            ValueError: The note does not tell the newest position.

            UnknownEventID: Upstream has lost its history, and a publisher has
                used the same ID again.
        """
        newest = read_position(note.get("newest"))
        if newest.number < self.last.number:
            raise UnknownEventID(f"{newest} is the newest, but {self.last} was known")
        # If publishers have used an ID twice, the stream begins after the first.
        self._reached = note.get("number", self.last.number) >= self.last.number

    def take(self, record: Record) -> bool:
        """
        Take the next record of the stream, and return whether it is new.

        Raises:
            UnknownEventID: The order is another than before.
        """
        position = Position(record.number, record.id)
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
