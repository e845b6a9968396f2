"""
The newest frames of the hub's one order, kept in memory.

Whoever has fallen behind catches up from here, without asking history.  A
window never waits, never reads, and forgets the oldest when it is full.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from twisted_sse.broker.audiences.representation import encode_record
from twisted_sse.events.publication import Position, Record, Tail

__all__ = ["Entry", "Window"]

_NUMBER = attrgetter("number")


class Entry:
    """
    One publication, encoded: what every subscriber of it is sent.

    Attributes:
        number: Its place in the one order.

        previous: The position right before it.

        given: Whether its publisher made the ID.
    """

    __slots__ = ("frame", "has_publisher_id", "id", "number", "previous", "private", "topics")

    def __init__(self, kept: Record, previous: Position) -> None:
        self.number = kept.number
        self.id = kept.id
        self.previous = previous
        self.topics = kept.publication.topics
        self.private = kept.publication.private
        self.has_publisher_id = kept.publication.event.id is not None
        self.frame = encode_record(kept)


class Window:
    """
    Keeps the newest entries, at most *events* of them and *size* bytes.

    Attributes:
        head: The position of the newest publication.

        floor: The position before the oldest entry: whoever stands there or
            later finds everything that follows.
    """

    def __init__(self, events: int, size: int) -> None:
        self.head = self.floor = Position(0, "")
        self._bounds = (events, size)
        self._size = 0
        # Forgotten entries stay at the front of the list until they are an
        # eighth of it: taking them one by one would be quadratic.
        self._entries: list[Entry] = []
        self._first = 0
        self._numbers: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._entries) - self._first

    def start(self, tail: Tail) -> None:
        """
        Begin, or begin anew, with what *tail* has.
        """
        self.head = self.floor = tail.before
        self._entries = []
        self._numbers = {}
        self._size = self._first = 0
        self.extend(tail.kept)

    def extend(self, batch: Sequence[Record]) -> list[Entry]:
        """
        Add what follows the head, in this order.
        """
        entries = []
        size, head, numbers = self._size, self.head, self._numbers
        for kept in batch:
            entry = Entry(kept, head)
            entries.append(entry)
            # Publishers may use an ID of theirs again, and then the oldest event
            # that has it counts: only history knows which that is.
            if not entry.has_publisher_id:
                numbers[kept.id] = kept.number
            size += len(entry.frame)
            head = Position(kept.number, kept.id)
        self._size, self.head = size, head
        self._entries += entries
        self._forget()
        return entries

    def covers(self, number: int) -> bool:
        """
        Whether everything that follows *number* is here.
        """
        return number >= self.floor.number

    def number_of(self, event_id: str) -> int | None:
        """
        Where the event with *event_id* stands, if history made that ID for an
        event that is here.
        """
        return self._numbers.get(event_id)

    def following(self, number: int) -> Iterator[Entry]:
        """
        The entries that follow *number*, oldest first.
        """
        indices = range(self._after(number), len(self._entries))
        return map(self._entries.__getitem__, indices)

    def count_after(self, number: int) -> int:
        """
        How many entries follow *number*.
        """
        return len(self._entries) - self._after(number)

    def _after(self, number: int) -> int:
        return bisect_right(self._entries, number, lo=self._first, key=_NUMBER)

    def _forget(self) -> None:
        """
        Let the oldest go until both bounds hold.
        """
        most, size = self._bounds
        entries, numbers, first = self._entries, self._numbers, self._first
        while len(entries) - first > most or self._size > size:
            oldest = entries[first]
            first += 1
            self._size -= len(oldest.frame)
            if numbers.get(oldest.id) == oldest.number:
                del numbers[oldest.id]
        if first > self._first:
            self.floor = Position(oldest.number, oldest.id)
            self._first = first
        if first * 8 > len(entries):
            del entries[:first]
            self._first = 0
