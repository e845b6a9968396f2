"""
From replay to live, in every interleaving.
| The rule: each subscriber gets exactly the events that follow its starting position and match its
interest: none twice, none missed, none out of order.
"""

from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import SlowHistory
from tests.support.hubs import Subscriber
from tests.support.sinks import MemorySink
from twisted_sse import Grant, Hub
from twisted_sse.events.publication import EARLIEST, Record
from twisted_sse.history import MemoryHistory
from twisted_sse.topics import Interest, Selection

__all__ = ["AheadTests", "EveryInterleavingTests", "RandomStepsTests"]


class CostlyClock(Clock):
    """
    Each `seconds` call takes *cost* seconds.
    | So a few steps use up a turn's budget, and the rest is left for the next turn.
    """

    def __init__(self, cost: float) -> None:
        super().__init__()
        self.cost = cost

    def seconds(self) -> float:
        """
        See `IReactorTime.seconds`.
        """
        self.rightNow += self.cost
        return super().seconds()


class Scenario:
    """
    A hub whose history answers late, its subscribers, and the steps of a test.
    """

    def __init__(self, cost: float = 0.0) -> None:
        self.clock = CostlyClock(cost)
        self.store = MemoryHistory(clock=self.clock)
        self.history = SlowHistory(self.store)
        self.hub = Hub(self.history, keepalive=None, window_events=3, reactor=self.clock)
        self.subscribers: list[Subscriber] = []
        self.changes: dict[Subscriber, list[tuple[str, Interest]]] = {}
        self.count = 0

    def publish(self, topic: str, size: int = 0) -> None:
        """
        Publish the next number, padded with *size* bytes.
        """
        self.count += 1
        self.hub.publish(topic, f"{self.count}{'.' * size}")

    def turn(self) -> None:
        """
        Run one reactor turn.
        """
        self.clock.advance(0)

    def subscribe(self, topics: str, resume_at: int | None, room: int) -> None:
        """
        Subscribe, resuming after an earlier event if *resume_at* is given.
        """
        head = self.hub.broker.position.number
        records = [one for one in self.records() if one.number <= head]
        last_event_id = None
        if resume_at is not None and records:
            last_event_id = records[resume_at % len(records)].id
        sink = MemorySink(room)
        user = Grant(str(len(self.changes)), public=True)
        subscriber = Subscriber(
            self.hub, *topics, last_event_id=last_event_id, sink=sink, grant=user
        )
        self.subscribers.append(subscriber)
        self.changes[subscriber] = []

    def regrant(self, index: int, readable: str) -> None:
        """
        Change the grant of one subscriber: it may read only *readable*.
        """
        if not self.subscribers:
            return
        subscriber = self.subscribers[index % len(self.subscribers)]
        connection = subscriber.connection
        grant = Grant(connection.user, subscribe=readable)
        stands_at = connection.position.id if subscriber.start else EARLIEST
        self.changes[subscriber].append((stands_at, grant.interest(connection.topics)))
        reauthorizer = self.hub.broker.admission.reauthorizer
        reauthorizer.hold(connection, grant, lambda: grant)
        assert connection.user is not None
        self.hub.grant_changed(connection.user)

    def read(self, room: int) -> None:
        """
        Let all subscribers read up to *room* bytes.
        """
        for subscriber in self.subscribers:
            subscriber.sink.make_room(room)

    def pause(self, index: int) -> None:
        """
        Fill one subscriber's transport, until `read`.
        """
        if self.subscribers:
            self.subscribers[index % len(self.subscribers)].sink.pause()

    def settle(self) -> None:
        """
        Run until nothing is left to do.
        """
        for _ in range(100):
            self.read(1 << 20)
            self.turn()
            self.history.answer_next()

    def records(self) -> list[Record]:
        """
        All records ever kept, in order.
        """
        return list(self.store.since(None, Selection.of(["*"]), 1 << 20))

    def expected(self, subscriber: Subscriber) -> list[str | None]:
        """
        The data that *subscriber* must have received in the end.
        """
        assert subscriber.start is not None
        records = self.records()
        ids = [one.id for one in records]
        began = subscriber.start.position.id
        after = records[ids.index(began) + 1 :] if began in ids else records
        expected = []
        for one in after:
            # What it was granted last, of what it was when it stood before this.
            interest = Grant(public=True).interest(subscriber.connection.topics)
            for stood_at, later in self.changes[subscriber]:
                if stood_at not in ids or ids.index(stood_at) < ids.index(one.id):
                    interest = later
            if interest.matches(one.publication.topics, private=False):
                expected.append(one.publication.event.data)
        return expected


