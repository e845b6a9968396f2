"""
A Sentinel of a test's own, which fails over within a second.
"""

import os
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

    Args:
        password: Its own, for its default user; none by default.

        lines: More lines of its configuration.

    Attributes:
        port: The port on 127.0.0.1.
    """

    NAME = "events"

    def __init__(self, master: RedisServer, *lines: str, password: str = "") -> None:
        self.port = free_port()
        self._password = password
        program = find_program("redis-server", "redis-server")
        # It writes into its configuration, in the directory of the process.
        secret = [f"requirepass {password}"] if password else []
        all_lines = [
            *(f"port {self.port}", "bind 127.0.0.1", "protected-mode no"),
            f"sentinel monitor {self.NAME} 127.0.0.1 {master.port} 1",
            f"sentinel down-after-milliseconds {self.NAME} {_DOWN_AFTER}",
            f"sentinel failover-timeout {self.NAME} {_FAILOVER}",
            *secret,
            *lines,
        ]
        text = "\\n".join(all_lines)
        command = f"printf '{text}\\n' > sentinel.conf && exec {program} sentinel.conf --sentinel"
        self._process = Background(["sh", "-c", command])
        eventually(lambda: self.master, "the Sentinel does not answer")
        if "connected_slaves:0" not in master.cli("INFO", "replication"):
            eventually(lambda: self.ask("replicas", self.NAME), "the Sentinel knows no replica")

    @property
    def master(self) -> int | None:
        """
        The port of the master that it names; ``None`` before it answers.
        """
        lines = self.ask("get-master-addr-by-name", self.NAME).splitlines()
        return int(lines[1]) if len(lines) == 2 else None

    def end(self) -> None:
        """
        Kill it.
        """
        self._process.end()

    def ask(self, *words: str) -> str:
        """
        Run ``SENTINEL`` with these words, and return the answer as ``redis-cli`` writes it.
        """
        assert self._process.running(), self._process.output()
        done = subprocess.run(
            [find_program("redis-cli", "redis-tools"), "-p", str(self.port), "SENTINEL", *words],
            env={**os.environ, **({"REDISCLI_AUTH": self._password} if self._password else {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return done.stdout.strip()
