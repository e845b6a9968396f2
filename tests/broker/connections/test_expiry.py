"""
Streams end when the time is over that their grants are for.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from tests.support.sinks import MemorySink
from twisted_sse import Grant, Hub
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.connections.expiry import GrantExpiry

__all__ = ["DateTests", "EndingTests", "SchedulingTests"]

NOW = 1_800_000_000.0


class EndingTests(SynchronousTestCase):
    """
    How a stream ends.
    """

    def setUp(self) -> None:
        """
        A hub in our time.
        """
        self.hub, self.clock = make_hub()
        self.clock.advance(NOW)

    def _subscribe(self, expires: float | None, sink: MemorySink | None = None) -> Subscriber:
        grant = Grant("ada", public=True, expires=expires)
        subscriber = Subscriber(self.hub, "a", grant=grant, sink=sink)
        self.clock.advance(0)
        return subscriber

    def test_in_good_order(self) -> None:
        """
        At the end of its grant, and not before, a stream is finished; the others stay.
        """
        subscriber, other = self._subscribe(NOW + 60), self._subscribe(None)
        self.clock.advance(59.9)
        early = subscriber.connection.ended
        self.clock.advance(0.1)

        self.assertIsNone(early)
        self.assertEqual(subscriber.connection.ended, EndReason.EXPIRED)
        self.assertTrue(subscriber.sink.finished)
        self.assertFalse(subscriber.sink.aborted)
        self.assertIsNone(other.connection.ended)

    def test_slow_reader(self) -> None:
        """
        Who has yet to take something does not get it any more.
        """
        subscriber = self._subscribe(NOW + 30)
        subscriber.sink.pause()
        self.clock.advance(30)

        self.assertEqual(subscriber.connection.ended, EndReason.EXPIRED)
        self.assertTrue(subscriber.sink.aborted)

    def test_told(self) -> None:
        """
        Who listens hears the reason.
        """
        heard: list[tuple[str | None, EndReason]] = []
        self.hub.on_disconnect(lambda connection, reason: heard.append((connection.user, reason)))
        self._subscribe(NOW + 1)
        self.clock.advance(1)

        self.assertEqual(heard, [("ada", EndReason.EXPIRED)])

    def test_many(self) -> None:
        """
        Connections that expire together are closed evenly over two seconds, from then on.
        """
        for _ in range(500):
            self._subscribe(NOW + 1)
        left = []
        self.clock.advance(0.99)
        for _ in range(5):
            left.append(len(self.hub.connections))
            self.clock.pump([0.01] * 50)

        self.assertEqual(left[0], 500)
        for expected, found in zip([370, 240, 110, 0], left[1:], strict=True):
            self.assertLessEqual(abs(found - expected), 30, left)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_more_while_closing(self) -> None:
        """
        Those that expire while others are still being closed are not late for that.
        """
        for number in range(600):
            self._subscribe(NOW + 1 + (number >= 200))
        self.clock.pump([0.01] * 420)

        self.assertEqual(len(self.hub.connections), 0)

    def test_few(self) -> None:
        """
        A few that expire together are closed at once.
        """
        for _ in range(5):
            self._subscribe(NOW + 1)
        self.clock.advance(1)

        self.assertEqual(len(self.hub.connections), 0)

    def test_planned_while_many_end(self) -> None:
        """
        Streams that begin with a grant that is over do not hold the others up.
        """
        for _ in range(200):
            self._subscribe(NOW + 1)
        self.clock.advance(1)
        before = len(self.hub.connections)
        for _ in range(30):
            self._subscribe(NOW)
            self.clock.advance(0.02)

        self.assertLess(len(self.hub.connections), before)


class DatedClock(Clock):
    """
    A clock of a machine whose date can be set.
    """

    date = NOW

    def now(self) -> float:
        """
        See `MonotonicClock.now`.
        """
        return self.date + self.seconds()


class DateTests(SynchronousTestCase):
    """
    A date that is set while streams are open.
    """

    def setUp(self) -> None:
        """
        A stream that may last for an hour.
        """
        self.clock = DatedClock()
        self.hub = Hub(reactor=self.clock, keepalive=None)
        grant = Grant("ada", public=True, expires=NOW + 3600)
        self.connection = Subscriber(self.hub, "a", grant=grant).connection

    def test_forward(self) -> None:
        """
        A grant that has expired by the new date ends its stream within ten seconds.
        """
        self.clock.advance(100)
        self.clock.date += 7200
        self.clock.advance(10)

        self.assertEqual(self.connection.ended, EndReason.EXPIRED)

    def test_back(self) -> None:
        """
        A grant that has not expired by the new date lasts longer.
        """
        self.clock.pump([1800.0])
        self.clock.date -= 1000
        self.clock.pump([10.0] * 270)
        early = self.connection.ended
        self.clock.pump([10.0] * 11)

        self.assertIsNone(early)
        self.assertEqual(self.connection.ended, EndReason.EXPIRED)


class SchedulingTests(SynchronousTestCase):
    """
    One call for all, and none for nobody.
    """

    def setUp(self) -> None:
        """
        Connections whose end is planned by a test.
        """
        self.hub, _ = make_hub()
        self.clock = Clock()
        self.expiry = GrantExpiry(self.clock)
        self.one, self.two = (Subscriber(self.hub, "a").connection for _ in range(2))

    def _ended(self) -> list[bool]:
        return [connection.ended is not None for connection in (self.one, self.two)]

    def test_nobody(self) -> None:
        """
        Where no grant ends, nothing is scheduled.
        """
        self.expiry.plan(self.one, None)

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_call(self) -> None:
        """
        The next to end has the call, whoever was planned first.
        """
        self.expiry.plan(self.one, 20.0)
        self.expiry.plan(self.two, 10.0)
        calls = len(self.clock.getDelayedCalls())
        self.clock.advance(10)
        first = self._ended()
        self.clock.advance(10)

        self.assertEqual((calls, first), (1, [False, True]))
        self.assertEqual(self._ended(), [True, True])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_forgotten(self) -> None:
        """
        Who has left is not waited for.
        """
        self.expiry.plan(self.one, 10.0)
        self.expiry.forget(self.one)
        self.expiry.forget(self.two)

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_planned_again(self) -> None:
        """
        The latest plan counts, be it sooner, later, or none.
        """
        self.expiry.plan(self.one, 10.0)
        self.expiry.plan(self.one, 30.0)
        self.expiry.plan(self.two, 10.0)
        self.expiry.plan(self.two, None)
        self.clock.advance(29)
        before = self._ended()
        self.clock.advance(1)

        self.assertEqual((before, self._ended()), ([False, False], [True, False]))

    def test_over_already(self) -> None:
        """
        An end that is past ends the stream in the next turn.
        """
        self.clock.advance(10)
        self.expiry.plan(self.one, 5.0)
        before = self._ended()
        self.clock.advance(0)

        self.assertEqual((before, self._ended()), ([False, False], [True, False]))

    def test_far_future(self) -> None:
        """
        The time of day may be set, so it is looked at every ten seconds.
        """
        self.expiry.plan(self.one, 1e15)
        waits = []
        for _ in range(3):
            (call,) = self.clock.getDelayedCalls()
            waits.append(call.getTime() - self.clock.seconds())
            self.clock.advance(waits[-1])

        self.assertEqual(waits, [10.0] * 3)
        self.assertEqual(self._ended(), [False, False])

    def test_memory(self) -> None:
        """
        Of a grant that is renewed over and over only the last end is kept, about.
        """
        self.expiry.plan(self.two, 1e9)
        for number in range(1000):
            self.expiry.plan(self.one, 1e6 + number)

        self.assertLess(len(self.expiry), 100)

    def test_planned_while_ending(self) -> None:
        """
        Another may be planned by who hears of an end.
        """
        hub, clock = make_hub()
        first, second = Subscriber(hub, "a").connection, Subscriber(hub, "a").connection
        clock.advance(0)
        expiry = GrantExpiry(clock)
        hub.on_disconnect(lambda connection, reason: expiry.plan(second, 3.0))
        expiry.plan(first, 1.0)
        clock.advance(1)
        ended = (first.ended, second.ended)
        clock.advance(2)

        self.assertEqual(ended, (EndReason.EXPIRED, None))
        self.assertEqual(second.ended, EndReason.EXPIRED)
