"""
The runs of a history in memory: who owns which topic, and until when.

Nothing here keeps publications.  What has been forgotten costs nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from itertools import islice

from twisted_sse.errors import RunLost
from twisted_sse.events.publication import Publication, Record
from twisted_sse.events.runrecord import RunKey, RunRecord

__all__ = ["MemoryRuns"]


class _Run:
    """
    Attributes:
        record: The run as it is known.

        until: When its lease runs out, in seconds.

        keep: For how long it is known after its end, in seconds.

        end: The number of the publication with which it ended; ``None`` while it goes on.
    """

    __slots__ = ("end", "keep", "record", "until")

    def __init__(self, record: RunRecord, until: float, keep: float) -> None:
        self.record = record
        self.until = until
        self.keep = keep
        self.end: int | None = None


class MemoryRuns:
    """
    See `IRunHistory`.
    """

    def __init__(self) -> None:
        # In the order in which they began.
        self._runs: dict[str, _Run] = {}
        self._going_on: dict[str, _Run] = {}
        # When to forget which.
        self._finished: list[tuple[float, int, str]] = []
        # When a hub has renewed or interrupted last.
        self._called: float | None = None

    def add(self, record: RunRecord, until: float, keep: float) -> None:
        """
        Add a run that has just begun.
        """
        topic = record.key.topic
        self._runs.pop(topic, None)
        self._runs[topic] = self._going_on[topic] = _Run(record, until, keep)

    def find(self, topic: str) -> RunRecord | None:
        """
        Find the run of *topic*.
        """
        run = self._runs.get(topic)
        return None if run is None else run.record

    def newest(self, before: int | None, limit: int) -> list[RunRecord]:
        """
        See `IRunHistory.list_runs`.
        """
        records = (one.record for one in reversed(self._runs.values()))
        found = (one for one in records if before is None or one.start.number < before)
        return list(islice(found, limit))

    def check_owners(self, publications: Iterable[Publication]) -> None:
        """
        Check that the owners of *publications* own the runs of their topics.

        Raises:
            RunLost: One does not.
        """
        owned = [one for one in publications if one.owner is not None]
        lost = {
            topic
            for one in owned
            for topic in one.topics
            if not self._owns(RunKey(topic, one.owner or ""))
        }
        if lost:
            raise RunLost(sorted(lost))

    def end(self, ending: Record, now: float) -> None:
        """
        End the runs of the topics that *ending* ends.
        """
        for topic in ending.publication.topics:
            run = self._going_on.pop(topic, None)
            if run is not None:
                run.record = run.record._replace(outcome=ending.publication.outcome)
                run.end = ending.number
                heapq.heappush(self._finished, (now + run.keep, ending.number, topic))

    def renew(self, keys: Sequence[RunKey], until: float, now: float) -> list[RunKey]:
        """
        Let the leases of *keys* last until *until*, and return those that are lost.
        """
        self._called = now
        lost = []
        for key in keys:
            if self._owns(key):
                self._going_on[key.topic].until = until
            else:
                lost.append(key)
        return lost

    def expired(self, lease: float, limit: int, now: float) -> list[RunRecord]:
        """
        Find the runs to interrupt; see `IRunHistory.interrupt_runs`.
        """
        called, self._called = self._called, now
        if called is None or now - called > lease / 2:
            for run in self._going_on.values():
                run.until = max(run.until, now + lease)
            return []
        late = sorted(
            (run.until, topic) for topic, run in self._going_on.items() if run.until <= now
        )
        return [self._going_on[topic].record for _, topic in late[:limit]]

    def forget(self, now: float) -> list[tuple[str, int]]:
        """
        Forget the runs that were kept long enough.

        Returns:
            Their topics, and the numbers of their ends.
        """
        forgotten = []
        while self._finished and self._finished[0][0] <= now:
            _, end, topic = heapq.heappop(self._finished)
            if self.forget_end(topic, end):
                forgotten.append((topic, end))
        return forgotten

    def forget_end(self, topic: str, end: int) -> bool:
        """
        Forget the run of *topic* if it has ended with the publication *end*.
        """
        run = self._runs.get(topic)
        if run is None or run.end != end:
            return False
        del self._runs[topic]
        return True

    def _owns(self, key: RunKey) -> bool:
        run = self._going_on.get(key.topic)
        return run is not None and run.record.key == key
