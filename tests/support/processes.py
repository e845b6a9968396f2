"""
Other programs: find them by name, run them in the background, kill them in the end.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import SkipTest

from tests.support.preloaded import start_program
from tests.support.waiting import PATIENCE

__all__ = ["Background", "find_program", "find_twistd"]


def find_program(name: str, package: str) -> str:
    """
    Find the program *name*.

    Args:
        package: The Debian package that contains it.

    Returns:
        Its path.

    Raises:
        SkipTest: It is not installed.  With CI=true, conftest.py makes a failure of this.
    """
    found = shutil.which(name)
    if found is None:
        raise SkipTest(f"This test needs {name}: install the Debian package {package}.")
    return found


def find_twistd() -> str:
    """
    Return the path of ``twistd`` in the environment that runs the tests.
    """
    return str(Path(sys.executable).with_name("twistd"))


class Background:
    """
    A program in the background, in a session of its own.

    A script or a ``-c`` of this interpreter is started by `start_program`: imports take no time.

    Args:
        command: The program and its arguments.

        close_fds: Whether it inherits no descriptors but the standard ones.

        environment: Its environment; that of the tests by default.

        preloaded: Whether *command* is one for `start_program`.

        files: What its working directory contains, by name.

    Attributes:
        process: The running program.

        home: Its working directory; `end` removes it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        close_fds: bool = True,
        environment: Mapping[str, str] | None = None,
        preloaded: bool = False,
        files: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.home = Path(self._directory.name)
        for name, text in (files or {}).items():
            self.home.joinpath(name).write_text(text, "utf-8")
        self._output = self.home / "output"
        environment = os.environ if environment is None else environment
        if close_fds and not preloaded and _is_script(command):
            command, preloaded = command[1:], True
        with self._output.open("wb") as output:
            streams: dict[str, Any] = {"stdout": output, "stderr": subprocess.STDOUT}
            if preloaded:
                self.process = start_program(
                    command, environment=environment, directory=self.home, session=True, **streams
                )
            else:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    cwd=self.home,
                    start_new_session=True,
                    close_fds=close_fds,
                    env=environment,
                    **streams,
                )

    def output(self) -> str:
        """
        Return what it has written so far to standard output and standard error.
        """
        return self._output.read_text("utf-8", "replace")

    def running(self) -> bool:
        """
        Return whether it has not exited yet.
        """
        return self.process.poll() is None

    def send_signal(self, number: int) -> None:
        """
        Send the signal *number* to the program.
        """
        self.process.send_signal(number)

    def wait(self) -> int:
        """
        Wait until it exits.

        Returns:
            Its exit status.

        Raises:
            subprocess.TimeoutExpired: It has not exited within `PATIENCE`.
        """
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        """
        Kill it and every process it has started, those in groups of their own included;
        remove `home`.
        """
        if self.running():
            self.process.kill()
        self.process.wait(PATIENCE)
        for member in _members(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        self._directory.cleanup()


def _is_script(command: Sequence[str]) -> bool:
    """
    Return whether *command* is this interpreter with a script, or with ``-c``.
    """
    if command[0] != sys.executable:
        return False
    return command[1] == "-c" or not command[1].startswith("-")


def _members(session: int) -> list[int]:
    """
    Return the IDs of the processes in *session*.
    """
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{name}/stat", "rb") as status:
            # proc(5): the name, which may contain anything, is in parentheses; then state,
            # parent, group and session follow.
            fields = status.read().rpartition(b")")[2].split()
            if int(fields[3]) == session:
                found.append(int(name))
    return found
