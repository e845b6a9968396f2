"""
Backoff.
"""

from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.client import Backoff

__all__ = ["BackoffTests"]


class BackoffTests(SynchronousTestCase):
    """
    The delays of a policy.
    """

    CASES = [
        (1, 0.0, 1.0),
        (2, 0.0, 2.0),
        (3, 3.0, 4.0),
        (3, 5.0, 5.0),
        (7, 0.0, 60.0),
        (10_000, 0.0, 60.0),
        (1, 600.0, 600.0),
        (1, 1e9, 3600.0),
        (1, float("inf"), 3600.0),
        (1, -1.0, 1.0),
    ]

    WRONG = [{"first": -1.0}, {"factor": 0.5}, {"limit": -1.0}, {"jitter": -0.1}]

    def test_waits(self) -> None:
        """
        Delays grow up to the limit; a server may ask for more, up to an hour.
        """
        backoff = Backoff(jitter=0.0)
        for attempt, asked, wait in self.CASES:
            with self.subTest(attempt=attempt, asked=asked):
                self.assertEqual(backoff.delay(attempt, asked), wait)

    def test_shortest(self) -> None:
        """
        The delay is never shorter than 0.1 seconds.
        """
        backoff = Backoff(first=0.0, limit=0.0, jitter=0.0)

        self.assertEqual(backoff.delay(1), 0.1)
        self.assertEqual(backoff.delay(5, 0.05), 0.1)

    def test_chance(self) -> None:
        """
        The random part only lengthens the delay.
        """
        waits = [Backoff(first=10.0, jitter=0.5).delay(1, 10.0) for _ in range(1000)]

        self.assertGreaterEqual(min(waits), 10.0)
        self.assertLessEqual(max(waits), 15.0)
        self.assertGreater(max(waits) - min(waits), 4.0)

    def test_wrong(self) -> None:
        """
        Numbers out of range, NaN and infinity are refused.
        """
        for arguments in [*self.WRONG, {"first": float("nan")}, {"limit": float("inf")}]:
            with self.assertRaises(ValueError):
                Backoff(**arguments)
