"""
The newest records of the hub's one order, encoded and kept in memory.

A connection that is a little behind catches up from here, without asking history.
A window never waits and never reads; when it is full, it forgets the oldest.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter

from twisted_sse.broker.audiences.representation import EnvelopeKey, encode_record, trace_of
from twisted_sse.events.publication import Position, PublisherID, Record, Tail

__all__ = ["Entry", "MayRead", "Window"]

#: Whether a subscriber may read an event of these topics, which may be private.
MayRead = Callable[[Sequence[str], bool], bool]

_NUMBER = attrgetter("number")


class Entry:
    """
    One record, encoded: what every subscriber of it is sent.

    Attributes:
        number: Its place in the one order.

        previous: The position right before it.

        has_publisher_id: Whether the ID came from the publisher.

        outcome: How its topics have ended, if this is their end.

        trace: The trace that it belongs to, if that was told.

        enveloped: The frames that tell its topics, made when first needed, by envelope
            and the topics that are told.
    """

    __slots__ = (
        "enveloped",
        "frame",
        "has_publisher_id",
        "id",
        "number",
        "outcome",
        "previous",
        "private",
        "topics",
        "trace",
    )

    def __init__(self, record: Record, previous: Position) -> None:
        self.number = record.number
        self.id = record.id
        self.previous = previous
        self.topics = record.publication.topics
        self.private = record.publication.private
        self.has_publisher_id = record.publication.event.id is not None
        self.outcome = record.publication.outcome
        self.frame = encode_record(record)
        self.trace = trace_of(record)
        self.enveloped: dict[EnvelopeKey, bytes] | None = None

    @property
    def position(self) -> Position:
        """
        The position of a connection that has been sent this.
        """
        return Position(self.number, PublisherID(self.id) if self.has_publisher_id else self.id)


class Window:
    """
    Keeps the newest entries, at most *events* of them and *size* bytes.

    Attributes:
        head: The position of the newest record.

        floor: The position before the oldest entry: everything that follows it is
            in the window.
    """

    def __init__(self, events: int, size: int) -> None:
        self.head = self.floor = Position(0, "")
        self._bounds = (events, size)
        self._size = 0
        # Forgotten entries stay at the front of the list until they are an eighth of
        # it: removing them one by one would be quadratic.
        self._entries: list[Entry] = []
        self._first = 0
        self._numbers: dict[str, int] = {}
        self._by_publisher_id: dict[str, Entry] = {}

    def __len__(self) -> int:
        return len(self._entries) - self._first

    def start(self, tail: Tail) -> None:
        """
        Begin, or begin anew, with the records of *tail*.
        """
        self.head = self.floor = tail.before
        self._entries = []
        self._numbers = {}
        self._by_publisher_id = {}
        self._size = self._first = 0
        self.extend(tail.kept)

    def extend(self, batch: Sequence[Record]) -> list[Entry]:
        """
        Add the records of *batch*, which follow the head in this order.
        """
        entries = []
        size, head, numbers = self._size, self.head, self._numbers
        for record in batch:
            entry = Entry(record, head)
            entries.append(entry)
            # A publisher may use an ID again, and then the oldest event with that ID
            # counts: only history knows which one that is.
            size += len(entry.frame)
            if entry.has_publisher_id:
                self._by_publisher_id[record.id] = entry
                head = entry.position
            else:
                numbers[record.id] = record.number
                head = Position(record.number, record.id)
        self._size, self.head = size, head
        self._entries += entries
        self._forget()
        return entries

    def covers(self, number: int) -> bool:
        """
        Whether everything that follows *number* is in the window.
        """
        return number >= self.floor.number

    def number_of(self, event_id: str) -> int | None:
        """
        The number of the event with *event_id*, if the event is in the window and
        history made its ID.
        """
        return self._numbers.get(event_id)

    def is_hidden(self, event_id: str, may_read: MayRead) -> bool:
        """
        Whether *event_id* came from the publisher of an event in the window that
        a subscriber may not read: it must not learn that there is such an event.
        """
        entry = self._by_publisher_id.get(event_id)
        return entry is not None and not may_read(entry.topics, entry.private)

    def shown_id(self, may_read: MayRead, number: int | None = None) -> str | None:
        """
        The newest ID that a subscriber may be shown.

        Args:
            number: Look only at what does not follow it, instead of at everything.

        Returns:
            ``None`` if the window has no such ID.

        Only events that the subscriber may not read follow that ID, so a resume from
        there misses nothing, and repeats nothing.
        """
        if number is None and not isinstance(self.head.id, PublisherID):
            return self.head.id
        end = None if number is None else self._after(number)
        for entry in reversed(self._entries[self._first : end]):
            if not entry.has_publisher_id or may_read(entry.topics, entry.private):
                return entry.id
        return None if isinstance(self.floor.id, PublisherID) else self.floor.id

    def following(self, number: int) -> Iterator[Entry]:
        """
        The entries that follow *number*, oldest first.
        """
        indices = range(self._after(number), len(self._entries))
        return map(self._entries.__getitem__, indices)

    def count_after(self, number: int) -> int:
        """
        The number of entries that follow *number*.
        """
        return len(self._entries) - self._after(number)

    def _after(self, number: int) -> int:
        return bisect_right(self._entries, number, lo=self._first, key=_NUMBER)

    def _forget(self) -> None:
        """
        Forget the oldest entries until both bounds hold.
        """
        most, size = self._bounds
        entries, numbers, first = self._entries, self._numbers, self._first
        while len(entries) - first > most or self._size > size:
            oldest = entries[first]
            first += 1
            self._size -= len(oldest.frame)
            if numbers.get(oldest.id) == oldest.number:
                del numbers[oldest.id]
            elif self._by_publisher_id.get(oldest.id) is oldest:
                del self._by_publisher_id[oldest.id]
        if first > self._first:
            self.floor = oldest.position
            self._first = first
        if first * 8 > len(entries):
            del entries[:first]
            self._first = 0
