"""
The parent tells about all workers.
"""

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.server.workers.pairs import StubWorker
from tests.support.hubs import Subscriber, make_hub
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.readiness import Fault
from twisted_sse.history import MemoryHistory
from twisted_sse.server.workers.allworkers import AllWorkers
from twisted_sse.server.workers.hubwide import HubWide
from twisted_sse.web.admin.listing import ConnectionQuery
from twisted_sse.web.admin.processes import whole_sample
from twisted_sse.web.admin.rows import merge_connections
from twisted_sse.web.admin.sample import Sample, merge_samples

__all__ = ["AskingTests", "SampleTests"]


class _TwoWorkersTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        """
        A parent that keeps no history, and two workers with streams.
        """
        self.origin, self.clock = make_hub(MemoryHistory())
        self.hub_wide = HubWide(None, self.clock)
        self.one, self.two = (StubWorker(self.hub_wide) for _ in range(2))
        self.workers = self.make(False)

    def make(self, counts_published: bool) -> AllWorkers:
        """
        Make what tells of the workers.
        """
        return AllWorkers(self.hub_wide, self.origin.broker, 2, counts_published=counts_published)

    def subscribe(self, worker: StubWorker, host: str) -> Subscriber:
        """
        Open a stream.
        """
        return Subscriber(worker.hub, "news", address=IPv4Address("TCP", host, 1))

    def ask(self, name: str, *arguments: Any) -> list[Any]:
        """
        Ask all workers, and let the answers arrive.
        """
        asking = self.workers.ask(name, *arguments)
        self.settle()
        answers: list[Any] = self.successResultOf(asking)
        return answers

    def settle(self) -> None:
        """
        Let all that was written arrive.
        """
        for worker in (self.one, self.two):
            worker.settle()

    def sample(self) -> Sample:
        """
        Return the numbers of all workers.
        """
        return merge_samples(self.ask("sample"))


class AskingTests(_TwoWorkersTestCase):
    """
    Questions to all workers.
    """

    def test_connections(self) -> None:
        """
        The connections of all workers are in one order.
        """
        for worker, host in ((self.one, "192.0.2.3"), (self.two, "192.0.2.1")):
            self.subscribe(worker, host)
        self.subscribe(self.one, "192.0.2.2")

        query = ConnectionQuery(sort="-address", offset=1, limit=2)
        found = merge_connections(self.ask("connections", query.encode()), query)

        hosts = [row["address"] for row in found["connections"]]
        self.assertEqual((hosts, found["total"]), (["192.0.2.2", "192.0.2.1"], 3))

    def test_close(self) -> None:
        """
        The worker that has a connection closes it.
        """
        stream, other = (self.subscribe(one, "192.0.2.1") for one in (self.two, self.one))
        name = self.two.hub.connections.id_of(stream.connection)

        answers = self.ask("close", name, {"data": "bye"})

        self.assertEqual(answers, [False, True])
        self.assertIs(stream.connection.ended, EndReason.CLOSED)
        self.assertEqual(stream.data, ["bye"])
        self.assertIsNone(other.connection.ended)

    def test_readers(self) -> None:
        """
        The readers of a run are counted at all workers, and history is asked by the parent.
        """
        for worker in (self.one, self.two, self.two):
            self.subscribe(worker, "192.0.2.1")

        told = self.ask("runs")
        counts = self.ask("readers", [["news", False], ["else", False]])

        self.assertEqual(told, [{"prefixes": ["runs/"], "active": []}] * 2)
        self.assertEqual(counts, [[1, 0], [2, 0]])
        self.assertEqual(self.parent_lists(), [])

    def parent_lists(self) -> Any:
        """
        Return the runs that the parent knows.
        """
        listing = Deferred.fromCoroutine(self.workers.runs.list())
        self.clock.advance(0)
        return self.successResultOf(listing)

    def faults(self) -> list[Fault]:
        """
        Return why the hub is not ready.
        """
        asking = self.workers.examine()
        self.settle()
        return self.successResultOf(asking)

    def test_examine(self) -> None:
        """
        The hub is ready when all workers are.
        """
        self.assertEqual(self.faults(), [])

        for worker in (self.one, self.two):
            worker.hub.broker.leaving = True
        self.assertEqual(self.faults(), [("stopping", "The hub is about to stop.")])

    def test_missing(self) -> None:
        """
        A hub that lacks a worker is not ready.
        """
        self.hub_wide.leave(self.two.parent)

        self.assertEqual(self.faults(), [("workers", "1 of 2 workers answer.")])

    def test_stuck(self) -> None:
        """
        A worker that does not answer in time is left out.
        """
        self.subscribe(self.one, "192.0.2.1")
        asking = self.workers.ask("topics", {})
        self.one.settle()
        self.clock.advance(3)

        self.assertEqual([one["counts"] for one in self.successResultOf(asking)], [{"news": 1}])


class SampleTests(_TwoWorkersTestCase):
    """
    The numbers of all workers.
    """

    def test_sum(self) -> None:
        """
        Connections are added up, and processes are counted.
        """
        for worker in (self.one, self.two, self.two):
            self.subscribe(worker, "192.0.2.1")

        sample = self.sample()

        self.assertEqual(sample["connections"]["live"], 3)
        self.assertEqual((sample["connections_opened"]["unknown"], sample["processes"]), (3, 2))

    def test_dead(self) -> None:
        """
        What a worker had counted that has died still counts; its connections do not.
        """
        for worker in (self.one, self.two):
            self.subscribe(worker, "192.0.2.1")
        before = self.sample()
        self.hub_wide.leave(self.two.parent)

        for sample in (self.sample(), self.sample()):
            self.assertEqual(sample["connections_opened"], before["connections_opened"])
            self.assertEqual(sample["connections"]["live"], 1)
            self.assertEqual(sum(sample["first_byte_seconds"]["counts"]), 2)
            self.assertEqual(sample["processes"], 1)

    def test_stuck(self) -> None:
        """
        A worker that does not answer counts as before.
        """
        for worker in (self.one, self.two):
            self.subscribe(worker, "192.0.2.1")
        before = self.sample()
        asking = self.workers.ask("sample")
        self.one.settle()
        self.clock.advance(3)

        after = merge_samples(self.successResultOf(asking))

        self.assertEqual(after["connections_opened"], before["connections_opened"])

    def test_published(self) -> None:
        """
        The parent that keeps the history counts publications, whoever sends them, and only
        it.
        """
        self.workers = self.make(True)
        self.origin.publish("news", "by the parent, or by a worker through it")
        self.one.hub.publish("news", "counted there as well")
        self.clock.advance(0)
        self.one.clock.advance(0)

        self.assertEqual(self.sample()["events_published"], 1)

    def test_history(self) -> None:
        """
        History is that of the parent.
        """
        self.origin.publish("news", "kept")
        self.clock.advance(0)
        asking = Deferred.fromCoroutine(whole_sample(self.workers))
        self.settle()

        self.assertEqual(self.successResultOf(asking)["history_events"], 1)
