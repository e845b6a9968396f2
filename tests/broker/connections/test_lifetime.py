"""
Streams end when they have lasted for their lifetime.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from twisted_sse import Hub
from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["LifetimeTests"]

LIMIT = 100.0


class LifetimeTests(SynchronousTestCase):
    """
    `MaxLifetime`, in a hub.
    """

    def setUp(self) -> None:
        """
        Make a hub that records when its streams end.
        """
        self.hub: Hub
        self.clock: Clock
        self.hub, self.clock = make_hub(max_lifetime=LIMIT)
        self.ends: list[tuple[float, EndReason]] = []
        self.hub.on_disconnect(
            lambda connection, reason: self.ends.append((connection.duration, reason))
        )

    def subscribe(self) -> Subscriber:
        """
        Open a stream.
        """
        subscriber = Subscriber(self.hub, "a")
        self.clock.advance(0)
        return subscriber

    def test_window(self) -> None:
        """
        Every stream ends in the last quarter of the lifetime, and never after it.
        """
        for _ in range(200):
            self.subscribe()
        self.clock.pump([0.5] * 201)

        durations = [duration for duration, _ in self.ends]
        self.assertEqual({reason for _, reason in self.ends}, {EndReason.LIFETIME})
        self.assertEqual(len(durations), 200)
        self.assertGreaterEqual(min(durations), LIMIT * 0.75 - 0.5)
        self.assertLessEqual(max(durations), LIMIT)

    def test_spread(self) -> None:
        """
        Streams that were opened together do not end together.
        """
        for _ in range(200):
            self.subscribe()
        most = 0
        for _ in range(200):
            before = len(self.ends)
            self.clock.advance(0.5)
            most = max(most, len(self.ends) - before)

        self.assertLess(most, 20)

    def test_later(self) -> None:
        """
        A stream that begins later ends later.
        """
        self.subscribe()
        self.clock.pump([1.0] * 50)
        second = self.subscribe()
        self.clock.pump([1.0] * 74)
        self.assertIsNone(second.connection.ended)

        self.clock.pump([1.0] * 26)
        self.assertEqual(second.connection.ended, EndReason.LIFETIME)

    def test_good_order(self) -> None:
        """
        The stream ends in good order, after everything that was published before.
        """
        subscriber = self.subscribe()
        self.clock.pump([1.0] * 74)
        self.hub.publish("a", "last")
        self.clock.pump([1.0] * 26)

        self.assertEqual([event.data for event in subscriber.sink.events], ["last"])
        self.assertTrue(subscriber.sink.finished)

    def test_blocked(self) -> None:
        """
        A stream whose reader takes nothing is aborted.
        """
        subscriber = self.subscribe()
        subscriber.sink.pause()
        self.clock.pump([1.0] * 100)

        self.assertTrue(subscriber.sink.aborted)

    def test_left(self) -> None:
        """
        A subscriber that has left before is forgotten, and then nothing is scheduled.
        """
        subscriber = self.subscribe()
        subscriber.connection.gone()

        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.ends[0][1], EndReason.GONE)

    def test_off(self) -> None:
        """
        Without a limit streams last.
        """
        hub, clock = make_hub()
        subscriber = Subscriber(hub, "a")
        clock.pump([1000.0] * 10)

        self.assertIsNone(subscriber.connection.ended)
