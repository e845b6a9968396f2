"""
The processes of a hub: each is asked about its own connections.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.readiness import Fault
from twisted_sse.broker.runregistry import RunRegistry
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.holdings import Holdings
from twisted_sse.events.publication import Publication, Published
from twisted_sse.events.runstatus import ActiveRun
from twisted_sse.interfaces import IDescribedHistory
from twisted_sse.web.admin.listing import ConnectionQuery
from twisted_sse.web.admin.rows import find_connections
from twisted_sse.web.admin.sample import Sample, merge_samples, take_sample
from twisted_sse.web.admin.slices import visit_all
from twisted_sse.web.admin.topics import TopicQuery, find_topics

__all__ = ["OneProcess", "ProcessReport", "Processes", "describe_history", "whole_sample"]

# How long history may take to tell what it holds, in seconds.
_TIMEOUT = 1.0


class Processes(Protocol):
    """
    All processes that serve one hub.

    Attributes:
        broker: Has every event of the hub, for those who watch and publish.

        runs: Knows the runs of its history.
    """

    broker: Broker
    runs: RunRegistry

    def ask(self, name: str, *arguments: Any) -> Deferred[list[Any]]:
        """
        Call the method *name* of the `ProcessReport` of each process.

        It never fails: a process that does not answer in time is left out.
        """

    def submit(self, publications: Sequence[Publication]) -> Deferred[list[Published]]:
        """
        See `Broker.submit`; the connections of all of them are counted.
        """

    def describe(self) -> Deferred[Holdings]:
        """
        Tell what history holds.  It never fails.
        """

    def examine(self) -> Deferred[list[Fault]]:
        """
        Find out why the hub is not ready, if it is not.  It never fails.
        """


class ProcessReport:
    """
    Tells about the connections of one process; arguments and results are JSON.

    Args:
        responses: Returns the number of open streams of generators.

        runs: Those whose sources the process reads.
    """

    def __init__(self, broker: Broker, responses: Callable[[], int], runs: RunRegistry) -> None:
        self._broker = broker
        self._responses = responses
        self._runs = runs
        self._methods: Mapping[str, Callable[..., Any]] = {
            "close": self._close,
            "connections": self._connections,
            "examine": broker.readiness.examine,
            "readers": self._readers,
            "runs": self._list_runs,
            "sample": self._sample,
            "topics": self._topics,
        }

    def answer(self, name: str, *arguments: Any) -> Deferred[Any]:
        """
        Answer one question.
        """
        return maybeDeferred(self._methods[name], *arguments)

    def _sample(self) -> Awaitable[Any]:
        self._broker.stalls.start()
        return take_sample(self._broker, self._responses())

    def _connections(self, query: dict[str, Any]) -> Awaitable[Any]:
        broker = self._broker
        registry = broker.admission.connections
        return find_connections(registry, ConnectionQuery(**query), broker.clock, broker.now)

    def _topics(self, query: dict[str, Any]) -> Awaitable[Any]:
        registry = self._broker.admission.connections
        return find_topics(registry, TopicQuery(**query), self._broker.clock)

    async def _list_runs(self) -> dict[str, Any]:
        active: list[ActiveRun] = []
        await visit_all(self._runs, active.append, self._broker.clock)
        return {"prefixes": self._runs.prefixes, "active": active}

    async def _readers(self, runs: Sequence[tuple[str, bool]]) -> list[int]:
        """
        Count the connections that get each run, of which *runs* has the topic, and whether
        it is private.
        """
        counts: list[int] = []

        def count(run: tuple[str, bool]) -> None:
            counts.append(self._runs.count_readers(*run))

        await visit_all(runs, count, self._broker.clock)
        return counts

    def _close(self, name: str, final: dict[str, Any] | None) -> bool:
        """
        Close a connection, after the event with the fields *final*.
        """
        connection = self._broker.admission.connections.with_id(name)
        if connection is None:
            return False
        connection.close(None if final is None else ServerSentEvent(**final))
        return True


class OneProcess:
    """
    Implements `Processes` for a hub of one process.
    """

    def __init__(self, broker: Broker, responses: Callable[[], int], runs: RunRegistry) -> None:
        self.broker = broker
        self.runs = runs
        self._report = ProcessReport(broker, responses, runs)

    def ask(self, name: str, *arguments: Any) -> Deferred[list[Any]]:
        """
        See `Processes.ask`.
        """
        return self._report.answer(name, *arguments).addCallback(lambda answer: [answer])

    def submit(self, publications: Sequence[Publication]) -> Deferred[list[Published]]:
        """
        See `Processes.submit`.
        """
        return self.broker.submit(publications)

    def describe(self) -> Deferred[Holdings]:
        """
        See `Processes.describe`.
        """
        return describe_history(self.broker)

    def examine(self) -> Deferred[list[Fault]]:
        """
        See `Processes.examine`.
        """
        return self.broker.readiness.examine()


def describe_history(broker: Broker) -> Deferred[Holdings]:
    """
    Ask the history of *broker* what it holds; nothing is known if it cannot tell, or not
    in time.
    """
    described = IDescribedHistory(broker.history, None)
    if described is None:
        return succeed(Holdings())
    starting = broker.start().addCallback(lambda _: described.describe())
    return _in_time(starting, broker.clock)


def _in_time(asking: Deferred[Holdings], clock: IReactorTime) -> Deferred[Holdings]:
    # What was asked is not cancelled: a store may answer in order, and its next answer
    # would be taken for this one.
    answer: Deferred[Holdings] = Deferred()
    call = clock.callLater(_TIMEOUT, answer.callback, Holdings())

    def told(result: Holdings | Failure) -> None:
        if call.active():
            call.cancel()
            answer.callback(Holdings() if isinstance(result, Failure) else result)

    asking.addBoth(told)
    return answer


async def whole_sample(processes: Processes) -> Sample:
    """
    Take the numbers of all processes, and of history.
    """
    sample = merge_samples(await processes.ask("sample"))
    holdings = await processes.describe()
    told = {"history_events": holdings.events, "history_bytes": holdings.bytes}
    return sample | {key: number for key, number in told.items() if number is not None}
