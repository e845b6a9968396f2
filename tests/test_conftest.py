"""
What tests can rely on: conftest.py's rules, ports of their own, a skip for a missing program.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

from twisted.trial.unittest import SynchronousTestCase

from tests.support.ports import free_port
from tests.support.processes import find_program

__all__ = ["ConftestTests", "PortTests", "ProgramTests"]

_OMISSIONS = """
import unittest
import pytest
from twisted.trial.unittest import SynchronousTestCase

class Trial(SynchronousTestCase):
    def test_call(self):
        self.skipTest("raised")
    def test_attribute(self):
        pass
    test_attribute.skip = "attribute"
    @unittest.skip("decorated")
    def test_decorator(self):
        pass

class Class(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        raise unittest.SkipTest("no program")
    def test_anything(self):
        pass

@pytest.mark.skip
def test_mark():
    pass

@pytest.mark.xfail
def test_expected_failure():
    raise ValueError
"""

_WHOLE_MODULE = """
import pytest
pytest.importorskip("a_module_that_is_nowhere")
"""


_MARKED = """
def start():
    pass

# As if it were imported from there.
start.__module__ = "tests.support.processes"

def test_with_program():
    pass
"""


class ConftestTests(SynchronousTestCase):
    """
    Runs of pytest on small suites with this suite's conftest.py.
    """

    # Without a worker of pytest-xdist, and with one.
    RUNS: list[list[str]] = [[], ["--numprocesses=1"]]

    def test_omission_locally(self) -> None:
        """
        Without CI=true tests that are skipped do not fail the run.
        """
        for options in self.RUNS:
            with self.subTest(options):
                code, output = self.run_pytest(_OMISSIONS, *options, CI="")

                self.assertEqual(code, 0, output)
                self.assertIn("5 skipped, 1 xfailed", output.splitlines()[-1])

    def test_omission_under_ci(self) -> None:
        """
        With CI=true each skipped test fails, however it was skipped.
        """
        for options in self.RUNS:
            with self.subTest(options):
                code, output = self.run_pytest(_OMISSIONS, *options, CI="true")

                self.assertEqual(code, 1, output)
                last_line = output.splitlines()[-1]
                self.assertIn("4 failed", last_line)
                self.assertIn("2 errors", last_line)
                self.assertNotIn("skipped", last_line)
                self.assertNotIn("xfailed", last_line)
                self.assertIn("Skipped: no program (With CI=true every test must run.)", output)

    def test_omitted_module_under_ci(self) -> None:
        """
        With CI=true a module that skips itself as a whole fails the run.
        """
        for options in self.RUNS:
            with self.subTest(options):
                code, output = self.run_pytest(_WHOLE_MODULE, *options, CI="true")

                self.assertNotEqual(code, 0, output)
                self.assertIn("1 error", output)

    def test_scratch_directory(self) -> None:
        """
        trial's mktemp() names paths outside of the directory that pytest was started in.
        """
        suite = """
from pathlib import Path
from twisted.trial.unittest import SynchronousTestCase

class T(SynchronousTestCase):
    def test_mktemp(self):
        assert not Path(self.mktemp()).resolve().is_relative_to(Path(__file__).parent.parent)
"""
        code, output = self.run_pytest(suite, CI="")

        self.assertEqual(code, 0, output)
        self.assertIn("1 passed", output.splitlines()[-1])

    def test_ignored_sigint(self) -> None:
        """
        Programs of a test end on SIGINT, even if the shell that started pytest ignores it.
        """
        suite = """
import signal, subprocess, sys

def test_interrupt():
    program = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
    assert subprocess.run([sys.executable, "-c", program]).returncode == -signal.SIGINT
"""
        self.addCleanup(signal.signal, signal.SIGINT, signal.getsignal(signal.SIGINT))
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        code, output = self.run_pytest(suite, "--numprocesses=1", CI="")

        self.assertEqual(code, 0, output)

    def test_marker(self) -> None:
        """
        The tests of a module that imports what starts programs are end-to-end tests.
        """
        _, output = self.run_pytest(_MARKED, "-m", "not e2e", CI="")

        self.assertIn("1 deselected", output.splitlines()[-1])

    def run_pytest(self, suite: str, *options: str, **environment: str) -> tuple[int, str]:
        """
        Run a suite of one module.

        Returns:
            pytest's exit status and its output.
        """
        tests = Path(self.mktemp(), "tests").resolve()
        tests.mkdir(parents=True)
        shutil.copy(Path(__file__).parent / "conftest.py", tests)
        tests.joinpath("test_planted.py").write_text(suite, encoding="utf-8")
        pytest = [sys.executable, "-m", "pytest", "--import-mode=importlib"]
        # Plugins that other packages bring take two thirds of the time.
        variables = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}
        done = subprocess.run(
            [*pytest, "-p", "xdist", "-p", "no:cacheprovider", *options],
            cwd=tests.parent,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.returncode, done.stdout


class ProgramTests(SynchronousTestCase):
    """
    Programs that are not part of Python.
    """

    def test_missing(self) -> None:
        """
        A missing program skips the test, and the reason names the program and its package.
        """
        with self.assertRaises(SkipTest) as caught:
            find_program("no-such-program", "no-such-package")

        self.assertEqual(
            str(caught.exception),
            "This test needs no-such-program: install the Debian package no-such-package.",
        )


class PortTests(SynchronousTestCase):
    """
    Ports of servers.
    """

    def test_workers(self) -> None:
        """
        No two workers of pytest-xdist choose the same port, and no worker chooses one twice.
        """
        for number in range(3):
            names = {
                "PYTEST_XDIST_WORKER": f"gw{number}",
                "PYTEST_XDIST_WORKER_COUNT": "3",
            }
            self.patch(os, "environ", {**os.environ, **names})

            ports = {free_port() for _ in range(100)}

            self.assertEqual(len(ports), 100)
            self.assertEqual({port % 3 for port in ports}, {number})
