"""
History in memory: bounded, fast, and lost when the process ends.

Every `MemoryHistory` has its own epoch, so an ID from an earlier process is
recognized as unknown, and never mistaken for a newer event's.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from sys import getsizeof

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from twisted_sse.clock import clock_for, dates_of
from twisted_sse.errors import TopicEnded, UnknownEventID
from twisted_sse.events.holdings import Holdings
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord, beginning
from twisted_sse.history.memoryruns import MemoryRuns
from twisted_sse.interfaces import IDescribedHistory, IRunHistory, ISearchableHistory
from twisted_sse.topics import Selection

__all__ = ["MemoryHistory"]

# The bytes that a publication takes in addition to its texts: the event, the
# publication, the `Record`, its ID.  Measured with tracemalloc on CPython 3.11.
_OVERHEAD = 340

# When a publication was kept, its size in bytes, and its record.
_Kept = tuple[float, int, Record]

# How many publications to match before the reactor does other work: about 2 ms.
_SLICE = 2048


@implementer(IRunHistory, ISearchableHistory, IDescribedHistory)
class MemoryHistory:
    """
    Keeps the newest publications in memory.

    Args:
        events: The most publications to keep.

        bytes: The most memory to use, approximately, in bytes.

        age: The longest time to keep a publication, in seconds.

        clock: The source of time; the global reactor by default.

    Raises:
        ValueError: A bound is not greater than 0.
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
        self._kept: deque[_Kept] = deque()
        self._size = 0
        self._publisher_ids: dict[str, _PublisherID] = {}
        # The ends of topics.
        self._ends: dict[str, Record] = {}
        self._runs = MemoryRuns()
        self._date = dates_of(self._clock)

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IRunHistory.append`.
        """
        now = self._clock.seconds()
        if self._ends:
            self._trim(now)
            self._check_open(publications)
        self._runs.check_owners(publications)
        records = [self._keep(publication, now) for publication in publications]
        self._trim(now)
        return records

    def since(  # type: ignore[override]
        self, last_event_id: str | None, topics: Selection, limit: int
    ) -> Sequence[Record] | Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.since`.

        Returns:
            A `Deferred` if many publications have to be matched, so that the reactor
            does other work in between.
        """
        self._trim(self._clock.seconds())
        oldest = self._newest - len(self._kept) + 1
        number = oldest - 1 if last_event_id is None else self._locate(last_event_id)
        if not oldest - 1 <= number <= self._newest:
            raise UnknownEventID(f"{last_event_id!r} is not kept")
        found: list[Record] = []
        following = islice(self._kept, number - oldest + 1, None)
        if not _match(following, topics, limit, found):
            return found
        # What is kept may change before the next slice.
        matching = _match_later(self._clock, iter(list(following)), topics, limit, found)
        return Deferred.fromCoroutine(matching)

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        self._trim(self._clock.seconds())
        count = min(limit, len(self._kept))
        records = [one for _, _, one in islice(self._kept, len(self._kept) - count, None)]
        before = self._newest - count
        return Tail(Position(before, self._id_of(before)), records)

    def find(self, event_id: str) -> Record | None:
        """
        See `ISearchableHistory.find`.
        """
        self._trim(self._clock.seconds())
        shared = self._publisher_ids.get(event_id)
        if shared is None or shared.oldest is None or self._own(event_id) is not None:
            return None
        return self._kept[shared.oldest - self._newest - 1][2]

    def describe(self) -> Holdings:
        """
        See `IDescribedHistory.describe`.
        """
        events, size, age = self._bounds
        bounds = {"events": events, "bytes": size, "age": age}
        return Holdings(len(self._kept), self._size, bounds=bounds)

    def begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> RunBegun:
        """
        See `IRunHistory.begin_run`.
        """
        known = self.find_run(topic)
        if known is not None:
            return RunBegun(known, ())
        records = self.append([beginning(topic, private)])
        begun = RunRecord(RunKey(topic, owner), self._date(), records[0].position, private)
        self._runs.add(begun, self._clock.seconds() + lease, keep)
        return RunBegun(begun, records)

    def renew_runs(self, keys: Sequence[RunKey], lease: float) -> Sequence[RunKey]:
        """
        See `IRunHistory.renew_runs`.
        """
        now = self._clock.seconds()
        return self._runs.renew(keys, now + lease, now)

    def interrupt_runs(self, lease: float, limit: int) -> Sequence[Record]:
        """
        See `IRunHistory.interrupt_runs`.
        """
        expired = self._runs.expired(lease, limit, self._clock.seconds())
        ends = [
            Publication.ending(run.key.topic, "interrupted", private=run.private) for run in expired
        ]
        return self.append(ends) if ends else ()

    def find_run(self, topic: str) -> RunRecord | None:
        """
        See `IRunHistory.find_run`.
        """
        self._trim(self._clock.seconds())
        return self._runs.find(topic)

    def list_runs(self, before: int | None, limit: int) -> Sequence[RunRecord]:
        """
        See `IRunHistory.list_runs`.
        """
        self._trim(self._clock.seconds())
        return self._runs.newest(before, limit)

    def ends(self, topics: Sequence[str]) -> Sequence[Record]:
        """
        See `IEndingHistory.ends`.
        """
        self._trim(self._clock.seconds())
        found = {self._ends[topic] for topic in topics if topic in self._ends}
        return sorted(found, key=attrgetter("number"))

    def _check_open(self, publications: Sequence[Publication]) -> None:
        topics = {topic for publication in publications for topic in publication.topics}
        ended = sorted(topics & self._ends.keys())
        if ended:
            raise TopicEnded(ended)

    def _keep(self, publication: Publication, now: float) -> Record:
        self._newest += 1
        event = publication.event
        record = Record(self._newest, event.id or self._id_of(self._newest), publication)
        if event.id:
            self._publisher_ids.setdefault(event.id, _PublisherID(self._newest)).count += 1
        if publication.outcome is not None:
            self._ends.update(dict.fromkeys(publication.topics, record))
            self._runs.end(record, now)
        size = _size(publication)
        self._kept.append((now, size, record))
        self._size += size
        return record

    def _trim(self, now: float) -> None:
        for topic, end in self._runs.forget(now):
            if topic in self._ends and self._ends[topic].number == end:
                del self._ends[topic]
        events, size, age = self._bounds
        kept = self._kept
        while kept and (len(kept) > events or self._size > size or kept[0][0] <= now - age):
            _, freed, oldest = kept.popleft()
            self._size -= freed
            if oldest.publication.event.id:
                self._forget_publisher_id(oldest)
            if oldest.publication.outcome is not None:
                self._forget_ends(oldest)

    def _forget_publisher_id(self, forgotten: Record) -> None:
        shared = self._publisher_ids[forgotten.id]
        shared.count -= 1
        if shared.oldest == forgotten.number:
            shared.oldest = None
        if shared.count == 0:
            del self._publisher_ids[forgotten.id]

    def _forget_ends(self, forgotten: Record) -> None:
        for topic in forgotten.publication.topics:
            if self._ends.get(topic) is forgotten:
                del self._ends[topic]
            self._runs.forget_end(topic, forgotten.number)

    def _own(self, event_id: str) -> int | None:
        """
        The number in *event_id* if it has the form of this history's own IDs.
        """
        epoch, _, sequence = event_id.rpartition("-")
        # isdecimal() and int() accept other scripts' digits too: comparing the
        # whole ID accepts only what _id_of() writes.
        if epoch == self._epoch and len(sequence) < 20 and sequence.isdecimal():
            number = int(sequence)
            if event_id == self._id_of(number):
                return number
        return None

    def _locate(self, event_id: str) -> int:
        number = self._own(event_id)
        if number is not None:
            return number
        shared = self._publisher_ids.get(event_id)
        if shared is not None and shared.oldest is not None:
            return shared.oldest
        raise UnknownEventID(f"{event_id!r} is not an ID of this history")

    def _id_of(self, number: int) -> str:
        return f"{self._epoch}-{number}"


class _PublisherID:
    """
    The kept publications that share one publisher's ID.

    Attributes:
        oldest: The number of the first of them, which the ID stands for;
            ``None`` when that is forgotten, because no other replaces it.

        count: The number of those that are kept.
    """

    __slots__ = ("count", "oldest")

    def __init__(self, oldest: int) -> None:
        self.oldest: int | None = oldest
        self.count = 0


def _match(following: Iterator[_Kept], topics: Selection, limit: int, found: list[Record]) -> bool:
    """
    Add what *topics* matches, of at most a slice of *following*, to *found*.

    Returns:
        Whether the slice was not the last one.
    """
    matched = list(islice(following, _SLICE))
    for _, _, record in matched:
        if topics.matches(record.publication.topics):
            found.append(record)
            if len(found) == limit:
                return False
    return len(matched) == _SLICE


async def _match_later(
    clock: IReactorTime,
    following: Iterator[_Kept],
    topics: Selection,
    limit: int,
    found: list[Record],
) -> Sequence[Record]:
    """
    Match all of *following*, slice by slice.
    """
    more = True
    while more:
        await deferLater(clock, 0)
        more = _match(following, topics, limit, found)
    return found


def _size(publication: Publication) -> int:
    """
    Estimate the memory that *publication* takes, in bytes.
    """
    event = publication.event
    texts = (event.data, event.comment, event.event, event.id, *publication.topics)
    return _OVERHEAD + sum(getsizeof(text) for text in texts if text)
