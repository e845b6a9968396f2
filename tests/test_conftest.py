"""
The rules that conftest.py adds to a run: nothing is left out, nothing is left lying about.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

__all__ = ["ConftestTests"]

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


class ConftestTests(SynchronousTestCase):
    """
    pytest, run by the tests on a suite of their own with this suite's conftest.py.
    """

    def test_omission_locally(self) -> None:
        """
        A developer's run leaves out what cannot run there, and succeeds.
        """
        code, last_line = self.run_pytest(_OMISSIONS, CI="")

        self.assertEqual(code, 0)
        self.assertIn("4 skipped, 1 xfailed", last_line)

    def test_omission_under_ci(self) -> None:
        """
        With CI=true each test that was left out has failed, however it was left out.
        """
        code, last_line = self.run_pytest(_OMISSIONS, CI="true")

        self.assertEqual(code, 1)
        self.assertIn("4 failed", last_line)
        self.assertIn("1 error", last_line)
        self.assertNotIn("skipped", last_line)
        self.assertNotIn("xfailed", last_line)

    def test_omitted_module_under_ci(self) -> None:
        """
        With CI=true a module that skips itself as a whole stops the run.
        """
        code, last_line = self.run_pytest(_WHOLE_MODULE, CI="true")

        self.assertNotEqual(code, 0)
        self.assertIn("1 error", last_line)

    def test_scratch_directory(self) -> None:
        """
        What trial's mktemp() names is outside of the directory that pytest was started in.
        """
        suite = """
from pathlib import Path
from twisted.trial.unittest import SynchronousTestCase

class T(SynchronousTestCase):
    def test_mktemp(self):
        assert not Path(self.mktemp()).resolve().is_relative_to(Path(__file__).parent.parent)
"""
        code, last_line = self.run_pytest(suite, CI="")

        self.assertEqual(code, 0)
        self.assertIn("1 passed", last_line)

    def run_pytest(self, suite: str, **environment: str) -> tuple[int, str]:
        """
        Run a suite of one module.

        Returns:
            pytest's exit status, and the line that it closes with.
        """
        tests = Path(self.mktemp(), "tests").resolve()
        tests.mkdir(parents=True)
        shutil.copy(Path(__file__).parent / "conftest.py", tests)
        tests.joinpath("test_planted.py").write_text(suite, encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "--import-mode=importlib", "-p", "no:cacheprovider"],
            cwd=tests.parent,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.returncode, done.stdout.splitlines()[-1]
