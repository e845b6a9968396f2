"""
How often something may be done.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.http2.tokenbucket import TokenBucket

__all__ = ["AllowanceTests"]


class AllowanceTests(SynchronousTestCase):
    """
    Three at once, and two more each second.
    """

    def setUp(self) -> None:
        """
        Begin with all three.
        """
        self.clock = Clock()
        self.allowance = TokenBucket(3, 2, self.clock.seconds)

    def take(self, count: int) -> list[bool]:
        """
        Do it so often.
        """
        return [self.allowance.take() for _ in range(count)]

    def test_burst(self) -> None:
        """
        The burst is there at once, and no more.
        """
        self.assertEqual(self.take(5), [True, True, True, False, False])

    def test_rate(self) -> None:
        """
        What was spent comes back as time passes; asking in vain costs nothing.
        """
        self.take(10)

        self.clock.advance(0.25)
        self.assertEqual(self.take(1), [False])

        self.clock.advance(0.25)
        self.assertEqual(self.take(2), [True, False])

        self.clock.advance(1)
        self.assertEqual(self.take(3), [True, True, False])

    def test_no_more_than_the_burst(self) -> None:
        """
        However long nothing was done, it is never more than the burst.
        """
        self.clock.advance(1000)

        self.assertEqual(self.take(4), [True, True, True, False])

    def test_clock_set_back(self) -> None:
        """
        A clock that is set back takes nothing away, and gives nothing twice.
        """
        self.clock.advance(100)
        self.take(2)

        self.clock.rightNow = 50
        self.assertEqual(self.take(2), [True, False])

        self.clock.advance(0.5)
        self.assertEqual(self.take(2), [True, False])
