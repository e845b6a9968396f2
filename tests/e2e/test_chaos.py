"""
A few rounds of `tests.chaos`: no acknowledged event is lost.
"""

from contextlib import redirect_stdout
from io import StringIO

from twisted.trial.unittest import SynchronousTestCase

from tests.chaos.__main__ import main
from tests.chaos.run import Settings, run_stage
from tests.chaos.stages import HubStage
from tests.support.processes import find_program

__all__ = ["ChaosTests"]


class ChaosTests(SynchronousTestCase):
    """
    Each stage with a fixed seed.
    """

    def play(self, stage: str, rounds: int) -> list[str]:
        """
        Run *stage*, assert that it found no fault, and return the lines of its report.
        """
        if stage in ("redis", "nodes", "workers-redis"):
            find_program("redis-server", "redis-server")
        told = StringIO()
        pause = ("--seconds", "0.1", "0.5")
        with redirect_stdout(told):
            status = main([stage, "--rounds", str(rounds), "--seed", "2026", *pause])
        self.assertEqual(status, 0, told.getvalue())
        return told.getvalue().splitlines()

    def test_hub(self) -> None:
        """
        A hub with a file loses, doubles and reorders nothing when it is killed.
        """
        told = self.play("hub", 4)

        self.assertIn(f"{'kills':<20}{4:>10}", told)

    def test_redis(self) -> None:
        """
        Hubs whose Redis is killed lose nothing, and their subscribers stay connected.
        """
        told = self.play("redis", 3)

        self.assertIn(f"{'connections lost':<20}{0:>10}", told)

    def test_nodes(self) -> None:
        """
        Hubs that share a Redis lose nothing when clients of a killed hub use another one.
        """
        told = self.play("nodes", 4)

        self.assertIn(f"{'kills':<20}{4:>10}", told)

    def test_postgres(self) -> None:
        """
        Hubs that share a PostgreSQL lose nothing, whatever ends, and deliver exactly what was
        committed with SQL.
        """
        told = self.play("postgres", 3)

        self.assertIn(f"{'kills':<20}{3:>10}", told)

    def test_standby(self) -> None:
        """
        When an asynchronous standby takes over, subscribers are told of what is gone, and nothing
        else is lost.
        """
        told = self.play("postgres-async", 1)

        self.assertIn(f"{'kills':<20}{1:>10}", told)

    def test_edges(self) -> None:
        """
        A chain of edges loses nothing, whichever of its hubs is killed.
        """
        told = self.play("edges", 4)

        self.assertIn(f"{'kills':<20}{4:>10}", told)

    def test_workers(self) -> None:
        """
        A hub whose workers are killed loses nothing, although it keeps everything in memory.
        """
        told = self.play("workers", 5)

        self.assertIn(f"{'kills':<20}{5:>10}", told)

    def test_workers_with_redis(self) -> None:
        """
        Workers that share a Redis lose nothing when they are killed.
        """
        told = self.play("workers-redis", 4)

        self.assertIn(f"{'kills':<20}{4:>10}", told)

    def test_forgetful(self) -> None:
        """
        The fault of a hub that forgets everything when it is killed is found.
        """
        outcome = run_stage(Settings(2, 4, 2026, (0.1, 0.5)), HubStage("memory:"))

        self.assertIn("reset", {fault.kind for fault in outcome.faults})
