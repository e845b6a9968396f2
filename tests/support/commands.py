"""
``twisted-sse`` as a process, as users run it.
"""

import os
import subprocess
from typing import IO, NamedTuple

from tests.support.hub_process import TOKEN
from tests.support.preloaded import close_program, start_program
from tests.support.waiting import PATIENCE

__all__ = ["Done", "Running", "run_command"]


class Done(NamedTuple):
    """
    Attributes:
        status: The exit status.
    """

    status: int
    out: str
    err: str


class Running:
    """
    ``twisted-sse`` with *arguments*, without a terminal.

    Args:
        token: The value of TWISTED_SSE_TOKEN.

        stdin: Its standard input; a pipe by default.
    """

    def __init__(
        self, *arguments: str, token: str | None = TOKEN, stdin: IO[bytes] | int = subprocess.PIPE
    ) -> None:
        environment = {key: one for key, one in os.environ.items() if "TWISTED_SSE" not in key}
        if token is not None:
            environment["TWISTED_SSE_TOKEN"] = token
        self.process = start_program(
            ["-m", "twisted_sse", *arguments], environment=environment, stdin=stdin
        )

    def write(self, text: str) -> None:
        """
        Write *text* to its standard input.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(text.encode())
        self.process.stdin.flush()

    def line(self) -> str:
        """
        Read the next line of its standard output.
        """
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().removesuffix("\n")

    def end(self, number: int | None = None) -> Done:
        """
        Send it the signal *number*, if one is given, and wait until it exits.
        """
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=3 * PATIENCE)
        return Done(self.process.returncode, out.decode(), err.decode())

    def close(self) -> None:
        """
        Kill it if it still runs, and close its pipes.
        """
        close_program(self.process)


def run_command(*arguments: str, token: str | None = TOKEN, stdin: str | None = None) -> Done:
    """
    Run ``twisted-sse`` until it exits.

    Args:
        stdin: The text of its standard input.
    """
    running = Running(
        *arguments, token=token, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE
    )
    try:
        if stdin is not None:
            running.write(stdin)
        return running.end()
    finally:
        running.close()
