"""
Readers that take nothing are let go after a while.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from twisted_sse.broker.connections.endreason import EndReason

__all__ = ["PatienceTests"]

LIMIT = 60.0


class PatienceTests(SynchronousTestCase):
    """
    How long those are waited for who cannot be written to.
    """

    def setUp(self) -> None:
        """
        A hub with a subscriber.
        """
        self.hub, self.clock = make_hub(send_timeout=LIMIT)
        self.subscriber = Subscriber(self.hub, "a")
        self.clock.advance(0)
        self.sink = self.subscriber.sink

    def _pass(self, seconds: int) -> None:
        self.clock.pump([1.0] * seconds)

    def test_let_go(self) -> None:
        """
        Who is blocked for longer than the limit is cut, not before it, and little later.
        """
        self._pass(7)
        self.sink.pause()
        self._pass(59)
        self.assertIsNone(self.subscriber.connection.ended)
        self._pass(17)

        self.assertEqual(self.subscriber.connection.ended, EndReason.SEND_TIMEOUT)
        self.assertTrue(self.sink.aborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_changed(self) -> None:
        """
        Another limit counts from now on, also for a reader that is blocked.
        """
        self.sink.pause()
        self._pass(30)
        self.hub.broker.admission.send_timeout.set(8.0)
        self._pass(7)
        self.assertIsNone(self.subscriber.connection.ended)
        self._pass(4)

        self.assertEqual(self.subscriber.connection.ended, EndReason.SEND_TIMEOUT)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_turned_off(self) -> None:
        """
        Without a limit, a reader that is blocked is waited for, and no timer is left.
        """
        self.sink.pause()
        self.hub.broker.admission.send_timeout.set(None)
        self._pass(100)

        self.assertIsNone(self.subscriber.connection.ended)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_never_read(self) -> None:
        """
        Who never took all of the first event is let go too.
        """
        self.sink.room = 1
        self.hub.publish("a", "1")
        self._pass(80)

        self.assertEqual(self.subscriber.connection.ended, EndReason.SEND_TIMEOUT)

    def test_reads_slowly(self) -> None:
        """
        Who can be written to now and then is waited for again each time.
        """
        for _ in range(4):
            self.sink.pause()
            self._pass(50)
            self.sink.make_room(0)
            self._pass(1)

        self.assertIsNone(self.subscriber.connection.ended)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_blocked_again(self) -> None:
        """
        Being told of twice does not begin the time anew.
        """
        self.sink.pause()
        self._pass(50)
        self.sink.pause()
        self._pass(26)

        self.assertEqual(self.subscriber.connection.ended, EndReason.SEND_TIMEOUT)

    def test_leaves(self) -> None:
        """
        Whoever leaves is waited for no more.
        """
        self.sink.pause()
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.subscriber.leave()

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_others(self) -> None:
        """
        Those who read are not concerned, and those who came later have their own time.
        """
        other = Subscriber(self.hub, "a")
        later = Subscriber(self.hub, "a")
        self.clock.advance(0)
        self.sink.pause()
        self._pass(40)
        later.sink.pause()
        self._pass(40)
        self.assertEqual(self.subscriber.connection.ended, EndReason.SEND_TIMEOUT)
        self.assertIsNone(later.connection.ended)
        self._pass(40)

        self.assertEqual(later.connection.ended, EndReason.SEND_TIMEOUT)
        self.assertIsNone(other.connection.ended)

    def test_slow(self) -> None:
        """
        Who takes a little of what waits for it is slow, and stays.
        """
        self.sink.pause()
        for left in range(5, 0, -1):
            self.sink.spilled = b"x" * left
            self._pass(40)

        self.assertIsNone(self.subscriber.connection.ended)

        self._pass(80)

        self.assertEqual(self.subscriber.connection.ended, EndReason.SEND_TIMEOUT)

    def test_off(self) -> None:
        """
        Without a limit nobody is let go.
        """
        hub, clock = make_hub(send_timeout=None)
        subscriber = Subscriber(hub, "a")
        clock.advance(0)
        subscriber.sink.pause()
        clock.pump([100.0] * 10)

        self.assertIsNone(subscriber.connection.ended)
        self.assertEqual(clock.getDelayedCalls(), [])
