"""
A few rounds of `tests.chaos`, which proves that nothing acknowledged is lost.
"""

from contextlib import redirect_stdout
from io import StringIO

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.__main__ import main
from tests.chaos.run import Settings, run_stage
from tests.chaos.stages import HubStage

__all__ = ["ChaosTests"]


class ChaosTests(SynchronousTestCase):
    """
    Each of the stages, with the choices of one seed.
    """

    def play(self, stage: str, rounds: int) -> list[str]:
        """
        Run *stage*, see that the rule was kept, and return what was told.
        """
        told = StringIO()
        pause = ("--seconds", "0.1", "0.5")
        with redirect_stdout(told):
            status = main([stage, "--rounds", str(rounds), "--seed", "2026", *pause])
        self.assertEqual(status, 0, told.getvalue())
        return told.getvalue().splitlines()

    def test_hub(self) -> None:
        """
        A hub with a file that is killed loses, doubles and reorders nothing.
        """
        told = self.play("hub", 4)

        self.assertIn(f"{'kills':<20}{4:>10}", told)

    def test_redis(self) -> None:
        """
        Nor do hubs whose Redis is killed, and no subscriber loses its connection.
        """
        told = self.play("redis", 3)

        self.assertIn(f"{'connections lost':<20}{0:>10}", told)

    def test_nodes(self) -> None:
        """
        Nor do hubs that share a Redis, when clients change from one that was killed to another.
        """
        told = self.play("nodes", 4)

        self.assertIn(f"{'kills':<20}{4:>10}", told)

    def test_edges(self) -> None:
        """
        Nor does a chain of edges, whichever of the three is killed.
        """
        told = self.play("edges", 4)

        self.assertIn(f"{'kills':<20}{4:>10}", told)

    def test_forgetful(self) -> None:
        """
        A hub that forgets everything when it is killed is found out.
        """
        outcome = run_stage(Settings(2, 4, 2026, (0.1, 0.5)), HubStage("memory:"))

        self.assertIn("reset", {fault.kind for fault in outcome.faults})
