"""
The self-test of a hub.
"""

from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.hubs import Subscriber, make_hub
from twisted_sse import MemoryHistory
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.broker.readiness import Fault
from twisted_sse.broker.selftest import SELF_TEST_TOPIC, SelfTest
from twisted_sse.interfaces import IHistoryProvider

__all__ = ["SelfTestTests"]


class SelfTestTests(SynchronousTestCase):
    """
    A hub that publishes to itself every ten seconds.
    """

    def start(self, history: IHistoryProvider | None = None) -> None:
        """
        Start it.
        """
        self.hub, self.clock = make_hub(history)
        self.measures = self.hub.broker.measures
        self.test = SelfTest(self.hub.broker, 10)
        self.test.startService()
        self.clock.advance(0)

    def faults(self) -> list[Fault]:
        """
        Return why the hub is not ready.
        """
        return self.successResultOf(self.hub.broker.readiness.examine())

    def test_arrives(self) -> None:
        """
        An event arrives, and another one ten seconds later.
        """
        self.start()
        for _ in range(2):
            self.clock.advance(10)
            self.clock.advance(0)

        self.assertEqual((sum(self.measures.self_tests.counts), self.measures.published), (3, 3))
        self.assertEqual((self.measures.self_test_failures, self.faults()), (0, []))
        self.assertEqual(len(self.hub.connections), 1)

    def test_private(self) -> None:
        """
        Subscribers without a grant do not see the events, whatever they ask for.
        """
        self.start()
        stranger = Subscriber(self.hub, "*", SELF_TEST_TOPIC)
        self.clock.advance(10)
        self.clock.advance(0)

        self.assertEqual(stranger.data, [])

    def test_measured(self) -> None:
        """
        The time is that until the event has arrived.
        """
        slow = SlowHistory(MemoryHistory())
        self.start(slow)
        self.clock.advance(1.5)
        slow.answer_next()

        self.assertEqual(self.measures.self_tests.sum, 1.5)

    def test_late(self) -> None:
        """
        If an event has not arrived after five seconds, the hub is not ready; it is again when
        the next one arrives, and the log has a line for both.
        """
        slow = SlowHistory(MemoryHistory())
        with capturedLogs() as events:
            self.start(slow)
            self.clock.advance(5)
            self.assertEqual(self.measures.self_test_failures, 1)
            late = [Fault("self-test", "A test event has not arrived within 5 seconds.")]
            self.assertEqual(self.faults(), late)

            slow.answer_next()
            self.clock.advance(5)
            self.clock.advance(0)
            slow.answer_next()

        self.assertEqual(self.faults(), [])
        told = [formatEvent(one) for one in events if "self-test" in (one["log_format"] or "")]
        self.assertEqual(len(told), 2)
        self.assertIn("fails: A test event", told[0])

    def test_refused(self) -> None:
        """
        A history that is away is told at once.
        """
        absent = AbsentHistory(away=False)
        self.start(absent)
        absent.away = True
        self.clock.advance(10)
        self.clock.advance(0)
        absent.away = False

        self.assertIn(Fault("self-test", "The store is away."), self.faults())

    def test_ended(self) -> None:
        """
        A stream that was ended is opened again for the next event.
        """
        self.start()
        (connection,) = self.hub.connections
        connection.end(EndReason.CLOSED)
        self.clock.advance(10)
        self.clock.advance(0)

        self.assertEqual(self.faults(), [])
        self.assertEqual(len(self.hub.connections), 1)

    def test_stopped(self) -> None:
        """
        After the stop nothing is published, and no stream and no timer is left.
        """
        self.start()
        self.test.stopService()
        self.clock.advance(30)

        self.assertEqual((self.measures.published, len(self.hub.connections)), (1, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])
