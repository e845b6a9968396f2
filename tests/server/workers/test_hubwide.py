"""
What clients are told is about all workers: two hubs in memory, and the parent between them.
"""

from functools import partial
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from tests.server.workers.pairs import StubWorker
from tests.support.hubs import Subscriber, make_hub
from tests.support.shared import SharedMemoryHistory, SharedStore
from twisted_sse.broker.receipts import KeyReused, RepeatKey
from twisted_sse.broker.topicchanges import ChangeRefused, TopicRequest
from twisted_sse.errors import (
    HistoryUnavailable,
    PerhapsKept,
    TooManyConnections,
    TooManyConnectionsFromAddress,
)
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.server.workers.hubwide import HubWide
from twisted_sse.topics import Matcher, Selection
from twisted_sse.web.locate import finder

__all__ = ["ConnectionsTests", "CountTests", "OnceTests", "SharedOnceTests", "TopicsTests"]

NEWS = Publication(("news",), ServerSentEvent("hello"))


class ConnectionsTests(SynchronousTestCase):
    """
    Limits.
    """

    def setUp(self) -> None:
        """
        Two workers with limits.
        """
        self.hub_wide = HubWide(None, make_hub()[1])
        limits = {"max_connections": 3, "max_connections_per_address": 2}
        self.one, self.two = (StubWorker(self.hub_wide, **limits) for _ in range(2))

    def settle(self) -> None:
        """
        Let all that was written arrive.
        """
        for worker in (self.one, self.two) * 2:
            worker.settle()

    def subscribe(self, worker: StubWorker, host: str) -> Subscriber:
        """
        Open a stream from an address.
        """
        subscriber = Subscriber(worker.hub, "news", address=IPv4Address("TCP", host, 1))
        self.settle()
        return subscriber

    def test_all(self) -> None:
        """
        The limit of all connections counts those of the other worker, until they end.
        """
        streams = [self.subscribe(self.one, f"192.0.2.{number}") for number in range(3)]
        self.assertEqual(self.two.others.total, 3)
        with self.assertRaises(TooManyConnections):
            self.subscribe(self.two, "192.0.2.9")

        streams[0].leave()
        self.settle()

        self.subscribe(self.two, "192.0.2.9")
        self.assertEqual((self.one.others.total, self.two.others.total), (1, 2))

    def test_address(self) -> None:
        """
        So does the limit for one address.
        """
        self.subscribe(self.one, "192.0.2.1")
        self.subscribe(self.two, "192.0.2.1")
        for worker in (self.one, self.two):
            with self.assertRaises(TooManyConnectionsFromAddress):
                self.subscribe(worker, "192.0.2.1")

        self.subscribe(self.two, "192.0.2.2")

        self.assertEqual(self.one.others.of("192.0.2.2"), 1)

    def test_death(self) -> None:
        """
        The connections of a worker that dies count no more.
        """
        self.subscribe(self.one, "192.0.2.1")
        self.subscribe(self.one, "192.0.2.1")

        self.hub_wide.leave(self.one.parent)
        self.two.deliver()

        self.assertEqual((self.two.others.total, self.two.others.of("192.0.2.1")), (0, 0))

    def test_newcomer(self) -> None:
        """
        A worker that starts learns what there is.
        """
        self.subscribe(self.one, "192.0.2.1")
        self.subscribe(self.two, "192.0.2.1")

        third = StubWorker(self.hub_wide)

        self.assertEqual((third.others.total, third.others.of("192.0.2.1")), (2, 2))


