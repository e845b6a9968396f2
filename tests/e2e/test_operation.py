"""
A hub that is operated while it has subscribers: see `tests.soak.operation`.
"""

from contextlib import ExitStack

from twisted.trial.unittest import SynchronousTestCase

from tests.soak.operation import Operation

__all__ = ["OperationTests"]


class OperationTests(SynchronousTestCase):
    """
    Fifty subscribers, some of which leave all the time.
    """

    def test_replaced(self) -> None:
        """
        A hub is replaced by another one, and a worker of that is killed: nobody is refused, and
        nobody lacks an event.
        """
        with ExitStack() as stack:
            operation = Operation(
                stack,
                streams=50,
                slow=0,
                churn=0,
                rate=50,
                workers=2,
                redis=False,
                options=("--spread", "1", "--retry", "200"),
            )
            operation.replace()
            operation.kill_worker()
            faults = operation.check()
            counts = operation.herd.counts

        self.assertEqual(faults, [])
        self.assertEqual((counts.refused, counts.reset, counts.resets), (0, 0, 0))
        self.assertEqual(dict(counts.answers), {})
        self.assertGreater(counts.farewells, 50)
        self.assertGreater(counts.cut, 0)
