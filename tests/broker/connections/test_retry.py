"""
The reconnection times that streams begin with.
"""

from itertools import pairwise

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse import Hub
from twisted_sse.broker.connections.retry import ReconnectionTime
from twisted_sse.events.event import MAX_RETRY

__all__ = ["ReconnectionTimeTests"]


def times(count: int, shortest: int | None, spread: int | None = None) -> list[int | None]:
    """
    The first times.
    """
    chosen = ReconnectionTime(shortest, spread)
    return [chosen.next() for _ in range(count)]


class ReconnectionTimeTests(SynchronousTestCase):
    """
    `ReconnectionTime`.
    """

    def test_even(self) -> None:
        """
        Any few of them are spread evenly over the range, and the first is the shortest.
        """
        self.assertEqual(times(4, 3000, 2000), [3000, 4000, 3500, 4500])
        for count in (8, 16, 64):
            found = sorted(one or 0 for one in times(count, 3000, 2000))
            gaps = [later - earlier for earlier, later in pairwise(found)]

            self.assertTrue(all(abs(gap - 2000 / count) < 1 for gap in gaps), gaps)

    def test_few(self) -> None:
        """
        There are 64 different ones, so that what is made for each can be kept.
        """
        found = times(6400, 3000, 2000)

        self.assertEqual(len(set(found)), 64)
        self.assertTrue(all(3000 <= (one or 0) < 5000 for one in found))
        self.assertEqual({found.count(one) for one in found}, {100})

    def test_default(self) -> None:
        """
        By default the longest is almost twice as long as the shortest.
        """
        found = [one or 0 for one in times(64, 100)]

        self.assertEqual((min(found), max(found)), (100, 198))

    def test_same(self) -> None:
        """
        Without a spread, or without a time, all are the same.
        """
        self.assertEqual(times(3, 3000, 0), [3000] * 3)
        self.assertEqual(times(3, 0), [0] * 3)
        self.assertEqual(times(3, None, 100), [None] * 3)

    def test_highest(self) -> None:
        """
        No time is longer than browsers can wait.
        """
        self.assertEqual(times(3, MAX_RETRY), [MAX_RETRY] * 3)

    def test_refused(self) -> None:
        """
        A negative spread is refused when the hub is made.
        """
        with self.assertRaises(ValueError) as caught:
            Hub(retry_spread=-1)

        self.assertIn("retry_spread is -1", str(caught.exception))
