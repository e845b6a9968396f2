"""
Three hubs on a Redis that Sentinel watches: the master is killed, the replica takes over, and gets
another replica.
"""

import asyncio
import random
import time
from collections.abc import Sequence

from tests.chaos.checks import Allowed
from tests.chaos.stages import HubStage
from tests.chaos.subscriber import Subscriber
from tests.support.redis_sentinel import RedisSentinel
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE, eventually

__all__ = ["SentinelStage", "WaitingSentinelStage"]

_BOUNDS = "events=10000000,bytes=4GiB"

# Redis: a Sentinel looks for replicas every 10 seconds.
_DISCOVERY = PATIENCE + 10


class SentinelStage(HubStage):
    """
    A master that is killed may take acknowledged events with it, and subscribers are told.
    """

    options = ""
    allowed = Allowed(resets=True, losses=True)

    def __init__(self) -> None:
        super().__init__()
        self._master = RedisServer("--repl-diskless-sync-delay", "0")
        self._replica = self._replica_of(self._master)
        self._sentinel = RedisSentinel(self._master)
        self._longest = 0.0

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        address = f"redis+sentinel://127.0.0.1:{self._sentinel.port}/{self._sentinel.NAME}"
        self._open(f"{address},prefix=chaos,{_BOUNDS}{self.options}", 3)

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        See `Stage.kill`.
        """
        self.kills += 1
        await asyncio.to_thread(self._fail_over)

    def stop(self) -> None:
        """
        See `Stage.stop`.
        """
        self.counts["longest election, ms"] = round(self._longest * 1000)
        try:
            super().stop()
        finally:
            for one in (self._sentinel, self._master, self._replica):
                one.end()

    def _fail_over(self) -> None:
        killed = self._master
        began = time.monotonic()
        killed.end()
        eventually(lambda: self._sentinel.master == self._replica.port, "nobody is elected")
        self._longest = max(self._longest, time.monotonic() - began)
        self._master = self._replica
        self._replica = self._replica_of(self._master)
        eventually(self._is_known, "the Sentinel does not know the replica", _DISCOVERY)

    def _replica_of(self, master: RedisServer) -> RedisServer:
        options = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
        replica = RedisServer("--replicaof", "127.0.0.1", str(master.port), *options)
        eventually(
            lambda: "master_link_status:up" in replica.cli("INFO", "replication"),
            "the replica has no link",
        )
        return replica

    def _is_known(self) -> bool:
        return str(self._replica.port) in self._sentinel.ask("replicas", self._sentinel.NAME)


class WaitingSentinelStage(SentinelStage):
    """
    With ``wait=1``, nothing that was acknowledged is gone.

    Subscribers may be told of events that were not.
    """

    options = ",wait=1"
    allowed = Allowed(resets=True)
