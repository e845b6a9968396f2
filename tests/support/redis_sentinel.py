"""
A Sentinel of a test's own, which fails over within a second.
"""

import subprocess

from tests.support.ports import free_port
from tests.support.processes import Background, find_program
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE, eventually

__all__ = ["RedisSentinel"]

# How long a master may be silent, and a failover may take, in milliseconds.
_DOWN_AFTER, _FAILOVER = 300, 2000


class RedisSentinel:
    """
    A real Sentinel of *master*, which alone decides; it is ready when the constructor returns.

    Attributes:
        port: The port on 127.0.0.1.
    """

    NAME = "events"

    def __init__(self, master: RedisServer) -> None:
        self.port = free_port()
        program = find_program("redis-server", "redis-server")
        # It writes into its configuration, in the directory of the process.
        lines = [
            *(f"port {self.port}", "bind 127.0.0.1", "protected-mode no"),
            f"sentinel monitor {self.NAME} 127.0.0.1 {master.port} 1",
            f"sentinel down-after-milliseconds {self.NAME} {_DOWN_AFTER}",
            f"sentinel failover-timeout {self.NAME} {_FAILOVER}",
        ]
        text = "\\n".join(lines)
        command = f"printf '{text}\\n' > sentinel.conf && exec {program} sentinel.conf --sentinel"
        self._process = Background(["sh", "-c", command])
        eventually(lambda: self.master, "the Sentinel does not answer")
        eventually(lambda: self._ask("replicas", self.NAME), "the Sentinel knows no replica")

    @property
    def master(self) -> int | None:
        """
        The port of the master that it names; ``None`` before it answers.
        """
        lines = self._ask("get-master-addr-by-name", self.NAME).splitlines()
        return int(lines[1]) if len(lines) == 2 else None

    def end(self) -> None:
        """
        Kill it.
        """
        self._process.end()

    def _ask(self, *words: str) -> str:
        assert self._process.running(), self._process.output()
        done = subprocess.run(
            [find_program("redis-cli", "redis-tools"), "-p", str(self.port), "SENTINEL", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.stdout.strip()
