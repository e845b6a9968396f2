"""
A comment follows every interval of silence, none comes early, and one loop does it all.
"""

from collections.abc import Callable
from functools import partial

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import SlowHistory
from tests.support.hubs import ADDRESS, Subscriber, make_hub
from tests.support.members import RecordingSink
from tests.support.orders import EVERYTHING, Order
from tests.support.sinks import MemorySink
from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.representation import PLAIN
from twisted_sse.broker.connections.connection import Connection, ConnectionObserver
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.keepalive import Keepalive
from twisted_sse.events.publication import Position
from twisted_sse.history import MemoryHistory
from twisted_sse.transport.framing import raw

__all__ = ["CrowdTests", "LoopTests", "SilenceTests"]

COMMENT = b":\n\n"
INTERVAL = 15.0


class RaisingSink(MemorySink):
    """
    Breaks in a way that no network does.
    """

    def send(self, payload: bytes) -> int:
        """
        See `Sink.send`.
        """
        raise RuntimeError("This sink is broken.")


class Silence:
    """
    Connections of one audience, without a hub, watched by a `Keepalive`.
    """

    def __init__(self) -> None:
        self.clock = Clock()
        self.keepalive = Keepalive(INTERVAL, self.clock)
        self.audience = Audience(EVERYTHING, PLAIN, raw, Order().window)
        self.owner = ConnectionObserver(
            resume=lambda connection: None,
            blocked=lambda connection: None,
            unblocked=lambda connection: None,
            ended=lambda connection, reason: self.keepalive.forget(connection),
            lag=lambda number: 0,
            seconds=self.clock.seconds,
            name=str,
        )

    def connect(self, sink: MemorySink) -> Connection:
        """
        A live connection that is watched from now on.
        """
        connection = Connection(self.owner, self.audience, sink, None, ADDRESS)
        connection.open(Position(0, "e-0"), None)
        self.audience.join(connection)
        self.keepalive.watch(connection)
        return connection


class SilenceTests(SynchronousTestCase):
    """
    One subscriber.
    """

    def setUp(self) -> None:
        """
        A subscriber that has just come.
        """
        self.hub, self.clock = make_hub(keepalive=INTERVAL)
        self.subscriber = Subscriber(self.hub, "a")
        self.clock.advance(0)
        self.sink = self.subscriber.sink
        self.sink.received = b""

    def test_interval(self) -> None:
        """
        A comment follows every interval, and none comes early.
        """
        for _ in range(3):
            self.clock.advance(14.9)
            self.assertEqual(self.sink.received, b"")

            self.clock.advance(0.1)
            self.assertEqual(self.sink.received, COMMENT)
            self.sink.received = b""

    def test_event(self) -> None:
        """
        An event postpones the comment by a whole interval.
        """
        self.clock.advance(10)
        self.hub.publish("a", "1")
        self.clock.advance(0)
        self.sink.received = b""
        self.clock.advance(14.9)
        self.assertEqual(self.sink.received, b"")

        self.clock.advance(0.25)
        self.assertEqual(self.sink.received, COMMENT)

    def test_catching_up(self) -> None:
        """
        What is sent to somebody who catches up postpones the comment too.
        """
        self.hub.publish("a", "1")
        self.clock.advance(0)
        self.clock.advance(7.03)
        late = Subscriber(self.hub, "a", last_event_id="earliest")
        self.clock.advance(0)
        late.sink.received = b""
        self.clock.advance(14.9)
        self.assertEqual(late.sink.received, b"")

        self.clock.advance(0.25)
        self.assertEqual(late.sink.received, COMMENT)

    def test_others_event(self) -> None:
        """
        An event that this subscriber does not get does not postpone its comment.
        """
        Subscriber(self.hub, "b")
        self.clock.advance(10)
        self.hub.publish("b", "1")
        self.clock.advance(5)

        self.assertEqual(self.sink.received, COMMENT)

    def test_late_opening(self) -> None:
        """
        Silence begins with the first bytes, not with the request: history may be slow.
        """
        clock = Clock()
        history = SlowHistory(MemoryHistory(clock=clock))
        hub, clock = make_hub(history, keepalive=INTERVAL)
        late = Subscriber(hub, "a", last_event_id="unknown")
        clock.advance(10)
        history.answer_next()
        for _ in range(3):
            clock.advance(0)
            history.answer_next()
        late.sink.received = b""
        clock.advance(14)

        self.assertEqual(late.sink.received, b"")

    def test_blocked(self) -> None:
        """
        Who cannot be written to gets no comment, and gets one when it can again.
        """
        self.sink.pause()
        self.clock.pump([1.0] * 40)
        self.assertEqual(self.sink.received, b"")

        self.sink.make_room(1)
        self.clock.pump([1.0] * 16)
        self.assertEqual(self.sink.received, COMMENT)

    def test_short(self) -> None:
        """
        A comment that does not fit leaves by the transport, as an event would.
        """
        self.sink.room = 1
        self.clock.advance(15)
        self.assertEqual((self.sink.received, self.sink.spilled), (b":", b"\n\n"))

        self.sink.make_room(100)
        self.assertEqual(self.sink.received, COMMENT)

    def test_off(self) -> None:
        """
        Without keepalive nothing is scheduled at all.
        """
        hub, clock = make_hub(keepalive=None)
        Subscriber(hub, "a")
        clock.advance(0)

        self.assertEqual(clock.getDelayedCalls(), [])

    def test_short_interval(self) -> None:
        """
        An interval shorter than a look's usual distance is obeyed as well.
        """
        hub, clock = make_hub(keepalive=1 / 32)
        subscriber = Subscriber(hub, "a")
        clock.advance(0)
        subscriber.sink.received = b""
        clock.pump([1 / 64] * 10)

        self.assertEqual(subscriber.sink.received, COMMENT * 5)


