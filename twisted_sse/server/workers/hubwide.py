"""
What counts for the hub, not for one of its workers: connections, receipts, repeats.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.receipts import Find, PublishOutcome, Receipts, RepeatKey, Submit
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Publication, Published
from twisted_sse.events.replication import read_publications
from twisted_sse.server.workers.calls import AnswerCall, Calls
from twisted_sse.server.workers.siblings import read_outcomes, write_outcomes
from twisted_sse.web.locate import finder

__all__ = ["HubWide"]

# How long a worker may take to count its subscribers of an event, in seconds.  It needs
# a turn of its reactor; one that takes longer is stuck, and counts as 0.
_TIMEOUT = 1.0

# How long a worker may take to change the topics of a stream, in seconds: it may have to
# look for an event in history.
_CHANGE_TIMEOUT = 10.0

# Receipts of all workers, in bytes: as many as a hub of one process keeps for itself.
_RECEIPTS = 4 * 1024 * 1024


class HubWide:
    """
    Lives in the parent, and answers the workers.

    Args:
        broker: That of the hub that keeps the history; ``None`` if the workers share
            another one.
    """

    def __init__(self, broker: Broker | None, clock: IReactorTime) -> None:
        self._broker = broker
        self._clock = clock
        asks_first = (lambda: True) if broker is None else broker.may_be_repeats
        self._receipts = Receipts(_RECEIPTS, asks_first)
        self._members: dict[Calls, Counter[str]] = {}
        self._totals: Counter[Calls] = Counter()
        self._networks: Counter[str] = Counter()

    @property
    def connections(self) -> int:
        """
        The number of connections of all workers.
        """
        return self._totals.total()

    def handlers(self, calls: Calls) -> dict[str, AnswerCall]:
        """
        The handlers for the calls of a worker.

        Args:
            calls: Reaches the worker.
        """
        return {
            "append": self._append,
            "connections": partial(self._change, calls),
            "count": partial(self._count, calls),
            "once": partial(self._once, calls),
            "topics": partial(self._change_topics, calls),
        }

    @property
    def members(self) -> Sequence[Calls]:
        """
        The workers that are ready.
        """
        return list(self._members)

    def join(self, calls: Calls) -> None:
        """
        Take a worker that is ready.
        """
        self._members[calls] = Counter()
        calls.tell("elsewhere", self._totals.total(), dict(self._networks), len(self._members))
        self._tell_others(calls, ())

    def leave(self, calls: Calls) -> None:
        """
        Forget a worker, and its connections.
        """
        networks = self._members.get(calls)
        if networks is not None:
            self._change(calls, 0, dict.fromkeys(networks, 0))
            del self._members[calls], self._totals[calls]
            self._tell_others(calls, ())

    def _change(self, calls: Calls, total: int, networks: dict[str, int]) -> None:
        own = self._members.get(calls)
        if own is None:
            return
        self._totals[calls] = total
        for network, count in networks.items():
            self._networks[network] += count - own[network]
            own[network] = count
            for counter in (own, self._networks):
                if not counter[network]:
                    del counter[network]
        self._tell_others(calls, networks)

    def _tell_others(self, calls: Calls, networks: Sequence[str] | dict[str, int]) -> None:
        total = self._totals.total()
        for other, own in self._members.items():
            if other is not calls:
                changed = {one: self._networks[one] - own[one] for one in networks}
                other.tell("elsewhere", total - self._totals[other], changed, len(self._members))

    def _count(self, calls: Calls | None, asked: list[Any]) -> Deferred[Sequence[int]]:
        """
        Ask all workers but one how many of their connections get each publication.
        """
        nobody = [0] * len(asked)
        answers = [
            other.call("count", asked)
            .addTimeout(_TIMEOUT, self._clock)
            .addErrback(lambda _: nobody)
            for other in self._members
            if other is not calls
        ]
        return gatherResults(answers).addCallback(_sums, nobody)

    async def _change_topics(self, calls: Calls, *asked: object) -> Any:
        """
        Have the worker change the topics of a stream that has it, if there is one.
        """
        others = [other for other in self._members if other is not calls]
        asking = [
            other.call("topics", *asked).addTimeout(_CHANGE_TIMEOUT, self._clock)
            for other in others
        ]
        answers = await DeferredList(asking, consumeErrors=True)
        for succeeded, answer in answers:
            if succeeded and answer is not None:
                return answer
        if not all(succeeded for succeeded, _ in answers):
            raise HistoryUnavailable("A process of the hub has not answered.")
        return None

    async def _append(self, written: str) -> list[Any]:
        """
        Keep publications, and return their positions.
        """
        assert self._broker is not None
        published = await self._broker.submit(read_publications(written.encode("utf-8")))
        return [[record.number, record.id] for record, _ in published]

    def _once(
        self, calls: Calls, number: int, key: str, body: str, written: str, searchable: bool
    ) -> Deferred[list[Any]]:
        repeat = RepeatKey(bytes.fromhex(key), bytes.fromhex(body))
        submit: Submit
        find: Find | None
        if self._broker is not None:
            publications = read_publications(written.encode("utf-8"))
            # Here, so that it is done even if the worker dies meanwhile.
            submit = partial(self.submit, self._broker, publications)
            find = finder(self._broker, publications)
        else:
            submit = partial(_submit_in, calls, number)
            find = partial(_find_in, calls, number) if searchable else None
        return self._receipts.once(repeat, submit, find).addCallback(write_outcomes)

    def submit(
        self, broker: Broker, publications: Sequence[Publication]
    ) -> Deferred[list[Published]]:
        """
        Submit *publications* to *broker*, and count the connections of the workers that get
        each.
        """
        return Deferred.fromCoroutine(self._submit_and_count(broker, publications))

    async def _submit_and_count(
        self, broker: Broker, publications: Sequence[Publication]
    ) -> list[Published]:
        published = await broker.submit(publications)
        # The broker's own connections are the workers.
        counts = await self._count(None, [[one.topics, one.private] for one in publications])
        return [(record, count) for (record, _), count in zip(published, counts, strict=True)]


def _sums(counts: Sequence[Sequence[int]], nobody: Sequence[int]) -> Sequence[int]:
    return [sum(one) for one in zip(nobody, *counts, strict=True)]


def _submit_in(calls: Calls, number: int) -> Deferred[Any]:
    return calls.call("submit", number).addCallback(read_outcomes)


def _find_in(calls: Calls, number: int) -> Deferred[Sequence[PublishOutcome] | None]:
    return calls.call("find", number).addCallback(_found)


def _found(written: list[Any] | None) -> Sequence[PublishOutcome] | None:
    return None if written is None else read_outcomes(written)
