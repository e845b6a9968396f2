"""
The programs of `benchmarks`: the C programs compile, and the Python programs run.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from twisted.trial.unittest import SynchronousTestCase

from tests.support.processes import find_program

# Benchmarks are not installed.  Their directory comes last, so the installed package goes first.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from benchmarks import build
from benchmarks.program import run_program

__all__ = ["CompileTests", "ProgramTests"]


class CompileTests(SynchronousTestCase):
    """
    Tests for the C programs.
    """

    def setUp(self) -> None:
        """
        Make a directory for the compiled program.
        """
        find_program("gcc", "gcc")
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def test_generator(self) -> None:
        """
        The load generator compiles without a warning, since warnings are errors.
        """
        program = build.generator(self.directory)

        self.assertTrue(program.exists())

    def test_floor(self) -> None:
        """
        The floor compiles without a warning, since warnings are errors.
        """
        program = build.floor(self.directory)

        self.assertTrue(program.exists())


class ProgramTests(SynchronousTestCase):
    """
    Tests for the programs that measure.
    """

    def test_result(self) -> None:
        """
        A program's output becomes a sample.
        """
        made = run_program("hub", "wire", "benchmarks.codec", 0.01)

        self.assertEqual((made.server, made.kind, made.problem), ("hub", "wire", ""))
        self.assertEqual(set(made.values), {"encoded_per_s", "decoded_per_s"})

    def test_failed(self) -> None:
        """
        The sample of a failed program contains its error.
        """
        made = run_program("hub", "wire", "benchmarks.codec", "soon")

        self.assertIn("could not convert string to float: 'soon'", made.problem)