class LoopTests(SynchronousTestCase):
    """
    One loop, for as long as there is somebody.
    """

    def test_one(self) -> None:
        """
        However many there are, one call is scheduled.
        """
        silence = Silence()
        for _ in range(50):
            silence.connect(MemorySink())

        self.assertEqual(len(silence.clock.getDelayedCalls()), 1)

    def test_stops(self) -> None:
        """
        When the last one leaves, no call is left, before and after comments.
        """
        silence = Silence()
        for seconds in (0.0, 20.0):
            connections = [silence.connect(MemorySink()) for _ in range(3)]
            silence.clock.pump([seconds])
            for connection in connections:
                self.assertEqual(len(silence.clock.getDelayedCalls()), 1)
                connection.end(EndReason.GONE)

            self.assertEqual(silence.clock.getDelayedCalls(), [])

    def test_starts_again(self) -> None:
        """
        Who comes after everybody had left is looked after.
        """
        silence = Silence()
        silence.connect(MemorySink()).end(EndReason.GONE)
        silence.clock.advance(100.03)
        sink = MemorySink()
        silence.connect(sink)
        silence.clock.advance(14.9)
        self.assertEqual(sink.received, b"")

        silence.clock.advance(0.1)
        self.assertEqual(sink.received, COMMENT)

    def test_exception(self) -> None:
        """
        A connection that raises is logged, and the others get their comments.
        """
        silence = Silence()
        sinks = [MemorySink(), RaisingSink(), MemorySink()]
        for sink in sinks:
            silence.connect(sink)
        silence.clock.advance(15)
        self.assertEqual([sink.received for sink in sinks], [COMMENT, b"", COMMENT])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

        silence.clock.advance(15)
        self.assertEqual([sink.received for sink in sinks], [COMMENT * 2, b"", COMMENT * 2])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_twice(self) -> None:
        """
        Forgetting somebody twice harms nobody.
        """
        silence = Silence()
        one, other = silence.connect(MemorySink()), silence.connect(MemorySink())
        silence.keepalive.forget(one)
        silence.keepalive.forget(one)
        self.assertEqual(len(silence.clock.getDelayedCalls()), 1)

        other.end(EndReason.GONE)
        self.assertEqual(silence.clock.getDelayedCalls(), [])

    def test_ends_while_written_to(self) -> None:
        """
        A comment that ends its own connection, and another one's, harms nobody else.
        """
        silence = Silence()
        sinks = [RecordingSink() for _ in range(4)]
        connections = [silence.connect(sink) for sink in sinks]
        sinks[0].on_send = _ending(connections[:2])
        silence.clock.advance(15)

        self.assertEqual([len(sink.payloads) for sink in sinks], [1, 0, 1, 1])
        self.assertEqual(len(silence.clock.getDelayedCalls()), 1)

    def test_all_end_while_written_to(self) -> None:
        """
        A comment that ends all connections, as on one HTTP/2 connection, raises nothing.
        """
        silence = Silence()
        sinks = [RecordingSink() for _ in range(3)]
        connections = [silence.connect(sink) for sink in sinks]
        sinks[0].on_send = _ending(connections)
        silence.clock.advance(15)

        self.assertEqual(silence.clock.getDelayedCalls(), [])
        self.assertEqual(self.flushLoggedErrors(), [])


def _ending(connections: list[Connection]) -> Callable[[], None]:
    def end() -> None:
        for connection in connections:
            connection.end(EndReason.GONE)

    return end


class CrowdTests(SynchronousTestCase):
    """
    10,000 connections that fall silent together.
    """

    COUNT = 10_000

    def test_spread(self) -> None:
        """
        None gets its comment early, none later than 1.3 intervals, and no look takes them all.
        """
        silence = Silence()
        written: list[float] = []
        for _ in range(self.COUNT):
            sink = RecordingSink()
            sink.on_send = lambda: written.append(silence.clock.seconds())
            silence.connect(sink)
        # As a broadcast does that reaches them all in one turn.
        silence.clock.advance(3.3)
        silence.audience.written = silence.clock.seconds()
        step = INTERVAL / 128
        busiest = 0
        while silence.clock.seconds() < 3.3 + 1.4 * INTERVAL:
            before = len(written)
            silence.clock.advance(step)
            busiest = max(busiest, len(written) - before)

        self.assertEqual(len(written), self.COUNT)
        self.assertGreaterEqual(min(written), 3.3 + INTERVAL - 1e-6)
        self.assertLessEqual(max(written), 3.3 + 1.3 * INTERVAL)
        # An even share is 79; four times as many are allowed, in order to catch up.
        self.assertLessEqual(busiest, 313)
        self.assertLess(len(silence.clock.getDelayedCalls()), 2)

    def test_stay_spread(self) -> None:
        """
        In the next intervals nobody has to wait, since they no longer fall due together.
        """
        silence = Silence()
        last: dict[int, float] = {}
        gaps: list[float] = []

        def note(who: int) -> None:
            now = silence.clock.seconds()
            gaps.append(now - last.get(who, 0.0))
            last[who] = now

        for who in range(2000):
            sink = RecordingSink()
            sink.on_send = partial(note, who)
            silence.connect(sink)
        silence.clock.pump([INTERVAL / 128] * (128 * 4 - 1))

        self.assertEqual(len(gaps), 3 * 2000)
        self.assertGreaterEqual(min(gaps), INTERVAL - 1e-6)
        self.assertLessEqual(max(gaps[2000:]), INTERVAL + 2 * INTERVAL / 128)
