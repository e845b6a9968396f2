"""
Tests for `benchmarks.decoding`: what it compares, and that it counts.
"""

import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

# Benchmarks are not installed.  Their directory comes last, so the installed package goes first.
sys.path.append(str(Path(__file__).resolve().parent.parent))

from benchmarks import decoding
from benchmarks.figures import all_figures
from benchmarks.program import run_program
from benchmarks.sizes import QUICK

__all__ = ["DecodingTests"]


class DecodingTests(SynchronousTestCase):
    """
    The package's decoder, compared with others and with itself.
    """

    def test_program(self) -> None:
        """
        The program reports every figure of the table, except for missing peers.
        """
        made = run_program("hub", "decoding", "benchmarks.decoding", 0.01)
        shown = {figure.key for figure in all_figures(QUICK) if figure.kind == "decoding"}
        peers = {key for key in shown if key.endswith(("httpx_sse", "sseclient"))}
        rates = {key for key in shown if key.endswith(("httpx_sse_per_s", "sseclient_per_s"))}

        self.assertEqual(made.problem, "")
        self.assertEqual(set(made.values) - shown, set())
        self.assertEqual(shown - set(made.values) - peers - rates, set())

    def test_alone(self) -> None:
        """
        Without peers the program reports one figure and no ratio.
        """
        self.assertEqual(set(decoding.compared(["ours"], 0.01)), {"small_ours_per_s"})

    def test_complete(self) -> None:
        """
        A decoder that misses events raises an error.
        """

        def half(pieces: list[bytes]) -> int:
            return decoding.ours(pieces) // 2

        with self.assertRaises(AssertionError) as caught:
            decoding.step_of(half)()

        self.assertIn("half has found 10,000 of 20,000", str(caught.exception))

    def test_grown(self) -> None:
        """
        The fastest time for a size is compared with that for a quarter of it.
        """
        taken = iter([0.3, 1.0, 0.1, 1.2, 0.2, 0.8, 0.2, 0.9, 0.4, 1.1])

        milliseconds, times = decoding.grown(lambda size: next(taken), 40)

        self.assertAlmostEqual(milliseconds, 800)
        self.assertAlmostEqual(times, 8)
