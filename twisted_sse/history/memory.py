"""
History in memory: bounded, quick, and gone with the process.

Every life of the process has its own epoch, so an ID from an earlier life is
recognized as unknown instead of being taken for a newer event's.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Sequence
from itertools import islice
from sys import getsizeof

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_sse.clock import clock_for
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["MemoryHistory"]

# What a publication takes beside its texts, in bytes: the event, the publication,
# the `Record`, its own ID.  Measured with tracemalloc on CPython 3.11.
_OVERHEAD = 340


@implementer(IHistoryProvider)
class MemoryHistory:
    """
    Keeps the newest publications in memory.

    Args:
        events: The most publications to keep.

        bytes: The most memory to use, about, in bytes.

        age: The longest time to keep one, in seconds.

        clock: Tells the time; the global reactor's by default.
    """

    def __init__(
        self,
        *,
        events: int = 10_000,
        bytes: int = 64 * 1024 * 1024,
        age: float = 3600.0,
        clock: IReactorTime | None = None,
    ) -> None:
        for name, bound in (("events", events), ("bytes", bytes), ("age", age)):
            if bound <= 0:
                raise ValueError(f"{name} must be greater than 0, not {bound!r}")
        self._bounds = (events, bytes, age)
        self._clock = clock_for(clock)
        self._epoch = secrets.token_hex(4)
        self._newest = 0
        self._kept: deque[tuple[float, int, Record]] = deque()
        self._size = 0
        self._given: dict[str, _Given] = {}

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        now = self._clock.seconds()
        kept = [self._keep(publication, now) for publication in publications]
        self._trim(now)
        return kept

    def since(self, last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        See `IHistoryProvider.since`.
        """
        self._trim(self._clock.seconds())
        oldest = self._newest - len(self._kept) + 1
        number = oldest - 1 if last_event_id is None else self._locate(last_event_id)
        if not oldest - 1 <= number <= self._newest:
            raise UnknownEventID(f"{last_event_id!r} is not kept")
        followers = islice(self._kept, number - oldest + 1, None)
        matching = (kept for _, _, kept in followers if topics.matches(kept.publication.topics))
        return list(islice(matching, limit))

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        self._trim(self._clock.seconds())
        count = min(limit, len(self._kept))
        kept = [one for _, _, one in islice(self._kept, len(self._kept) - count, None)]
        before = self._newest - count
        return Tail(Position(before, self._name(before)), kept)

    def _keep(self, publication: Publication, now: float) -> Record:
        self._newest += 1
        event = publication.event
        kept = Record(self._newest, event.id or self._name(self._newest), publication)
        if event.id:
            self._given.setdefault(event.id, _Given(self._newest)).count += 1
        size = _size(publication)
        self._kept.append((now, size, kept))
        self._size += size
        return kept

    def _trim(self, now: float) -> None:
        events, size, age = self._bounds
        kept = self._kept
        while kept and (len(kept) > events or self._size > size or kept[0][0] <= now - age):
            _, freed, oldest = kept.popleft()
            self._size -= freed
            if oldest.publication.event.id:
                self._forget_given(oldest)

    def _forget_given(self, forgotten: Record) -> None:
        given = self._given[forgotten.id]
        given.count -= 1
        if given.oldest == forgotten.number:
            given.oldest = None
        if given.count == 0:
            del self._given[forgotten.id]

    def _locate(self, event_id: str) -> int:
        epoch, _, sequence = event_id.rpartition("-")
        # isdecimal() takes other scripts' digits too, and int() would as well:
        # comparing the whole ID accepts only what _name() writes.
        if epoch == self._epoch and len(sequence) < 20 and sequence.isdecimal():
            number = int(sequence)
            if event_id == self._name(number):
                return number
        given = self._given.get(event_id)
        if given is not None and given.oldest is not None:
            return given.oldest
        raise UnknownEventID(f"{event_id!r} is not of this history")

    def _name(self, number: int) -> str:
        return f"{self._epoch}-{number}"


class _Given:
    """
    Where the publications stand that have one ID of a publisher's making.

    Attributes:
        oldest: The number of the oldest, which counts; ``None`` when that is
            kept no longer, because no other can stand for it.

        count: How many are kept.
    """

    __slots__ = ("count", "oldest")

    def __init__(self, oldest: int) -> None:
        self.oldest: int | None = oldest
        self.count = 0


def _size(publication: Publication) -> int:
    """
    The memory that *publication* takes, about.
    """
    event = publication.event
    texts = (event.data, event.comment, event.event, event.id, *publication.topics)
    return _OVERHEAD + sum(getsizeof(text) for text in texts if text)
