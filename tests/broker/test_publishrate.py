"""
How many publications a publisher may send.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.broker import publishrate
from twisted_sse.broker.publishrate import PublishRate
from twisted_sse.errors import TooManyPublications

__all__ = ["PublishRateTests"]


class PublishRateTests(SynchronousTestCase):
    """
    `PublishRate`.
    """

    def setUp(self) -> None:
        """
        Allow two a second.
        """
        self.clock = Clock()
        self.rate = PublishRate(2, self.clock)

    def sent(self, count: int, publisher: bytes = b"ada") -> int:
        """
        Send up to *count* publications, and return how many were taken.
        """
        for number in range(count):
            try:
                self.rate.take(publisher, 1)
            except TooManyPublications:
                return number
        return count

    def test_burst(self) -> None:
        """
        Ten seconds' worth is taken at once, and then the rate.
        """
        self.assertEqual(self.sent(100), 20)
        for _ in range(10):
            self.clock.advance(1)
            self.assertEqual(self.sent(100), 2)

    def test_recovered(self) -> None:
        """
        After ten seconds of silence another burst is taken, and no more than that.
        """
        self.sent(100)
        self.clock.advance(1000)

        self.assertEqual(self.sent(100), 20)

    def test_others(self) -> None:
        """
        One publisher does not use up what another may send.
        """
        self.sent(100)

        self.assertEqual(self.sent(1, b"bob"), 1)

    def test_large_batch(self) -> None:
        """
        A batch above the burst is taken as a whole, and the next one waits for it.
        """
        self.rate.take(b"ada", 100)
        with self.assertRaises(TooManyPublications) as caught:
            self.rate.take(b"ada", 1)

        self.assertEqual(caught.exception.retry_after, 40)
        self.clock.advance(40.1)
        self.rate.take(b"ada", 1)

    def test_sentence(self) -> None:
        """
        The error names the limit.
        """
        self.sent(100)
        with self.assertRaisesRegex(TooManyPublications, "2 publications per second"):
            self.rate.take(b"ada", 1)

    def test_memory(self) -> None:
        """
        Publishers that may send a whole burst are forgotten, and the number of others is bounded.
        """
        self.patch(publishrate, "_MOST", 50)
        self.rate = PublishRate(2, self.clock)
        for number in range(40):
            self.rate.take(b"%d" % number, 20)
        self.assertEqual(len(self.rate._publishers), 40)

        for number in range(40):
            self.rate.take(b"x%d" % number, 20)
        self.assertEqual(len(self.rate._publishers), 50)

        self.clock.advance(11)
        self.rate.take(b"ada", 1)
        self.assertEqual(len(self.rate._publishers), 1)
