"""
Several hubs on one history are one hub.
"""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.clocks import CostlyClock
from tests.support.hubs import Subscriber
from tests.support.shared import SharedMemoryHistory, SharedStore
from tests.support.sinks import MemorySink
from twisted_sse import Hub
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Position, Record
from twisted_sse.topics import Selection

__all__ = ["LossTests", "RandomNodesTests", "TwoHubsTests"]

_ALL = Selection.of(["*"])


class Cluster:
    """
    Two hubs on one store, and their subscribers.
    """

    def __init__(self, clock: Clock | None = None, *, prompt: bool = True, **options: Any) -> None:
        self.clock = Clock() if clock is None else clock
        self.store = SharedStore(self.clock)
        self.store.prompt = prompt
        self.histories = [SharedMemoryHistory(self.store) for _ in range(2)]
        options.setdefault("window_events", 3)
        self.hubs = [
            Hub(history, keepalive=None, reactor=self.clock, **options)
            for history in self.histories
        ]
        for hub in self.hubs:
            hub.broker.start()
        self.subscribers: list[Subscriber] = []
        self.count = 0

    def publish(self, hub: int, topic: str = "a", size: int = 0) -> None:
        """
        Publish the next number at a hub, and *size* bytes more.
        """
        self.count += 1
        done = self.hubs[hub].publish(topic, f"{self.count}{'.' * size}")
        done.addErrback(lambda failure: failure.trap(HistoryUnavailable) and None)

    def turn(self) -> None:
        """
        One turn of the reactor.
        """
        self.clock.advance(0)

    def deliver(self, hub: int, most: int = 1) -> None:
        """
        Let one hub hear of *most* more publications.
        """
        self.histories[hub].deliver_next(most)

    def subscribe(
        self, hub: int, topics: str = "a", resume_at: int | None = None, room: int = 1 << 20
    ) -> Subscriber:
        """
        Come to a hub with the ID of an event that any of them may have sent.
        """
        kept = self.kept()
        last_event_id = None
        if resume_at is not None and kept:
            last_event_id = kept[resume_at % len(kept)].id
        subscriber = Subscriber(
            self.hubs[hub], *topics, last_event_id=last_event_id, sink=MemorySink(room)
        )
        self.subscribers.append(subscriber)
        return subscriber

    def read(self, room: int) -> None:
        """
        All subscribers read up to *room* bytes.
        """
        for subscriber in self.subscribers:
            subscriber.sink.make_room(room)

    def settle(self) -> None:
        """
        Let everything come to its end.
        """
        for _ in range(100):
            self.turn()
            self.read(1 << 20)
            for hub in range(2):
                self.deliver(hub, 1 << 20)

    def kept(self) -> list[Record]:
        """
        Everything that is kept, in order.
        """
        return list(self.store.memory.since(None, _ALL, 1 << 20))

    def owed(self, subscriber: Subscriber) -> list[str | None]:
        """
        What *subscriber* is to have got in the end.
        """
        assert subscriber.start is not None
        number = subscriber.start.position.number
        wanted = subscriber.connection.topics
        return [
            one.publication.event.data
            for one in self.kept()
            if one.number > number and wanted.matches(one.publication.topics)
        ]


