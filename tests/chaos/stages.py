"""
The processes of each stage, and which of them are killed: a hub with a file, the Redis of two
hubs, one of three hubs on a Redis, or one of a hub and two edges.
"""

import asyncio
import random
import signal
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

from tests.chaos.checks import Allowed, Attempt, Fault
from tests.chaos.polling import poll
from tests.chaos.subscriber import Subscriber
from tests.support.hub_process import TOKEN, HubProcess
from tests.support.redis_server import RedisServer
from tests.support.waiting import PATIENCE

__all__ = [
    "STAGES",
    "EdgesStage",
    "HubStage",
    "NodesStage",
    "OtherPublisher",
    "RedisStage",
    "Stage",
]

# Large enough that no run forgets an event.
_BOUNDS = "events=10000000,bytes=4GiB"

# A comment after each second of silence.
_OPTIONS = ("--keepalive", "1")


class OtherPublisher(Protocol):
    """
    A publisher of a stage's own; see `tests.chaos.publisher.Publisher`.
    """

    attempts: list[Attempt]
    acknowledged: int
    faults: list[Fault]

    async def publish(self) -> None:
        """
        Publish until `stop`.
        """

    def stop(self) -> None:
        """
        Publish nothing more.
        """


class Stage(Protocol):
    """
    Processes, one of which is killed in each round.

    Attributes:
        ports: The ports of the running hubs.

        keeps_connections: Whether losing a subscriber's connection is a fault.

        kills: The number of kills.

        faults: Faults found in logs and exit statuses.

        allowed: What is no fault here.

        counts: What else is printed at the end, by its name.
    """

    ports: list[int]
    keeps_connections: bool
    kills: int
    faults: list[Fault]
    allowed: Allowed
    counts: dict[str, int]

    def start(self) -> None:
        """
        Start all processes.
        """

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        Kill a process with SIGKILL, and start it again.
        """

    def publishers(self, rng: Callable[[str], random.Random]) -> Sequence[OtherPublisher]:
        """
        Make publishers of this stage's own, in addition to those that use HTTP.

        Args:
            rng: Makes a generator for each name.
        """

    def stop(self) -> None:
        """
        Stop all processes; the hubs are stopped with SIGTERM.
        """


class HubStage:
    """
    One hub with its history in a file; the hub is killed.

    Args:
        history: Another history, for a test that expects faults.
    """

    keeps_connections = False
    allowed = Allowed()

    def __init__(self, history: str | None = None) -> None:
        self.ports: list[int] = []
        self.counts: dict[str, int] = {}
        self.kills = 0
        self.faults: list[Fault] = []
        self._home = tempfile.TemporaryDirectory()
        self._history = history or f"sqlite:{Path(self._home.name, 'history')},{_BOUNDS}"
        self._hubs: list[HubProcess] = []

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        self._open(self._history)

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        See `Stage.kill`.
        """
        await self._replace(rng.choice(self._hubs))

    def publishers(self, rng: Callable[[str], random.Random]) -> Sequence[OtherPublisher]:
        """
        See `Stage.publishers`.
        """
        return []

    def stop(self) -> None:
        """
        See `Stage.stop`.
        """
        # If stopping one fails, the others are stopped all the same.
        with ExitStack() as stack:
            stack.callback(self._home.cleanup)
            for hub in self._hubs:
                stack.callback(hub.stop)
                stack.callback(self._end, hub)

    def _open(self, history: str, count: int = 1) -> None:
        for _ in range(count):
            self._hubs.append(HubProcess("--history", history, *_OPTIONS))
        self.ports += [hub.port for hub in self._hubs]

    async def _replace(self, hub: HubProcess) -> None:
        if len(self._hubs) > 1:
            self.ports.remove(hub.port)
        await asyncio.to_thread(hub.kill)
        self.kills += 1
        self._look_at_log(hub)
        await asyncio.to_thread(hub.restart)
        if hub.port not in self.ports:
            self.ports.append(hub.port)

    def _end(self, hub: HubProcess) -> None:
        status = hub.signal(signal.SIGTERM)
        if status != 0:
            self.faults.append(Fault("bad end", f"Exit status {status}:\n{hub.log}"))
        self._look_at_log(hub)

    def _look_at_log(self, hub: HubProcess) -> None:
        for mark in ("Traceback", "Unhandled"):
            if mark in hub.log:
                self.faults.append(Fault("traceback", f"In the log of a hub:\n{hub.log}"))


class NodesStage(HubStage):
    """
    Three hubs on one Redis; one of the hubs is killed.
    """

    def __init__(self) -> None:
        super().__init__()
        self._redis = RedisServer(appendonly=True)

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        self._open(f"{self._redis.url},prefix=chaos,{_BOUNDS}", 3)

    def stop(self) -> None:
        """
        See `Stage.stop`.
        """
        try:
            super().stop()
        finally:
            self._redis.end()


class EdgesStage(HubStage):
    """
    A hub with a file, an edge of it, and an edge of that; one of the three is killed.
    """

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        super().start()
        tokens = Path(self._home.name, "token")
        tokens.write_text(TOKEN, "utf-8")
        for _ in range(2):
            upstream = f"upstream:{self._hubs[-1].url}/events,token-file={tokens}"
            self._hubs.append(HubProcess("--history", upstream, *_OPTIONS))
            self.ports.append(self._hubs[-1].port)


class RedisStage(NodesStage):
    """
    Two hubs on one Redis with ``appendfsync always``; Redis is killed.
    """

    keeps_connections = True

    def start(self) -> None:
        """
        See `Stage.start`.
        """
        self._open(f"{self._redis.url},prefix=chaos,{_BOUNDS}", 2)

    async def kill(self, rng: random.Random, subscribers: Sequence[Subscriber]) -> None:
        """
        See `Stage.kill`.  Redis stays away until each subscriber has received a
        comment, except slow readers, which still read older events.
        """
        await asyncio.to_thread(self._redis.kill)
        self.kills += 1
        heard = [_gets_comment(one) for one in subscribers if one.connected and not one.slow]
        await asyncio.sleep(rng.uniform(0, 1))
        if not await poll(lambda: all(probe() for probe in heard), PATIENCE):
            self.faults.append(Fault("no keepalive", "No comment came while Redis was away."))
        await asyncio.to_thread(self._redis.restart)


def _gets_comment(subscriber: Subscriber) -> Callable[[], bool]:
    """
    Return a probe: whether *subscriber* has since received a comment, or has disconnected.
    """
    connections, comments = subscriber.connections, subscriber.comments

    def probe() -> bool:
        stayed = subscriber.connected and subscriber.connections == connections
        return subscriber.comments > comments or not stayed

    return probe


#: The stages by their names on the command line.
STAGES: dict[str, Callable[[], Stage]] = {
    "hub": HubStage,
    "redis": RedisStage,
    "nodes": NodesStage,
    "edges": EdgesStage,
}
