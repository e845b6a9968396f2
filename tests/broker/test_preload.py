"""
A hub that starts with a history that already has events.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import Subscriber
from tests.support.stores import BookkeepingHistory
from twisted_sse import Hub
from twisted_sse.events.publication import Publication
from twisted_sse.history import MemoryHistory

__all__ = ["PreloadTests"]


class PreloadTests(SynchronousTestCase):
    """
    A restarted hub with a window of ten events, and a history of a hundred.
    """

    def setUp(self) -> None:
        """
        A hub without subscribers.
        """
        self.clock = Clock()
        store = MemoryHistory(clock=self.clock)
        self.records = store.append([Publication.of("a", str(number)) for number in range(100)])
        self.history = BookkeepingHistory(store)
        self.hub = Hub(self.history, keepalive=None, window_events=10, reactor=self.clock)

    def resume(self, *positions: int) -> list[Subscriber]:
        """
        Add subscribers that resume after the records at *positions*.
        """
        resumed = [
            Subscriber(self.hub, "a", last_event_id=self.records[one].id) for one in positions
        ]
        for _ in range(2 * len(positions)):
            self.clock.advance(0)
        return resumed

    def test_recent(self) -> None:
        """
        A subscriber that missed no more than the window holds is served without reading history.
        """
        first, last = self.resume(90, 98)

        self.assertEqual(first.data, [str(number) for number in range(91, 100)])
        self.assertEqual(last.data, ["99"])
        self.assertEqual(self.history.asked, [])

    def test_before_the_window(self) -> None:
        """
        A subscriber right before the window is served from it, once history knows its ID.
        """
        (subscriber,) = self.resume(89)

        self.assertEqual(subscriber.data, [str(number) for number in range(90, 100)])

    def test_all_at_once(self) -> None:
        """
        A thousand subscribers at ten positions cost one read for each position outside the window.
        """
        resumed = self.resume(*[number % 10 + 88 for number in range(1000)])

        self.assertEqual([one.data[-1] for one in resumed], ["99"] * 1000)
        self.assertLessEqual(len(self.history.asked), 4)

    def test_goes_on(self) -> None:
        """
        New events follow the old ones.
        """
        (subscriber,) = self.resume(99)
        self.hub.publish("a", "100")
        self.clock.advance(0)

        self.assertEqual(subscriber.data, ["100"])
        self.assertEqual(self.hub.broker.position.number, 101)

    def test_as_much_as_fits(self) -> None:
        """
        History is asked for as many events as the window holds.
        """
        self.resume(99)

        self.assertEqual(self.history.tails, [10])
