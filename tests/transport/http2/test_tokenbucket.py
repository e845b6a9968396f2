"""
The token bucket that limits rates.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.http2.tokenbucket import TokenBucket

__all__ = ["TokenBucketTests"]


class TokenBucketTests(SynchronousTestCase):
    """
    A bucket of three tokens that gets two more per second.
    """

    def setUp(self) -> None:
        """
        Begin with a full bucket.
        """
        self.clock = Clock()
        self.bucket = TokenBucket(3, 2, self.clock.seconds)

    def take(self, count: int) -> list[bool]:
        """
        Try to take *count* tokens.
        """
        return [self.bucket.take() for _ in range(count)]

    def test_burst(self) -> None:
        """
        The burst can be taken at once, and not more.
        """
        self.assertEqual(self.take(5), [True, True, True, False, False])

    def test_rate(self) -> None:
        """
        Tokens are added as time passes; a failed attempt costs nothing.
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
        However long no token is taken, the bucket never holds more than the burst.
        """
        self.clock.advance(1000)

        self.assertEqual(self.take(4), [True, True, True, False])

    def test_clock_set_back(self) -> None:
        """
        A clock that is set back removes no tokens, and adds none twice.
        """
        self.clock.advance(100)
        self.take(2)

        self.clock.rightNow = 50
        self.assertEqual(self.take(2), [True, False])

        self.clock.advance(0.5)
        self.assertEqual(self.take(2), [True, False])