class TopicsTests(SynchronousTestCase):
    """
    Changing the topics of a stream that another worker has.
    """

    def setUp(self) -> None:
        """
        Two workers, one of which has a stream.
        """
        self.parent_clock = make_hub()[1]
        hub_wide = HubWide(None, self.parent_clock)
        self.one, self.two = (StubWorker(hub_wide) for _ in range(2))
        self.reader = Subscriber(self.two.hub, "news", fixed=False)
        self.settle()

    def settle(self) -> None:
        """
        Let all that was written arrive.
        """
        for worker in (self.one, self.two) * 3:
            worker.settle()

    def change(self, name: str | None = None, user: str | None = None, **changes: Any) -> Any:
        """
        Ask the worker without the stream to change its topics, or those of the stream *name*.
        """
        request = TopicRequest(("sport", Matcher("exact", "{x}")), (), None, 3)
        name = self.reader.connection.name if name is None else name
        asking = self.one.hub.broker.change_topics(name, user, request._replace(**changes))
        done = Deferred.fromCoroutine(asking)
        self.settle()
        return done

    def test_other(self) -> None:
        """
        The worker that has the stream changes them.
        """
        topics = self.successResultOf(self.change())

        self.assertEqual(topics, ["news", "sport", "{x}"])
        self.assertEqual(list(self.reader.connection.topics), topics)

    def test_refused(self) -> None:
        """
        What it refuses arrives with its reason.
        """
        failures = [
            self.failureResultOf(self.change(**changes), ChangeRefused).value
            for changes in ({"user": "eve"}, {"max_topics": 2}, {"last_event_id": "x-1"})
        ]

        self.assertEqual([one.refusal for one in failures], ["forbidden", "invalid", "unknown"])
        self.assertIn("'x-1'", failures[2].detail)

    def test_unknown(self) -> None:
        """
        A name that no worker knows is not found.
        """
        self.assertIsNone(self.successResultOf(self.change("x" * 22)))

    def test_stuck(self) -> None:
        """
        If a worker does not answer, it may have the stream, so the client has to come again.
        """
        self.two.silent = True
        changing = self.change()
        self.parent_clock.advance(10)
        self.settle()

        self.failureResultOf(changing, HistoryUnavailable)


class CountTests(SynchronousTestCase):
    """
    Receipts.
    """

    def setUp(self) -> None:
        """
        Two workers on a shared history.
        """
        store = SharedStore()
        _, self.clock = make_hub()
        self.hub_wide = HubWide(None, self.clock)
        self.one, self.two = (
            StubWorker(self.hub_wide, SharedMemoryHistory(store)) for _ in range(2)
        )

    def publish(self) -> "Deferred[Any]":
        """
        Publish at the first worker, and let its own part happen.
        """
        receipt = self.one.hub.publish("news", "hello")
        for _ in range(5):
            self.one.clock.advance(0)
        return receipt

    def test_sum(self) -> None:
        """
        A receipt counts the subscribers of both.
        """
        Subscriber(self.one.hub, "news")
        Subscriber(self.two.hub, "news")
        Subscriber(self.two.hub, "news")
        Subscriber(self.two.hub, "sports")
        receipt = self.publish()
        self.assertNoResult(receipt)

        for worker in (self.one, self.two, self.one):
            worker.deliver()

        self.assertEqual(self.successResultOf(receipt).subscribers, 3)

    def receipt(self) -> int:
        """
        Publish, let everything happen, and return the number of subscribers.
        """
        receipt = self.publish()
        for worker in (self.one, self.two, self.one):
            worker.settle()
        subscribers: int = self.successResultOf(receipt).subscribers
        return subscribers

    def test_known(self) -> None:
        """
        The others are not asked again while their connections stay, for a second.
        """
        stream = Subscriber(self.two.hub, "news")
        self.two.settle()
        self.one.settle()
        self.assertEqual(self.receipt(), 1)
        self.assertEqual(self.successResultOf(self.publish()).subscribers, 1)

        stream.leave()
        self.two.settle()
        self.one.settle()
        self.assertEqual(self.receipt(), 0)
        Subscriber(self.two.hub, "news")
        self.two.settle()
        self.one.settle()
        self.assertEqual(self.receipt(), 1)

        self.one.clock.advance(1.1)
        self.assertNoResult(self.publish())

    def test_silent(self) -> None:
        """
        A worker that does not answer counts as nobody, after a second.
        """
        Subscriber(self.one.hub, "news")
        Subscriber(self.two.hub, "news")
        receipt = self.publish()
        self.one.deliver()

        self.clock.advance(1.0)
        self.one.deliver()

        self.assertEqual(self.successResultOf(receipt).subscribers, 1)

    def test_silent_parent(self) -> None:
        """
        A parent that does not answer does not hold a receipt.
        """
        Subscriber(self.one.hub, "news")
        receipt = self.publish()

        self.one.clock.advance(2.0)

        self.assertEqual(self.successResultOf(receipt).subscribers, 1)


