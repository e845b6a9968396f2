"""
Three hubs on a PostgreSQL with a standby: the primary is killed, the standby takes over, and the
next standby is made from it.
"""

import asyncio
import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress

from tests.chaos.checks import Allowed
from tests.chaos.stages import HubStage
from tests.chaos.subscriber import Subscriber
from tests.support.commands import run_command
from tests.support.ports import free_port
from tests.support.postgres_server import PostgresServer
from tests.support.waiting import eventually

__all__ = ["AsynchronousStandbyStage", "SynchronousStandbyStage"]

_BOUNDS = "events=10000000,bytes=4GiB"

# The longest time for which an asynchronous standby is behind, in seconds.
_LONGEST_LAG = 0.5


class SynchronousStandbyStage(HubStage):
    """
    A commit waits for the standby, so nothing is gone.
    """

    settings = {"synchronous_standby_names": "standby"}

    def __init__(self) -> None:
        super().__init__()
        ports = (free_port(), free_port())
        # Installing the schema waits for the standby, too.
        self._primary = PostgresServer(port=ports[0], **self.settings)
        self._standby = PostgresServer(primary=self._primary, port=ports[1], **self.settings)
        run_command("history", self._primary.url, "--install")
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        self._url = f"postgresql://postgres@{hosts}/postgres"

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        self._open(f"{self._url},{_BOUNDS}", 3)

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        Kill the primary, promote the standby, and make another one.
        """
        await self._disturb(rng)
        self.kills += 1
        await asyncio.to_thread(self._fail_over)

    def stop(self) -> None:
        """
        See `Stage.stop`.
        """
        try:
            super().stop()
        finally:
            self._primary.end()
            self._standby.end()

    async def _disturb(self, rng: random.Random) -> None:
        """
        What happens before the primary is killed.
        """

    def _fail_over(self) -> None:
        killed = self._primary
        killed.end()
        self._standby.promote()
        self._primary = self._standby
        self._standby = PostgresServer(primary=self._primary, port=killed.port, **self.settings)
        eventually(self._replicates, "the standby is not connected")

    def _replicates(self) -> bool:
        return bool(self._senders())

    def _senders(self) -> list[int]:
        return [pid for (pid,) in self._primary.sql("SELECT pid FROM pg_stat_replication")]


class AsynchronousStandbyStage(SynchronousStandbyStage):
    """
    The standby is behind when it takes over, so something is gone, and subscribers are told.
    """

    settings = {}
    allowed = Allowed(resets=True, losses=True)

    async def _disturb(self, rng: random.Random) -> None:
        for sender in await asyncio.to_thread(self._senders):
            with suppress(ProcessLookupError):
                os.kill(sender, signal.SIGSTOP)
        await asyncio.sleep(rng.uniform(0, _LONGEST_LAG))
