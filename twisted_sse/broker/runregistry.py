"""
The runs of a hub: those whose sources are read here, and those that history knows.

`twisted_sse.runs.Runs` begins them; whoever only looks, or cancels one, needs no `Runs`, and
need not be on the node where the source is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from twisted.internet.defer import maybeDeferred

from twisted_sse.broker.broker import Broker
from twisted_sse.errors import TopicEnded
from twisted_sse.events.publication import Publication
from twisted_sse.events.runrecord import RunRecord, beginning
from twisted_sse.events.runstatus import ActiveRun, RunStatus
from twisted_sse.interfaces import IRunHistory
from twisted_sse.units import check_count

__all__ = ["DEFAULT_PREFIX", "OwnedRun", "OwnedRuns", "RunRegistry"]

#: What the topics of runs begin with if nothing else was chosen.
DEFAULT_PREFIX = "runs/"


class OwnedRun(Protocol):
    """
    A run whose source this process reads.

    Attributes:
        run: The run, as it was begun.

        user: Who has begun it.
    """

    run: RunRecord
    user: str | None

    @property
    def events(self) -> int:
        """
        How many events the source has yielded.
        """

    @property
    def bytes(self) -> int:
        """
        How many bytes these have.
        """


class OwnedRuns(Protocol):
    """
    All of them, at any time.
    """

    def __len__(self) -> int: ...

    def __iter__(self) -> Iterator[OwnedRun]: ...


class RunRegistry:
    """
    The runs of a hub, in `Hub.runs`.

    ``len()`` is the number of those whose sources this process reads, and iterating gives an
    `ActiveRun` for each; runs may begin and end meanwhile.
    """

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._history = IRunHistory(broker.history, None)
        self._owned: list[tuple[str, OwnedRuns]] = []

    def __len__(self) -> int:
        return sum(len(owned) for _, owned in self._owned)

    def __iter__(self) -> Iterator[ActiveRun]:
        for _, owned in self._owned:
            for one in owned:
                yield self._active(one)

    @property
    def prefixes(self) -> Sequence[str]:
        """
        What the topics of runs begin with here; the rest is the name.
        """
        return list(dict.fromkeys([*(prefix for prefix, _ in self._owned), DEFAULT_PREFIX]))

    def add(self, prefix: str, owned: OwnedRuns) -> None:
        """
        Add runs whose topics begin with *prefix*.
        """
        self._owned.append((prefix, owned))

    async def get(self, topic: str) -> RunStatus | None:
        """
        Find the run of *topic*, on whichever node it is; ``None`` if there is none, or it is
        forgotten.

        Raises:
            HistoryUnavailable: History cannot tell now.
        """
        record = await self.find(topic)
        return None if record is None else self.status_of(record)

    async def list(self, before: int | None = None, limit: int = 100) -> Sequence[RunStatus]:
        """
        List the runs that history knows, on whichever node they are, those that began last
        first.

        Args:
            before: ``None`` to begin with the newest; else `RunStatus.number` of the last
                one of the page before.

            limit: The most to return, at least 1.

        Raises:
            HistoryUnavailable: History cannot tell now.
        """
        check_count("limit", limit)
        if self._history is None:
            return []
        await self._broker.start()
        found: Sequence[RunRecord] = await maybeDeferred(self._history.list_runs, before, limit)
        return [self.status_of(one) for one in found]

    async def cancel(self, topic: str) -> bool:
        """
        End the run of *topic* with the outcome ``cancelled``, on whichever node its source is.

        Returns:
            Whether it went on until now.

        Raises:
            HistoryUnavailable, HubClosed: The run may go on.
        """
        record = await self.find(topic)
        if record is None or record.outcome is not None:
            return False
        try:
            await self._broker.submit(
                [Publication.ending(topic, "cancelled", private=record.private)]
            )
        except TopicEnded:
            return False
        return True

    async def find(self, topic: str) -> RunRecord | None:
        """
        Find the run of *topic*, as history knows it.

        Raises:
            HistoryUnavailable: History cannot tell now.
        """
        if self._history is None:
            return None
        await self._broker.start()
        found: RunRecord | None = await maybeDeferred(self._history.find_run, topic)
        return found

    def count_readers(self, topic: str, private: bool) -> int:
        """
        Count the connections of this process that get the events of a run.
        """
        return self._broker.distribution.count([beginning(topic, private)])[0]

    def status_of(self, record: RunRecord) -> RunStatus:
        """
        What is told of a run.
        """
        topic = record.key.topic
        state = record.outcome or "running"
        start = record.start
        return RunStatus(
            *(self._name_of(topic), state, record.begun, start.number, topic),
            start=start.id,
            private=record.private,
        )

    def _active(self, one: OwnedRun) -> ActiveRun:
        topic = one.run.key.topic
        readers = self.count_readers(topic, one.run.private)
        return ActiveRun(
            *(self._name_of(topic), topic, one.user, one.run.begun),
            events=one.events,
            bytes=one.bytes,
            readers=readers,
        )

    def _name_of(self, topic: str) -> str:
        # The longest: one may begin with another.
        fitting = [prefix for prefix in self.prefixes if topic.startswith(prefix)]
        return topic.removeprefix(max(fitting, key=len, default=""))
