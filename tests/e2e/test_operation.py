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
            counts = operation.herd.counts
            operation.replace()
            self.assertEqual((counts.refused, counts.reset, dict(counts.answers)), (0, 0, {}))
            self.assertGreaterEqual(counts.farewells, 50)

            operation.kill_worker()
            faults = operation.check()

        self.assertEqual((faults, counts.resets), ([], 0))
