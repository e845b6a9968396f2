"""
Many things are visited without holding the reactor.
"""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.web.admin.slices import visit_all

__all__ = ["SlicesTests"]


class SlicesTests(SynchronousTestCase):
    """
    Visits that take time.
    """

    def setUp(self) -> None:
        """
        A clock, on which each visit takes 50 microseconds.
        """
        self.clock = Clock()
        self.visited: list[int] = []

    def visit(self, item: int) -> None:
        """
        Visit one.
        """
        self.visited.append(item)
        self.clock.rightNow += 0.00005

    def start(self, count: int) -> Deferred[None]:
        """
        Begin to visit.
        """
        return Deferred.fromCoroutine(visit_all(range(count), self.visit, self.clock))

    def test_sliced(self) -> None:
        """
        After 3 ms others have their turn, and then it goes on.
        """
        visiting = self.start(200)
        self.assertNoResult(visiting)

        slices = [len(self.visited)]
        while self.clock.calls:
            call = self.clock.calls.pop(0)
            call.func(*call.args, **call.kw)
            slices.append(len(self.visited))

        self.successResultOf(visiting)
        self.assertEqual(slices, [64, 128, 192, 200])
        self.assertEqual(self.visited, list(range(200)))

    def test_few(self) -> None:
        """
        A few are visited at once.
        """
        self.successResultOf(self.start(63))

        self.assertEqual(len(self.visited), 63)

    def test_none(self) -> None:
        """
        Nothing is visited, and nothing waits.
        """
        self.successResultOf(self.start(0))

        self.assertEqual(self.clock.getDelayedCalls(), [])
