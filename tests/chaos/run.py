"""
One run: subscribers subscribe, publishers publish, and processes are killed again and again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import NamedTuple

from tests.chaos.checks import Attempt, Fault, find_faults
from tests.chaos.polling import poll
from tests.chaos.publisher import Publisher
from tests.chaos.stages import Stage
from tests.chaos.subscriber import Subscriber

__all__ = ["Outcome", "Settings", "run_stage"]

# The number of publishers; each has one request under way.
_PUBLISHERS = 6

# How long each step may take, in seconds.  The last events of a slow reader take the
# longest.
_TIMEOUT = 60.0


class Settings(NamedTuple):
    """
    Attributes:
        rounds: The number of kills.

        clients: The number of subscribers.

        seed: The seed of all choices.

        pause: The shortest and the longest time between two kills, in seconds.
    """

    rounds: int
    clients: int
    seed: int
    pause: tuple[float, float]


class Outcome(NamedTuple):
    """
    Attributes:
        counts: How often each thing happened, in the order of printing.

        faults: Everything that the rules forbid.
    """

    counts: dict[str, int]
    faults: list[Fault]


def run_stage(settings: Settings, stage: Stage) -> Outcome:
    """
    Run *stage* to its end, and check what happened.
    """
    try:
        stage.start()
        run = _StageRun(settings, stage)
        asyncio.run(run.run())
    finally:
        stage.stop()
    return run.outcome()


class _StageRun:
    """
    The subscribers, the publishers and the stage of one run.
    """

    def __init__(self, settings: Settings, stage: Stage) -> None:
        self._settings = settings
        self._stage = stage
        self._faults: list[Fault] = []
        self._subscribers = [
            Subscriber(number, stage.ports, self._rng(f"client {number}"))
            for number in range(settings.clients)
        ]
        self._publishers = [
            Publisher(f"publisher{number}", stage.ports, self._rng(f"publisher {number}"))
            for number in range(_PUBLISHERS)
        ]
        self._others = stage.publishers(self._rng)

    async def run(self) -> None:
        """
        Return when all subscribers have received everything, or after a timeout.
        """
        following = [asyncio.create_task(one.follow()) for one in self._subscribers]
        await self._eventually(
            lambda: all(one.connections for one in self._subscribers),
            "Not every subscriber could connect.",
        )
        publishers = [*self._publishers, *self._others]
        publishing = [asyncio.create_task(publisher.publish()) for publisher in publishers]
        await self._kill_again_and_again()
        for publisher in publishers:
            publisher.stop()
        await asyncio.gather(*publishing)
        await self._within(
            self._publishers[0].publish_end_marker(), "The end marker could not be published."
        )
        await self._within(
            asyncio.gather(*following), "Not every subscriber received the end marker."
        )

    def outcome(self) -> Outcome:
        """
        Return the result of the run.
        """
        publishers = [*self._publishers, *self._others]
        attempts = [attempt for publisher in publishers for attempt in publisher.attempts]
        logs = [one.received for one in self._subscribers]
        faults = find_faults(attempts, logs, self._stage.allowed)
        faults += [*self._faults, *self._stage.faults, *self._losses()]
        for subscriber in self._subscribers:
            faults += subscriber.faults
        for publisher in publishers:
            faults += publisher.faults
        return Outcome(self._counts(attempts), faults)

    def _rng(self, name: str) -> random.Random:
        # One generator for each name, so that an additional part does not change the others.
        return random.Random(f"{self._settings.seed} {name}")

    async def _kill_again_and_again(self) -> None:
        rng = self._rng("kills")
        for number in range(self._settings.rounds):
            await asyncio.sleep(rng.uniform(*self._settings.pause))
            await self._stage.kill(rng, self._subscribers)
            if not await self._go_on(number + 1):
                return

    async def _go_on(self, number: int) -> bool:
        before = self._acknowledged()
        sentence = f"Nothing was acknowledged after kill {number}."
        return await self._eventually(lambda: self._acknowledged() > before, sentence)

    def _acknowledged(self) -> int:
        return sum(publisher.acknowledged for publisher in self._publishers)

    async def _eventually(self, probe: Callable[[], bool], otherwise: str) -> bool:
        if not await poll(probe, _TIMEOUT):
            self._faults.append(Fault("stuck", otherwise))
            return False
        return True

    async def _within(self, coming: Awaitable[object], otherwise: str) -> None:
        try:
            await asyncio.wait_for(coming, _TIMEOUT)
        except TimeoutError:
            late = [one.received.name for one in self._subscribers if not one.done]
            self._faults.append(Fault("stuck", f"{otherwise}  Late: {', '.join(late)}."))

    def _losses(self) -> Iterable[Fault]:
        if not self._stage.keeps_connections:
            return
        for one in self._subscribers:
            for loss in one.losses:
                yield Fault("cut", f"{one.received.name} lost its connection: {loss}.")

    def _missed(self, attempts: list[Attempt]) -> int:
        # By the subscriber to everything.
        received = {data for one in self._subscribers[:1] for _, data in one.received.entries}
        return sum(one.acknowledged and one.data not in received for one in attempts)

    def _counts(self, attempts: list[Attempt]) -> dict[str, int]:
        subscribers = self._subscribers
        results = Counter(
            "acknowledged" if one.acknowledged else "refused" if one.refused else "unknown"
            for one in attempts
        )
        return {
            "kills": self._stage.kills,
            "published": len(attempts),
            **{name: results[name] for name in ("acknowledged", "refused", "unknown")},
            "received": sum(len(one.received.entries) for one in subscribers),
            "reconnections": sum(one.connections - 1 for one in subscribers),
            "connections lost": sum(len(one.losses) for one in subscribers),
            "subscribers refused": sum(one.refused for one in subscribers),
            "comments": sum(one.comments for one in subscribers),
            "told of a gap": sum(len(one.received.resets) for one in subscribers),
            "acknowledged, missed": self._missed(attempts),
            **self._stage.counts,
        }