class OnceTests(SynchronousTestCase):
    """
    Repeated requests, if the parent keeps the history.
    """

    def setUp(self) -> None:
        """
        The parent's hub and two workers, which do not follow it here.
        """
        self.origin, self.clock = make_hub()
        self.hub_wide = HubWide(self.origin.broker, self.clock)
        self.one, self.two = (StubWorker(self.hub_wide) for _ in range(2))

    def submit(self, worker: StubWorker, body: bytes = b"body", key: bytes = b"key") -> Any:
        """
        Submit a request at a worker.
        """
        broker = worker.hub.broker
        submit = partial(broker.submit, [NEWS])
        outcome = broker.submit_once(RepeatKey(key, body), [NEWS], submit, None)
        self.settle()
        return outcome

    def settle(self) -> None:
        """
        Let everything happen.
        """
        for _ in range(4):
            for worker in (self.one, self.two):
                worker.settle()
            self.clock.advance(0)

    def test_repeat(self) -> None:
        """
        A repeat at another worker is answered as before, and published once.
        """
        Subscriber(self.two.hub, "news")

        first = self.successResultOf(self.submit(self.one))
        second = self.successResultOf(self.submit(self.two))

        self.assertEqual(first, second)
        ((position, subscribers),) = first
        self.assertEqual(subscribers, 1)
        self.assertEqual(self.origin.broker.position.id, position.id)

    def test_other_body(self) -> None:
        """
        The same key with another body is refused.
        """
        self.successResultOf(self.submit(self.one))

        self.failureResultOf(self.submit(self.two, b"other"), KeyReused)

    def test_death(self) -> None:
        """
        A request whose worker dies is finished, and a repeat at another gets its outcome.
        """
        broker = self.one.hub.broker
        submit = partial(broker.submit, [NEWS])
        dying = broker.submit_once(RepeatKey(b"key", b"body"), [NEWS], submit, None)
        self.one.deliver()
        self.hub_wide.leave(self.one.parent)
        self.one.parent.lose()
        self.clock.advance(0)

        outcome = self.successResultOf(self.submit(self.two))

        self.assertNoResult(dying)
        self.assertEqual(self.origin.broker.position.id, outcome[0][0].id)
        self.assertTrue(outcome[0][0].id.endswith("-1"))


class SharedOnceTests(SynchronousTestCase):
    """
    Repeated requests, if the workers share a history.
    """

    def setUp(self) -> None:
        """
        Two workers.
        """
        self.store = store = SharedStore()
        _, self.clock = make_hub()
        self.hub_wide = HubWide(None, self.clock)
        self.one, self.two = (
            StubWorker(self.hub_wide, SharedMemoryHistory(store)) for _ in range(2)
        )

    def submit(self, worker: StubWorker, publication: Publication = NEWS) -> Any:
        """
        Submit a request at a worker.
        """
        publications = [publication]
        broker = worker.hub.broker
        find = finder(broker, publications)
        submit = partial(broker.submit, publications)
        return broker.submit_once(RepeatKey(b"key", b"body"), publications, submit, find)

    def settle(self) -> None:
        """
        Let everything happen.
        """
        for _ in range(8):
            for worker in (self.one, self.two):
                worker.settle()

    def test_repeat(self) -> None:
        """
        The worker that got the request submits it, and a repeat gets the same outcome.
        """
        first, second = self.submit(self.one), self.submit(self.two)
        self.settle()

        self.assertEqual(self.successResultOf(first), self.successResultOf(second))

    def test_death(self) -> None:
        """
        If the worker dies, the outcome is unknown, and a repeat first looks into history.
        """
        publication = Publication(("news",), ServerSentEvent("hello", id="mine"))
        self.submit(self.one, publication)
        waiting = self.submit(self.two, publication)
        self.one.deliver()
        self.two.deliver()
        # It has kept the event, and dies before it can say so.
        for _ in range(4):
            self.one.clock.advance(0)
        self.hub_wide.leave(self.one.parent)
        self.one.parent.lose()
        self.two.deliver()
        self.failureResultOf(waiting, PerhapsKept)

        again = self.submit(self.two, publication)
        self.settle()

        self.assertEqual(self.successResultOf(again)[0][0].id, "mine")
        kept = self.store.available.since(None, Selection.of(["*"]), 10)
        self.assertEqual([record.id for record in kept], ["mine"])