class TwoHubsTests(SynchronousTestCase):
    """
    Two hubs on one store, step by step.
    """

    def test_every_subscriber(self) -> None:
        """
        What is published at either hub reaches the subscribers of both, once, in one order.
        """
        cluster = Cluster()
        here, there = cluster.subscribe(0), cluster.subscribe(1)
        for hub in (0, 1, 1, 0):
            cluster.publish(hub)
            cluster.turn()

        self.assertEqual(here.data, ["1", "2", "3", "4"])
        self.assertEqual(there.data, here.data)
        self.assertEqual(there.ids, here.ids)

    def test_not_before_it_is_followed(self) -> None:
        """
        A hub sends what comes back from the store, and not what it has appended.
        """
        cluster = Cluster(prompt=False)
        subscriber = cluster.subscribe(0)
        done = cluster.hubs[0].publish("a", "1")
        cluster.turn()

        self.assertEqual(self.successResultOf(done).subscribers, 1)
        self.assertEqual(subscriber.data, [])

        cluster.deliver(0)

        self.assertEqual(subscriber.data, ["1"])

    def test_followed_before_it_is_answered(self) -> None:
        """
        It may come back before the publisher has its answer.
        """
        cluster = Cluster()
        subscriber = cluster.subscribe(0)
        cluster.store.held = True
        done = cluster.hubs[0].publish("a", "1")
        cluster.turn()

        self.assertEqual(subscriber.data, ["1"])
        self.assertNoResult(done)

        cluster.store.answer_next()

        self.assertEqual(self.successResultOf(done).id, subscriber.ids[0])

    def test_another_hub(self) -> None:
        """
        Who was at one hub goes on at the other, within its window and beyond.
        """
        cluster = Cluster()
        for _ in range(8):
            cluster.publish(0)
        cluster.turn()
        recent, older = cluster.subscribe(1, "a", 6), cluster.subscribe(1, "a", 1)
        cluster.settle()

        self.assertEqual(recent.data, ["8"])
        self.assertEqual(older.data, ["3", "4", "5", "6", "7", "8"])

    def test_ahead(self) -> None:
        """
        Who brings the ID of an event that this hub has not heard of waits for what follows it.
        """
        cluster = Cluster(prompt=False)
        for _ in range(3):
            cluster.publish(0)
        cluster.turn()
        subscriber = cluster.subscribe(1, "a", 1)
        cluster.turn()
        cluster.deliver(1)
        began = list(subscriber.data)
        cluster.deliver(1, 2)
        cluster.turn()
        cluster.publish(0)
        cluster.settle()

        assert subscriber.start is not None
        self.assertTrue(subscriber.start.resumed)
        self.assertEqual(began, [])
        self.assertEqual(subscriber.data, ["3", "4"])

    def test_ahead_and_alone(self) -> None:
        """
        The same if what is published meanwhile is on other topics.
        """
        cluster = Cluster(prompt=False)
        for topic in "ab":
            cluster.publish(0, topic)
        cluster.turn()
        subscriber = cluster.subscribe(1, "a", 0)
        for _ in range(3):
            cluster.deliver(1)
            cluster.turn()
        live = subscriber.connection.live
        cluster.publish(0)
        cluster.settle()

        self.assertTrue(live)
        self.assertEqual(subscriber.data, ["3"])

    def test_asked_once(self) -> None:
        """
        A thousand who come with one ID have it looked up once.
        """
        cluster = Cluster()
        for _ in range(8):
            cluster.publish(0)
        cluster.turn()
        answer: Deferred[Position] = Deferred()
        asked: list[str] = []
        cluster.histories[1].locate = (  # type: ignore[method-assign]
            lambda event_id: asked.append(event_id) or answer  # type: ignore[assignment,return-value]
        )
        for _ in range(1000):
            cluster.subscribe(1, "a", 0)
        answer.callback(Position(*cluster.kept()[0][:2]))
        cluster.settle()

        self.assertEqual(len(asked), 1)
        self.assertEqual({len(one.data) for one in cluster.subscribers}, {7})

    def test_away(self) -> None:
        """
        While the store is away publishers are told, subscribers stay, and then all goes on.
        """
        cluster = Cluster()
        subscriber = cluster.subscribe(0)
        cluster.publish(1)
        cluster.turn()
        cluster.store.interrupt()
        refused = cluster.hubs[0].publish("a", "no")
        cluster.turn()
        self.failureResultOf(refused, HistoryUnavailable)
        examined = cluster.hubs[0].broker.readiness.examine()
        cluster.store.resume()
        cluster.publish(0)
        cluster.turn()

        self.assertNotEqual(self.successResultOf(examined), [])
        self.assertEqual(self.successResultOf(cluster.hubs[0].broker.readiness.examine()), [])
        self.assertEqual(subscriber.data, ["1", "2"])

    def test_stopped(self) -> None:
        """
        What comes after a hub has stopped is not sent by it.
        """
        cluster = Cluster()
        cluster.hubs[0].broker.stop_accepting()
        cluster.hubs[0].broker.stop()
        position = cluster.hubs[0].broker.position
        cluster.publish(1)
        cluster.turn()

        self.assertEqual(cluster.hubs[0].broker.position, position)