class RandomStepsTests(SynchronousTestCase):
    """
    Publishing, reading, answering and resuming, in any order.
    """

    ACTIONS = st.one_of(
        # Three of the large ones fill a page.
        st.tuples(st.just("publish"), st.sampled_from("ab"), st.sampled_from([0, 0, 30_000])),
        st.tuples(st.just("turn")),
        st.tuples(st.just("answer")),
        st.tuples(
            st.just("subscribe"),
            st.sampled_from(["a", "b", "ab", "*"]),
            st.one_of(st.none(), st.integers(0, 30)),
            st.sampled_from([0, 10, 50, 200, 1 << 20]),
        ),
        st.tuples(st.just("read"), st.sampled_from([1, 20, 100, 1 << 20])),
        st.tuples(st.just("pause"), st.integers(0, 5)),
        st.tuples(st.just("leave"), st.integers(0, 5)),
        st.tuples(st.just("regrant"), st.integers(0, 5), st.sampled_from(["a", "b", "*"])),
    )

    @settings(max_examples=400, deadline=None, derandomize=True)
    @given(st.lists(ACTIONS, min_size=25, max_size=60), st.sampled_from([0.0, 0.002, 0.01]))
    def test_expected_events(self, actions: list[Any], cost: float) -> None:
        """
        Each subscriber gets every event after its start, once, in order.
        """
        scenario = Scenario(cost)
        left: list[Subscriber] = []
        for name, *arguments in actions:
            if name == "answer":
                scenario.history.answer_next()
            elif name == "leave":
                if scenario.subscribers:
                    left.append(scenario.subscribers.pop(arguments[0] % len(scenario.subscribers)))
                    left[-1].leave()
            else:
                getattr(scenario, name)(*arguments)

        scenario.settle()

        for subscriber in scenario.subscribers:
            self.assertEqual(subscriber.data, scenario.expected(subscriber))
        for subscriber in left:
            if subscriber.start is not None:
                expected = scenario.expected(subscriber)
                self.assertEqual(subscriber.data, expected[: len(subscriber.data)])


class AheadTests(SynchronousTestCase):
    """
    Resuming from an ID that the audience was not sent yet.
    """

    def test_beyond_the_window(self) -> None:
        """
        Only history knows the ID, and nothing up to it is sent again.
        """
        scenario = Scenario()
        scenario.publish("a")
        scenario.turn()
        for _ in range(11):
            scenario.publish("a")
        scenario.history.answer_next()
        scenario.subscribe("*", None, 0)
        scenario.turn()
        scenario.read(1)
        scenario.publish("a")
        scenario.subscribe("a", None, 0)
        scenario.history.answer_next()
        scenario.subscribe("*", 1, 0)
        scenario.history.answer_next()
        scenario.settle()

        self.assertEqual(scenario.subscribers[-1].data, [str(number) for number in range(3, 14)])


class EveryInterleavingTests(SynchronousTestCase):
    """
    One subscriber resumes while one publisher publishes, in every order of their steps.
    """

    PUBLISHER = ("publish", "turn", "answer", "publish", "turn", "answer")
    SUBSCRIBER = ("subscribe", "answer", "turn", "read", "turn")

    def test_every_order(self) -> None:
        """
        In all 462 orders the subscriber gets the events it missed and the new ones.
        """
        length = len(self.PUBLISHER) + len(self.SUBSCRIBER)
        orders = list(combinations(range(length), len(self.SUBSCRIBER)))
        for positions in orders:
            publisher, subscriber = iter(self.PUBLISHER), iter(self.SUBSCRIBER)
            steps = [next(subscriber if n in positions else publisher) for n in range(length)]
            with self.subTest(steps=steps):
                self._take(steps)

        self.assertEqual(len(orders), 462)

    def _take(self, steps: list[str]) -> None:
        scenario = Scenario()
        for _ in range(6):
            scenario.publish("a")
        scenario.settle()
        for step in steps:
            if step == "publish":
                scenario.publish("a")
            elif step == "subscribe":
                # Two of the window's three events are known, and three older ones.
                scenario.subscribe("a", 1, 40)
            elif step == "answer":
                scenario.history.answer_next()
            elif step == "read":
                scenario.read(60)
            else:
                scenario.turn()
        scenario.settle()
        self.assertEqual(scenario.subscribers[0].data, ["3", "4", "5", "6", "7", "8"])
