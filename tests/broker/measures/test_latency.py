"""
From publishing to writing.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber, make_hub
from tests.support.shared import SharedMemoryHistory, SharedStore
from twisted_sse.broker.measures.histogram import Histogram
from twisted_sse.broker.measures.latency import PublishLatency

__all__ = ["LatencyTests", "SharedTests"]


class LatencyTests(SynchronousTestCase):
    """
    What is expected, and what was written.
    """

    def setUp(self) -> None:
        """
        A histogram with one bound, of a second.
        """
        self.histogram = Histogram((1,))
        self.latency = PublishLatency(self.histogram)

    def test_written(self) -> None:
        """
        Each publication counts from when it was submitted.
        """
        self.latency.expect(2, 10.0, 2, 10.0)
        self.latency.expect(3, 11.5, 1, 11.5)
        self.assertTrue(self.latency.waiting)

        self.latency.written(3, 12.0)

        self.assertEqual((self.histogram.counts, self.histogram.sum), ([1, 2], 4.5))
        self.assertFalse(self.latency.waiting)

    def test_in_part(self) -> None:
        """
        What was not written yet waits.
        """
        self.latency.expect(2, 10.0, 2, 10.0)
        self.latency.expect(5, 10.0, 3, 10.0)

        self.latency.written(4, 10.5)

        self.assertEqual(self.histogram.counts, [2, 0])
        self.assertTrue(self.latency.waiting)

    def test_written_before(self) -> None:
        """
        A shared history may deliver a publication before it says that it is kept.
        """
        self.latency.written(4, 10.0)

        self.latency.expect(4, 9.5, 1, 10.25)

        self.assertEqual((self.histogram.counts, self.histogram.sum), ([1, 0], 0.75))

    def test_restart(self) -> None:
        """
        When history begins anew, its numbers do, too.
        """
        self.latency.expect(9, 10.0, 1, 10.0)
        self.latency.restart()
        self.latency.expect(1, 11.0, 1, 11.0)

        self.latency.written(1, 11.5)

        self.assertEqual((self.histogram.counts, self.histogram.sum), ([1, 0], 0.5))

    def test_bounded(self) -> None:
        """
        What is never written fills no memory.
        """
        for number in range(10_100):
            self.latency.expect(number, 0.0, 1, 0.0)

        self.latency.written(10_100, 0.5)

        self.assertEqual(self.histogram.counts, [10_000, 0])


class SharedTests(SynchronousTestCase):
    """
    Two hubs with one history.
    """

    def test_own(self) -> None:
        """
        The hub counts that has published, when its own subscribers were written to.
        """
        store = SharedStore()
        store.prompt = False
        histories = [SharedMemoryHistory(store) for _ in range(2)]
        (one, clock), (other, clock_of_other) = map(make_hub, histories)
        subscribers = [Subscriber(hub, "news") for hub in (one, other)]
        done = one.publish("news", "hello")
        clock.advance(0)
        clock.advance(0.4)
        for history in histories:
            history.deliver_next()
        clock.advance(0)
        clock_of_other.advance(0)

        self.successResultOf(done)
        self.assertEqual([subscriber.data for subscriber in subscribers], [["hello"]] * 2)
        measured = one.broker.measures.publish_to_write
        self.assertEqual((sum(measured.counts), measured.sum), (1, 0.4))
        self.assertEqual(sum(other.broker.measures.publish_to_write.counts), 0)
        self.assertEqual(other.broker.measures.published, 0)