class LossTests(SynchronousTestCase):
    """
    When the store cannot go on where it was.
    """

    def resets(self, subscriber: Subscriber) -> list[Any]:
        """
        The reasons that *subscriber* was given.
        """
        blocks = subscriber.sink.blocks
        return [one.json()["reason"] for one in blocks if one.event == "stream-reset"]

    def test_wiped(self) -> None:
        """
        If the store lost what it kept, everybody is told, and gets what it keeps now.
        """
        cluster = Cluster()
        subscriber = cluster.subscribe(0)
        cluster.publish(0)
        cluster.turn()
        with capturedLogs() as logs:
            cluster.store.wipe()
        cluster.publish(1)
        cluster.settle()

        self.assertEqual(self.resets(subscriber), ["history-lost"])
        self.assertEqual(subscriber.data, ["1", "2"])
        self.assertEqual(len(logs), len(cluster.hubs))

    def test_trimmed(self) -> None:
        """
        If the store forgot what a hub had yet to hear of, its subscribers are told.
        """
        cluster = Cluster(prompt=False, send_timeout=None)
        live, slow = cluster.subscribe(0), cluster.subscribe(0, "a", None, 0)
        for _ in range(3):
            cluster.publish(1)
            cluster.turn()
        cluster.deliver(0)
        cluster.clock.advance(3600)
        cluster.publish(1)
        with capturedLogs():
            cluster.settle()

        for subscriber in (live, slow):
            self.assertEqual(self.resets(subscriber), ["history-lost"])
            self.assertEqual(subscriber.data[-1], "4")

    def test_still_known(self) -> None:
        """
        Who stands where the store still knows the way is told nothing, and misses nothing.
        """
        cluster = Cluster()
        live, slow = cluster.subscribe(0), cluster.subscribe(0, "a", None, 0)
        for _ in range(5):
            cluster.publish(0)
        cluster.turn()
        with capturedLogs():
            cluster.histories[0].lose(2)
        cluster.publish(1)
        cluster.settle()

        for subscriber in (live, slow):
            self.assertEqual(self.resets(subscriber), [])
            self.assertEqual(subscriber.data, ["1", "2", "3", "4", "5", "6"])

    def test_let_go(self) -> None:
        """
        A hub that lets go of slow readers tells those who lost events through no fault of theirs.
        """
        cluster = Cluster(fallen_behind="disconnect")
        subscriber = cluster.subscribe(0)
        cluster.publish(0)
        cluster.turn()
        with capturedLogs():
            cluster.store.wipe()
        cluster.settle()

        self.assertIsNone(subscriber.connection.ended)
        self.assertEqual(self.resets(subscriber), ["history-lost"])

    def test_from_the_oldest(self) -> None:
        """
        Who was about to get everything that is kept gets it from the new life, and no reset.
        """
        cluster = Cluster()
        cluster.publish(0)
        cluster.turn()
        subscriber = Subscriber(cluster.hubs[0], "a", last_event_id="earliest", sink=MemorySink(0))
        cluster.subscribers.append(subscriber)
        with capturedLogs():
            cluster.store.wipe()
        cluster.publish(0)
        cluster.settle()

        self.assertEqual(self.resets(subscriber), [])
        self.assertEqual(subscriber.data, ["2"])


class RandomNodesTests(SynchronousTestCase):
    """
    Publishing and coming back at either hub, in any order.
    """

    HUB = st.integers(0, 1)
    ACTIONS = st.one_of(
        st.tuples(st.just("publish"), HUB, st.sampled_from("ab"), st.sampled_from([0, 0, 30_000])),
        st.tuples(st.just("turn")),
        st.tuples(st.just("deliver"), HUB, st.sampled_from([1, 2, 100])),
        st.tuples(
            st.just("subscribe"),
            HUB,
            st.sampled_from(["a", "b", "ab", "*"]),
            st.one_of(st.none(), st.integers(0, 30)),
            st.sampled_from([0, 10, 50, 200, 1 << 20]),
        ),
        st.tuples(st.just("read"), st.sampled_from([1, 20, 100, 1 << 20])),
        st.tuples(st.just("leave"), st.integers(0, 5)),
        st.tuples(st.just("lose"), HUB, st.sampled_from([1, 2, 10])),
    )

    @settings(max_examples=300, deadline=None, derandomize=True)
    @given(st.lists(ACTIONS, min_size=25, max_size=60), st.sampled_from([0.0, 0.002, 0.01]))
    def test_exactly_what_is_owed(self, actions: list[Any], cost: float) -> None:
        """
        Each subscriber gets what follows its start: all, once, in order.
        """
        cluster = Cluster(CostlyClock(cost), prompt=False)
        with capturedLogs():
            for name, *arguments in actions:
                if name == "leave":
                    if cluster.subscribers:
                        place = arguments[0] % len(cluster.subscribers)
                        cluster.subscribers.pop(place).leave()
                elif name == "lose":
                    cluster.histories[arguments[0]].lose(arguments[1])
                else:
                    getattr(cluster, name)(*arguments)
            cluster.settle()

        for subscriber in cluster.subscribers:
            self.assertEqual(subscriber.data, cluster.owed(subscriber))
