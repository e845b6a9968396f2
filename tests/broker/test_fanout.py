"""
Fan-out never holds the reactor: events are sent in slices, in order.
| Each look at the clock takes time, so a few strides of 128 connections use up a turn's budget of 5
ms.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.clocks import CostlyClock
from tests.support.hubs import Subscriber, make_hub
from tests.support.members import RecordingSink, StubMember
from tests.support.orders import EVERYTHING, Order
from tests.support.sinks import MemorySink
from twisted_sse import Hub
from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.representation import PLAIN
from twisted_sse.broker.fanout import Fanout
from twisted_sse.history import MemoryHistory
from twisted_sse.transport.framing import raw

__all__ = ["AnswerTests", "BudgetTests", "JoinedWriteTests", "OvertakingTests", "SliceTests"]

# One look takes longer than a turn's budget, so that a turn writes one stride.
COSTLY = 0.006
STRIDE = 128


class FanoutFixture:
    """
    A hub on a costly clock, and its subscribers.
    """

    def __init__(self, keepalive: float | None = None, window_events: int = 1024) -> None:
        self.clock = CostlyClock()
        self.hub = Hub(
            MemoryHistory(clock=self.clock),
            keepalive=keepalive,
            send_timeout=None,
            window_events=window_events,
            reactor=self.clock,
        )
        self.members: list[Subscriber] = []

    def subscribe(self, count: int, topic: str = "a") -> list[Subscriber]:
        """
        Add *count* live subscribers.
        """
        self.clock.cost = 0.0
        coming = [Subscriber(self.hub, topic, sink=RecordingSink()) for _ in range(count)]
        for _ in range(3):
            self.clock.advance(0.001)
        self.members += coming
        return coming

    def publish(self, topic: str, data: str) -> None:
        """
        Publish, and make work take time from now on.
        """
        self.hub.publish(topic, data)
        self.clock.cost = COSTLY

    def served(self) -> int:
        """
        How many subscribers have received an event.
        """
        return sum(bool(one.sink.events) for one in self.members)

    def settle(self) -> None:
        """
        Run until nothing is left to do, on a clock that costs nothing.
        """
        self.clock.cost = 0.0
        for _ in range(10):
            self.clock.advance(0.001)


class SliceTests(SynchronousTestCase):
    """
    A turn ends when its budget is used up.
    """

    def test_stride(self) -> None:
        """
        A turn whose budget runs out ends after the stride, and the next turn continues there.
        """
        fixture = FanoutFixture()
        fixture.subscribe(3 * STRIDE)
        fixture.publish("a", "1")
        served = []
        for _ in range(3):
            fixture.clock.advance(0)
            served.append(fixture.served())

        self.assertEqual(served, [STRIDE, 2 * STRIDE, 3 * STRIDE])
        self.assertEqual(fixture.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """
        5,000 subscribers get two events in order, in as many turns as it takes.
        """
        fixture = FanoutFixture()
        fixture.subscribe(5000)
        fixture.publish("a", "1")
        fixture.clock.advance(0)
        fixture.publish("a", "2")
        turns = 1
        while fixture.clock.getDelayedCalls():
            fixture.clock.advance(0)
            turns += 1

        self.assertGreaterEqual(turns, 2 * 5000 // STRIDE)
        received = {
            one.sink.received.partition(b"\n\n")[2].count(b"id: ") for one in fixture.members
        }
        self.assertEqual(received, {2})
        self.assertEqual({tuple(one.data) for one in fixture.members[::97]}, {("1", "2")})

    def test_keepalives_between(self) -> None:
        """
        Another subscriber's keepalive comes between two slices.
        """
        fixture = FanoutFixture(keepalive=15.0)
        (idle,) = fixture.subscribe(1, "idle")
        fixture.subscribe(4 * STRIDE)
        fixture.clock.advance(14.9)
        fixture.publish("a", "1")
        fixture.clock.advance(0)
        served = fixture.served()
        fixture.clock.advance(0.2)

        self.assertEqual(served, STRIDE)
        self.assertLess(fixture.served(), 4 * STRIDE)
        self.assertTrue(idle.sink.received.endswith(b":\n\n"))

    def test_newcomer_between(self) -> None:
        """
        A newcomer to another topic is served while a large audience is written to.
        """
        fixture = FanoutFixture()
        fixture.subscribe(10 * STRIDE)
        fixture.publish("a", "1")
        fixture.clock.advance(0)
        newcomer = Subscriber(fixture.hub, "b")
        fixture.clock.advance(0)
        fixture.hub.publish("b", "news")
        for _ in range(3):
            fixture.clock.advance(0)

        self.assertLess(fixture.served(), 10 * STRIDE)
        self.assertEqual(newcomer.data, ["news"])

    def test_small_audience(self) -> None:
        """
        A small audience waits for one slice of a large one, not for all of them.
        """
        fixture = FanoutFixture()
        (small,) = fixture.subscribe(1, "b")
        fixture.subscribe(6 * STRIDE)
        fixture.publish("a", "1")
        fixture.hub.publish("b", "2")
        fixture.clock.advance(0)
        fixture.clock.advance(0)

        self.assertEqual(small.data, ["2"])
        self.assertLess(fixture.served(), 4 * STRIDE)

    def test_two_large_ones(self) -> None:
        """
        Two large audiences take turns.
        """
        fixture = FanoutFixture()
        one = fixture.subscribe(3 * STRIDE, "a")
        two = fixture.subscribe(3 * STRIDE, "b")
        fixture.publish("a", "1")
        fixture.hub.publish("b", "2")
        for _ in range(4):
            fixture.clock.advance(0)

        self.assertEqual(sum(bool(each.sink.events) for each in one), 2 * STRIDE)
        self.assertEqual(sum(bool(each.sink.events) for each in two), 2 * STRIDE)

    def test_those_behind(self) -> None:
        """
        Connections that are behind catch up although sweeps use up every turn.
        """
        fixture = FanoutFixture()
        fixture.subscribe(8 * STRIDE)
        fixture.publish("a", "1")
        fixture.clock.advance(0)
        slow = [Subscriber(fixture.hub, "a", last_event_id="earliest") for _ in range(3)]
        for _ in range(3):
            fixture.clock.advance(0)

        self.assertLess(fixture.served(), 8 * STRIDE)
        self.assertEqual([one.data for one in slow], [["1"]] * 3)

    def test_pages_in_turn(self) -> None:
        """
        Connections that are behind take turns, one page at a time.
        """
        fixture = FanoutFixture()
        for number in range(4):
            fixture.hub.publish("a", f"{number}{'.' * 70_000}")
        fixture.settle()
        fixture.clock.cost = COSTLY
        slow = [Subscriber(fixture.hub, "a", last_event_id="earliest") for _ in range(2)]
        # Subscribers that ask for `earliest` read one page from history first.
        counts = []
        for _ in range(20):
            fixture.clock.advance(0)
            counts.append([len(one.data) for one in slow])

        self.assertEqual(counts[-1], [4, 4])
        self.assertLessEqual({abs(one - two) for one, two in counts}, {0, 1})

    def test_stop(self) -> None:
        """
        A stopped hub writes nothing more and leaves no delayed call.
        """
        fixture = FanoutFixture()
        fixture.subscribe(3 * STRIDE)
        fixture.publish("a", "1")
        fixture.clock.advance(0)
        fixture.hub.broker.stop()
        fixture.settle()

        self.assertEqual(fixture.served(), STRIDE)
        self.assertEqual(fixture.clock.getDelayedCalls(), [])


class AnswerTests(SynchronousTestCase):
    """
    A publisher is answered after the sends, but waits for one turn of a large fan-out only.
    """

    def published(self, strides: int) -> tuple[FanoutFixture, list[Any]]:
        """
        Publish to subscribers in *strides*, and return what the publisher is told.
        """
        fixture = FanoutFixture()
        fixture.subscribe(strides * STRIDE)
        told: list[Any] = []
        fixture.hub.publish("a", "1").addCallback(told.append)
        fixture.clock.cost = COSTLY
        fixture.clock.advance(0)
        return fixture, told

    def test_at_once(self) -> None:
        """
        If one turn is enough, the answer comes in it.
        """
        fixture, told = self.published(1)

        self.assertEqual([receipt.subscribers for receipt in told], [STRIDE])
        self.assertEqual(fixture.served(), STRIDE)

    def test_large(self) -> None:
        """
        If it takes more, the answer comes after the first.
        """
        fixture, told = self.published(5)

        self.assertEqual((len(told), fixture.served()), (1, STRIDE))

    def test_after_the_sends(self) -> None:
        """
        If others get their turn before the sends begin, the answer waits for both.
        """
        clock = Clock()
        order = Order()
        audience = Audience(EVERYTHING, PLAIN, raw, order.window)
        member = StubMember(audience)
        audience.join(member)
        fanout = Fanout(clock, 0.005, lambda connection: False)
        told: list[Any] = []
        behind: Any = AlwaysBehind()
        fanout.resume(behind)
        audience.add(order.publish())
        fanout.announce(audience)

        fanout.flush()
        fanout.after_sends(lambda: told.append(len(member.payloads)))
        self.assertEqual((told, member.payloads), ([], []))

        clock.advance(0)
        self.assertEqual(told, [1])

    def test_order(self) -> None:
        """
        Publications are answered in their order, and a flush after them.
        """
        fixture, told = self.published(5)
        told.clear()
        hub = fixture.hub
        for number in ("2", "3"):
            hub.publish("a", number).addCallback(lambda _, number=number: told.append(number))
        hub.broker.flush().addCallback(lambda _: told.append("flushed"))
        fixture.settle()

        self.assertEqual(told, ["2", "3", "flushed"])

    def test_stop(self) -> None:
        """
        Who has not been answered yet is answered when the hub stops.
        """
        fixture, told = self.published(5)
        fixture.hub.broker.stop()

        self.assertEqual(len(told), 1)


class JoinedWriteTests(SynchronousTestCase):
    """
    One write for each connection and turn.
    """

    def test_during_a_fan_out(self) -> None:
        """
        What is published while an event is being sent leaves together, after it.
        """
        fixture = FanoutFixture()
        members = fixture.subscribe(3 * STRIDE)
        fixture.publish("a", "1")
        fixture.clock.advance(0)
        for number in range(2, 9):
            fixture.publish("a", str(number))
        fixture.settle()

        # The first payload is the beginning of the stream.
        sends = {len(one.sink.payloads) for one in members}  # type: ignore[attr-defined]
        self.assertEqual(sends, {2})
        self.assertEqual({tuple(one.data) for one in members}, {tuple("12345678")})

    def test_one_write(self) -> None:
        """
        All events published in one turn are one `send` for each connection.
        """
        hub, clock = make_hub()
        sinks = [RecordingSink() for _ in range(3)]
        subscribers = [Subscriber(hub, "a", "b", sink=sink) for sink in sinks]
        clock.advance(0)
        for number in range(10):
            hub.publish("ab"[number % 2], str(number))
        clock.advance(0)

        self.assertEqual([len(sink.payloads) for sink in sinks], [1, 1, 1])
        for sink in sinks:
            self.assertIs(sink.payloads[0], sinks[0].payloads[0])
        self.assertEqual([one.data for one in subscribers], [[str(n) for n in range(10)]] * 3)

    def test_audiences_share(self) -> None:
        """
        Audiences with the same batch get the same object.
        """
        hub, clock = make_hub()
        one, two = RecordingSink(), RecordingSink()
        Subscriber(hub, "a", sink=one)
        Subscriber(hub, "*", sink=two)
        clock.advance(0)
        hub.publish("a", "1")
        hub.publish("a", "2")
        clock.advance(0)

        self.assertIs(one.payloads[0], two.payloads[0])


class CountedBytes(bytes):
    """
    Payloads that are counted while they exist.
    """

    alive = 0

    def __init__(self, *_: object) -> None:
        CountedBytes.alive += 1

    def __del__(self) -> None:
        CountedBytes.alive -= 1


def counted(payload: bytes) -> bytes:
    """
    A framing whose payloads are counted.
    """
    return CountedBytes(payload)


class AlwaysBehind:
    """
    A connection that never catches up, as far as a Fanout needs one.
    """

    ready = True


class BudgetTests(SynchronousTestCase):
    """
    How a turn's budget is shared.
    """

    def test_shares(self) -> None:
        """
        In each turn sweeps get the budget, and catching up gets half as much again.
        """
        clock = CostlyClock(0.1)
        advanced: list[Any] = []

        def advance(connection: Any) -> bool:
            advanced.append(connection)
            return len(advanced) < 1000

        fanout = Fanout(clock, 1.0, advance)
        order = Order()
        audience = Audience(EVERYTHING, PLAIN, raw, order.window)
        members = [StubMember(audience) for _ in range(30 * STRIDE)]
        for member in members:
            audience.join(member)
        audience.add(order.publish())
        fanout.announce(audience)
        behind: Any = AlwaysBehind()
        fanout.resume(behind)
        for turn in (1, 2):
            clock.advance(0)
            strides = sum(bool(one.payloads) for one in members) // STRIDE
            self.assertTrue(8 * turn <= strides <= 11 * turn, strides)
            self.assertTrue(4 * turn <= len(advanced) <= 6 * turn, len(advanced))

    def test_payloads_are_released(self) -> None:
        """
        Of all payloads, only an audience's last one is kept.
        """
        hub, clock = make_hub()
        sink = MemorySink()
        sink.framing = counted
        Subscriber(hub, "a", sink=sink)
        clock.advance(0)
        for number in range(5):
            hub.publish("a", number)
            clock.advance(0)
            sink.received = bytes(sink.received)

        self.assertEqual(CountedBytes.alive, 1)


class BackloggedAudience:
    """
    A large audience that is being written to, and another event waiting behind that.
    """

    def __init__(self) -> None:
        self.fixture = FanoutFixture()
        self.fixture.subscribe(8 * STRIDE)
        self.fixture.publish("a", "1")
        self.fixture.clock.advance(0)
        self.fixture.hub.publish("a", "2")
        self.fixture.clock.advance(0)

    def subscribe(self, last_event_id: str | None = None) -> Subscriber:
        """
        Subscribe now, and wait until everything is written.
        """
        sink = MemorySink()
        newcomer = Subscriber(self.fixture.hub, "a", last_event_id=last_event_id, sink=sink)
        self.fixture.clock.advance(0)
        # The case is only met if some still wait for the first event.
        assert self.fixture.served() < len(self.fixture.members)
        self.fixture.settle()
        return newcomer


class OvertakingTests(SynchronousTestCase):
    """
    Subscribers that start beyond the live position of an audience with pending events.
    """

    def test_newcomer(self) -> None:
        """
        A newcomer gets nothing from before its stream's starting position.
        """
        backlog = BackloggedAudience()
        newcomer = backlog.subscribe()
        backlog.fixture.hub.publish("a", "3")
        backlog.fixture.settle()

        assert newcomer.start is not None
        self.assertEqual(newcomer.start.position.number, 2)
        self.assertEqual(newcomer.data, ["3"])

    def test_returning(self) -> None:
        """
        A subscriber resuming from the newest event's ID does not get that event again.
        """
        backlog = BackloggedAudience()
        head = backlog.fixture.hub.broker.position
        returning = backlog.subscribe(head.id)
        backlog.fixture.hub.publish("a", "3")
        backlog.fixture.settle()

        self.assertEqual(head.number, 2)
        self.assertEqual(returning.data, ["3"])

    def test_returning_to_a_large_batch(self) -> None:
        """
        The same for one turn's events that make two batches, of which one is written.
        """
        fixture = FanoutFixture()
        fixture.subscribe(1)
        for number in range(4):
            fixture.hub.publish("a", f"{number}{'.' * 70_000}")
        fixture.clock.cost = COSTLY
        fixture.clock.advance(0)
        returning = Subscriber(fixture.hub, "a", last_event_id=fixture.hub.broker.position.id)
        fixture.clock.advance(0)
        fixture.settle()

        self.assertEqual(len(returning.data), 0)

    def test_history_read_meanwhile(self) -> None:
        """
        A subscriber that catches up from history while events are pending gets these too, once.
        """
        fixture = FanoutFixture(window_events=2)
        for number in range(1, 7):
            fixture.hub.publish("a", str(number), id=f"mine-{number}")
        fixture.settle()
        fixture.subscribe(8 * STRIDE)
        fixture.publish("a", "7")
        fixture.clock.advance(0)
        fixture.hub.publish("a", "8")
        fixture.clock.advance(0)
        returning = Subscriber(fixture.hub, "a", last_event_id="mine-1")
        fixture.clock.advance(0)
        self.assertLess(fixture.served(), 8 * STRIDE)
        fixture.settle()

        self.assertEqual(returning.data, list("2345678"))

    def test_everybody_else(self) -> None:
        """
        The other members get both events, once and in order.
        """
        backlog = BackloggedAudience()
        backlog.subscribe()

        self.assertEqual({tuple(one.data) for one in backlog.fixture.members}, {("1", "2")})
