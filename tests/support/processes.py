"""
Other programs: found by name, started in the background, ended for certain.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.waiting import PATIENCE

__all__ = ["Background", "find_program", "find_twistd"]


def find_program(name: str, package: str) -> str:
    """
    The path of the program *name*.

    Args:
        package: The Debian package that has it.

    Raises:
        AssertionError: It is not installed.  Nothing is skipped for want of it.
    """
    found = shutil.which(name)
    if found is None:
        raise AssertionError(f"This test needs {name}: install the Debian package {package}.")
    return found


def find_twistd() -> str:
    """
    The path of ``twistd`` in the environment that runs the tests.
    """
    return str(Path(sys.executable).with_name("twistd"))


class Background:
    """
    A program that runs in the background, in a process group of its own.

    Args:
        command: The program and its arguments.

    Attributes:
        process: The running program.

        home: An empty directory, its current one; gone after `end`.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.home = Path(self._directory.name)
        self._output = self.home / "output"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                start_new_session=True,
            )

    def output(self) -> str:
        """
        What it has written up to now, to both outputs.
        """
        return self._output.read_text("utf-8", "replace")

    def running(self) -> bool:
        """
        Whether it has not ended yet.
        """
        return self.process.poll() is None

    def send_signal(self, number: int) -> None:
        """
        Send it the signal *number*.
        """
        self.process.send_signal(number)

    def wait(self) -> int:
        """
        Its exit status.

        Raises:
            subprocess.TimeoutExpired: It has not ended within `PATIENCE`.
        """
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """
        Kill it with all that it has started, if it still runs, and clean up.
        """
        if self.running():
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(PATIENCE)
        self._directory.cleanup()
