"""
A running server: started on its own core, observed, and stopped.
"""

import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks import build
from benchmarks.servers import Server

__all__ = [
    "SERVER_CORE",
    "Memory",
    "Running",
    "ServerDied",
    "cpu_seconds",
    "memory",
    "parse_memory",
]

# The server has one core; the generator and this program share the other.
SERVER_CORE = "0"

STARTING_LIMIT = 20.0  # seconds; Node and uvicorn need about one for their imports
STOPPING_LIMIT = 8.0  # seconds until the server is killed
SETTLING = 0.7  # seconds from the first accept until start-up work is done


class ServerDied(Exception):
    """
    A server did not start, or does not listen on its port; its log says why.
    """


@dataclass(frozen=True)
class Memory:
    """
    Memory of processes in KiB: resident, and with shared pages divided among their users.
    """

    resident: int
    proportional: int


def parse_memory(text: str) -> Memory:
    """
    Read one `/proc/PID/smaps_rollup`.
    """
    found = {"Rss": 0, "Pss": 0}
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name in found:
            found[name] = int(rest.split()[0])
    return Memory(found["Rss"], found["Pss"])


def memory(pids: list[int]) -> Memory:
    """
    The memory of *pids* together.
    """
    each = [parse_memory(Path(f"/proc/{pid}/smaps_rollup").read_text()) for pid in pids]
    return Memory(sum(m.resident for m in each), sum(m.proportional for m in each))


def cpu_seconds(pids: list[int]) -> float:
    """
    The CPU time, user and system, of *pids* so far.
    """
    return sum(time.clock_gettime(_clock_of(pid)) for pid in pids)


def _clock_of(pid: int) -> int:
    # Linux: CPUCLOCK_SCHED of a process is (~pid << 3) | 2.  It counts nanoseconds, while
    # /proc/PID/stat counts only hundredths of a second.
    return (~pid << 3) | 2


def _tree(pid: int) -> list[int]:
    pids = [pid]
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            pids += _tree(int(child))
    return pids


class Running:
    """
    A server that runs during a `with` block.

    Its output is logged in the build directory.

    Raises:
        ServerDied: On entry, if its port is taken, or it does not listen there within
            20 seconds.
    """

    pids: list[int]

    def __init__(self, server: Server) -> None:
        self.server = server

    def __enter__(self) -> Self:
        if _listens(self.server.port):
            raise ServerDied(f"port {self.server.port} is taken by another program")
        environment = {**os.environ, **self.server.environment}
        command = ["taskset", "-c", SERVER_CORE, *self.server.command()]
        directory = build.BUILD / "run"
        directory.mkdir(parents=True, exist_ok=True)
        self.log = build.BUILD / f"{self.server.name}.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=directory,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_listening()
            self.pids = _tree(self._process.pid)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stop()

    def send_signal(self, number: signal.Signals) -> None:
        """
        Send a signal to the server's first process.
        """
        self._process.send_signal(number)

    def _wait_until_listening(self) -> None:
        end = time.monotonic() + STARTING_LIMIT
        while time.monotonic() < end and self._process.poll() is None:
            if _listens(self.server.port):
                time.sleep(SETTLING)
                break
            time.sleep(0.1)
        if self._process.poll() is not None or not _listens(self.server.port):
            raise ServerDied(f"{self.server.name} does not listen: {_last_line(self.log)}")

    def _stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(STOPPING_LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 0.5).close()
    except OSError:
        return False
    return True


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it printed nothing"
