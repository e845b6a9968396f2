"""
Stages in which the workers of one hub are killed, and the hub lives.
"""

import os
import random
import signal
from collections.abc import Sequence

from tests.chaos.polling import poll
from tests.chaos.stages import HubStage
from tests.chaos.subscriber import Subscriber
from tests.support.hub_process import HubProcess
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE

__all__ = ["WorkersStage", "WorkersWithRedisStage"]

_COUNT = 2

_BOUNDS = "events=10000000,bytes=4GiB"


class WorkersStage(HubStage):
    """
    One hub with two workers, which keeps its history in memory; a worker is killed.
    """

    def __init__(self, history: str = f"memory:{_BOUNDS}") -> None:
        super().__init__(history)

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        options = ("--workers", str(_COUNT), "--history", self._history, "--keepalive", "1")
        self._hubs.append(HubProcess(*options))
        self.ports.append(self._hubs[0].port)

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        See `Stage.kill`.  The hub replaces the worker by itself.
        """
        (hub,) = self._hubs
        await poll(lambda: len(hub.workers) == _COUNT, PATIENCE)
        os.kill(rng.choice(hub.workers), signal.SIGKILL)
        self.kills += 1


class WorkersWithRedisStage(WorkersStage):
    """
    The same with a history in Redis, which each worker follows.
    """

    def __init__(self) -> None:
        self._redis = RedisServer(appendonly=True)
        super().__init__(f"{self._redis.url},prefix=chaos,{_BOUNDS}")

    def stop(self) -> None:
        """
        See `Stage.stop`.
        """
        try:
            super().stop()
        finally:
            self._redis.end()
