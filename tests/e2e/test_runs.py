"""
A few rounds of `tests.chaos.runs`: readers and owners are killed, and every reader gets every
token once.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.runs import RunsSettings, run
from tests.support.processes import find_program

__all__ = ["RunsChaosTests"]


class RunsChaosTests(SynchronousTestCase):
    """
    Each history with a fixed seed.
    """

    def play(self, settings: RunsSettings) -> dict[str, int]:
        """
        Run once, assert that there are no faults, and return what was counted.
        """
        counts, faults = run(settings)
        self.assertEqual(faults, [], counts)
        return counts

    def test_nodes(self) -> None:
        """
        On three nodes over Redis, every name is begun once by many that race, cancelled on
        any node, and interrupted when its owner is killed or frozen.
        """
        find_program("redis-server", "redis-server")
        told = self.play(
            RunsSettings(runs=14, at_once=7, kills=1, freezes=1, cancels=3, tokens=120, seed=3)
        )

        self.assertLessEqual(told["sources begun"], 14)
        self.assertGreater(told["runs interrupted"], 0)
        self.assertGreater(told["readers killed"], 20)

    def test_sqlite(self) -> None:
        """
        With a file, the runs of a node that was killed are interrupted when it is back.
        """
        told = self.play(
            RunsSettings("sqlite", runs=6, at_once=6, kills=1, freezes=0, cancels=1, tokens=100)
        )

        self.assertEqual(told["nodes killed"], 1)
        self.assertGreater(told["runs interrupted"], 0)
