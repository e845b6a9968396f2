"""
Programs that the preloader starts are like programs with an interpreter of their own.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.support.preloaded import PreloadedProcess, Program, close_program, start_program
from tests.support.waiting import PATIENCE

__all__ = ["PreloadedTests"]

# Reports everything that a program may notice of the way it was started.
_REPORT = """
import json, os, random, signal, sys, threading

report = {
    "arguments": sys.argv,
    "path": sys.path,
    "directory": os.getcwd(),
    "environment": dict(os.environ),
    "descriptors": sorted(os.listdir("/proc/self/fd")),
    "own session": os.getsid(0) == os.getpid(),
    "handlers": {one: str(signal.getsignal(one)) for one in signal.valid_signals()},
    "mask": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
    "main": sys.modules["__main__"].__dict__ is globals(),
    "threads": threading.active_count(),
    "reactor": "twisted.internet.reactor" in sys.modules,
    "tests": [one for one in sys.modules if one.startswith("tests")],
    "input": sys.stdin.read(),
    "seekable": [one.seekable() for one in (sys.stdin, sys.stdout, sys.stderr)],
    "encodings": [(one.encoding, one.errors) for one in (sys.stdin, sys.stdout, sys.stderr)],
}
print(json.dumps(report))
print(random.random(), file=sys.stderr)
sys.exit(7)
"""


class PreloadedTests(SynchronousTestCase):
    """
    A script that reports how it was started.
    """

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.home = Path(directory.name)
        self.script = self.home / "report.py"
        self.script.write_text(_REPORT, "utf-8")

    def start(self, *command: str, **variables: str) -> Program:
        """
        Start *command* with *variables* in its environment.
        """
        program = start_program(
            command,
            environment={**os.environ, **variables},
            directory=self.home,
            session=True,
            stdin=subprocess.PIPE,
        )
        self.addCleanup(close_program, program)
        return program

    def test_script(self) -> None:
        """
        A script has the arguments, directory, environment, descriptors, signals, import path
        and streams that it has with an interpreter of its own, and its exit status is told.
        """
        self.compare(str(self.script))

    def test_text(self) -> None:
        """
        So has a program that is given as text.
        """
        self.compare("-c", _REPORT)

    def compare(self, *command: str) -> None:
        """
        Start *command* in both ways, and compare what it reports.
        """
        command += ("one", "two words")
        program = self.start(*command, TWISTED_SSE_X="ü")
        assert program.stdin is not None
        program.stdin.write(b"input")
        out, _ = program.communicate(timeout=PATIENCE)
        fresh = subprocess.run(
            [sys.executable, *command],
            input=b"input",
            capture_output=True,
            env={**os.environ, "TWISTED_SSE_X": "ü"},
            cwd=self.home,
            start_new_session=True,
            timeout=PATIENCE,
            check=False,
        )

        self.assertIsInstance(program, PreloadedProcess)
        self.assertEqual(json.loads(out), json.loads(fresh.stdout))
        self.assertEqual((program.returncode, fresh.returncode), (7, 7))

    def test_random(self) -> None:
        """
        Two programs draw different random numbers.
        """
        programs = [self.start(str(self.script)) for _ in range(2)]

        one, other = (program.communicate(timeout=PATIENCE)[1] for program in programs)
        self.assertNotEqual(one, other)

    def test_signals(self) -> None:
        """
        A signal that ends the program is its exit status, and a later one is not sent.
        """
        program = self.start(str(self.script))
        program.send_signal(signal.SIGTERM)

        self.assertEqual(program.wait(PATIENCE), -signal.SIGTERM)
        program.kill()
        self.assertEqual(program.poll(), -signal.SIGTERM)

    def test_timeout(self) -> None:
        """
        A wait for a program that goes on raises TimeoutExpired.
        """
        program = self.start(str(self.script))

        self.assertRaises(subprocess.TimeoutExpired, program.wait, 0)
        self.assertIsNone(program.poll())

    def test_variables_of_the_interpreter(self) -> None:
        """
        A program with another variable that interpreters read when they start is started anew.
        """
        program = self.start(str(self.script), PYTHONHASHSEED="3")
        program.communicate(timeout=PATIENCE)

        self.assertNotIsInstance(program, PreloadedProcess)
        self.assertEqual(program.returncode, 7)
