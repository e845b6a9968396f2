"""
The nodes of `tests.chaos.runs`: processes that are killed, frozen, and started again.
"""

import signal
import sys
from pathlib import Path

from tests.support.ports import free_port
from tests.support.processes import Background
from tests.support.waiting import eventually

__all__ = ["Node"]


class Node:
    """
    One node: its process, and those that were killed.

    Args:
        history: What it shares with the others, as for `Hub`.

        lease: In seconds.

    Attributes:
        port: Where it serves.

        process: The one that runs.
    """

    def __init__(self, history: str, lease: float) -> None:
        self.port = free_port()
        # By its path: in CI, modules are not found from the current directory.
        self._command = [sys.executable, str(Path(__file__).with_name("runsnode.py"))]
        self._arguments = [str(self.port), history, str(lease)]
        self._dead: list[Background] = []
        self.process = self._start()

    def _start(self) -> Background:
        process = Background([*self._command, *self._arguments])
        eventually(lambda: "ready" in process.output(), "a node did not start")
        return process

    def kill(self) -> None:
        """
        Kill it.
        """
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def begin_again(self) -> None:
        """
        Start it again.
        """
        self._dead.append(self.process)
        self.process = self._start()

    def said(self) -> list[str]:
        """
        All lines of its processes.
        """
        return "".join([one.output() for one in (*self._dead, self.process)]).splitlines()

    def owns(self, name: str) -> bool:
        """
        Whether its running process has begun the run.
        """
        return f"begun {name}\n" in self.process.output()

    def begun(self) -> set[str]:
        """
        The runs whose sources its process has begun.
        """
        lines = [line.partition(" ") for line in self.process.output().splitlines()]
        return {name for word, _, name in lines if word == "begun"}

    def stop(self) -> None:
        """
        Stop it for good.
        """
        for process in (*self._dead, self.process):
            process.end()
