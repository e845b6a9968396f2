"""
Time limits for bodies.
"""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.deadline import BODY_RATE, BodyDeadline

__all__ = ["BodyDeadlineTests"]


class BodyDeadlineTests(SynchronousTestCase):
    """
    `BodyDeadline`.
    """

    def setUp(self) -> None:
        """
        Begin a body that has 30 seconds.
        """
        self.clock = Clock()
        self.expired: list[float] = []
        self.deadline = BodyDeadline(
            self.clock, 30.0, lambda: self.expired.append(self.clock.seconds())
        )

    def advance(self, seconds: int) -> None:
        """
        Let time pass, a second at a time.
        """
        self.clock.pump([1.0] * seconds)

    def test_silence(self) -> None:
        """
        Without a byte the time is the timeout.
        """
        self.advance(29)
        self.assertEqual(self.expired, [])

        self.advance(2)
        self.assertEqual(self.expired, [30.0])

    def test_drip(self) -> None:
        """
        A byte each second does not extend it by more than its share.
        """
        for _ in range(40):
            self.deadline.received(1)
            self.advance(1)

        self.assertEqual(len(self.expired), 1)

    def test_progress(self) -> None:
        """
        A body at the slowest rate that is allowed may go on.
        """
        for _ in range(300):
            self.deadline.received(BODY_RATE)
            self.advance(1)
        self.assertEqual(self.expired, [])

        self.advance(40)
        self.assertEqual(self.expired, [330.0])

    def test_cancel(self) -> None:
        """
        After it is cancelled it does nothing.
        """
        self.deadline.cancel()
        self.deadline.cancel()
        self.advance(40)

        self.assertEqual((self.expired, self.clock.getDelayedCalls()), ([], []))
