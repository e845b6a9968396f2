"""
The workers of a hub, as those see them who look at the hub from outside.

A counter never goes back: what a worker had counted that has died still counts, and one
that does not answer in time counts as it did before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, gatherResults

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.readiness import Fault
from twisted_sse.broker.runregistry import RunRegistry
from twisted_sse.events.holdings import Holdings
from twisted_sse.events.publication import Publication, Published
from twisted_sse.server.workers.calls import Calls
from twisted_sse.server.workers.hubwide import HubWide
from twisted_sse.web.admin.processes import describe_history
from twisted_sse.web.admin.sample import (
    Sample,
    counters_of,
    merge_samples,
    process_numbers,
)

__all__ = ["AllWorkers"]

# How long a worker may take to answer, in seconds: more than `Readiness` waits for what
# history keeps.
_TIMEOUT = 2.0


class AllWorkers:
    """
    Implements `twisted_sse.web.admin.processes.Processes` in the parent.

    Args:
        broker: That of the hub that keeps the history for the workers, or else one that
            shares the history with them.

        count: How many workers there should be.

        counts_published: Whether *broker* keeps what the workers publish.  It then has
            the only complete number of publications.
    """

    def __init__(
        self, hub_wide: HubWide, broker: Broker, count: int, *, counts_published: bool
    ) -> None:
        self.broker = broker
        self.runs = RunRegistry(broker)
        self._hub_wide = hub_wide
        self._count = count
        self._counts_published = counts_published
        self._last: dict[Calls, Sample] = {}
        self._gone: Sample = {}

    def ask(self, name: str, *arguments: Any) -> Deferred[list[Any]]:
        """
        See `Processes.ask`.
        """
        if name == "sample":
            return Deferred.fromCoroutine(self._sample())
        asking = [self._ask_one(calls, name, *arguments) for calls in self._hub_wide.members]
        return gatherResults(asking).addCallback(
            lambda answers: [one for one in answers if one is not None]
        )

    def submit(self, publications: Sequence[Publication]) -> Deferred[list[Published]]:
        """
        See `Processes.submit`.
        """
        return self._hub_wide.submit(self.broker, publications)

    def describe(self) -> Deferred[Holdings]:
        """
        See `Processes.describe`.
        """
        return describe_history(self.broker)

    def examine(self) -> Deferred[list[Fault]]:
        """
        See `Processes.examine`.
        """
        return self.ask("examine").addCallback(self._faults)

    def _faults(self, answers: list[list[list[Any]]]) -> list[Fault]:
        # What is wrong at several of them is told once.
        faults = list(dict.fromkeys(Fault(*one) for answer in answers for one in answer))
        if len(answers) < self._count:
            sentence = f"{len(answers)} of {self._count} workers answer."
            faults.append(Fault("workers", sentence))
        return faults

    def _ask_one(self, calls: Calls, name: str, *arguments: Any) -> Deferred[Any]:
        asking = calls.call("admin", name, *arguments)
        return asking.addTimeout(_TIMEOUT, self.broker.clock).addErrback(lambda _: None)

    async def _sample(self) -> list[Sample]:
        members = self._hub_wide.members
        answers = await gatherResults([self._ask_one(calls, "sample") for calls in members])
        self._last.update(
            {calls: one for calls, one in zip(members, answers, strict=True) if one is not None}
        )
        for calls in [one for one in self._last if one not in self._hub_wide.members]:
            gone = counters_of(self._last.pop(calls))
            self._gone = merge_samples([self._gone, gone])
        samples = [*self._last.values(), self._gone, process_numbers()]
        if not self._counts_published:
            return samples
        published = {"events_published": self.broker.measures.published}
        return [*({**one, "events_published": 0} for one in samples), published]
