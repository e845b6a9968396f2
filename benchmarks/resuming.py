"""
How long a history takes to find missed events, in a small store and in a large one.

    python -m benchmarks.resuming SMALL_HISTORY LARGE_HISTORY SMALL LARGE BEHIND TIMES

Histories are as for `twistd sse --history`, with bounds that trim nothing.

The stores hold SMALL and LARGE publications, which alternate between eight topics.  A subscriber
resumes TIMES times, always BEHIND events behind: on one topic, whose events lie between those of
the others, and on all topics.

CPU time is that of the whole process, including SQLite's reading thread, and not that of a database
server; subscribers resume one at a time.
"""

import json
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.plugins import build_history
from twisted_sse.topics import Selection

__all__ = ["BOUNDS", "main"]

TOPICS = tuple(f"bench/{number}" for number in range(8))
BATCH = 5_000  # publications per append
LIMIT = 1_000  # publications per answer

#: Arguments of a history: bounds that trim nothing.
BOUNDS = "events=2000000,bytes=16GiB,age=2592000"

EVENT = ServerSentEvent(data="x" * 192)


async def fill(history: Any, events: int, enough: int) -> list[Record]:
    """
    Append *events* publications to the store.

    Returns:
        At least the newest *enough* of them, oldest first, or all.
    """
    newest: list[Record] = []
    for start in range(0, events, BATCH):
        numbers = range(start, min(start + BATCH, events))
        batch = [Publication((TOPICS[number % len(TOPICS)],), EVENT) for number in numbers]
        newest = [*newest[-enough:], *await history.append(batch)]
    return newest


class Comer:
    """
    A subscriber that resumes repeatedly from the same position.

    Attributes:
        cpu, wall: The time of each answer, in seconds.
    """

    def __init__(self, history: Any, last_event_id: str, topic: str, behind: int) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []
        self._history = history
        self._last_event_id = last_event_id
        self._selection = Selection.of(topic)
        self._behind = behind

    async def come(self) -> None:
        """
        Read the missed events.

        Raises:
            ValueError: The answer has other events.
        """
        began, used = time.perf_counter(), time.process_time()
        found = await self._history.since(self._last_event_id, self._selection, LIMIT)
        self.cpu.append(time.process_time() - used)
        self.wall.append(time.perf_counter() - began)
        if len(found) != self._behind:
            raise ValueError(f"{len(found)} events were found instead of {self._behind}")


async def comers(history: Any, events: int, behind: int) -> dict[str, Comer]:
    """
    Fill a store, and make its two subscribers: one for one topic and one for all.
    """
    newest = await fill(history, events, (behind + 1) * len(TOPICS))
    topic = newest[-1].publication.topics[0]
    missed = [kept for kept in newest if kept.publication.topics[0] == topic]
    return {
        "topic": Comer(history, missed[-behind - 1].id, topic, behind),
        "all": Comer(history, newest[-behind - 1].id, "*", behind),
    }


def compared(where: str, small: Comer, large: Comer) -> dict[str, float]:
    """
    The large store's medians in microseconds, and as multiples of the small one's.
    """
    values = {}
    for name, of_large, of_small in (
        ("cpu", large.cpu, small.cpu),
        ("wall", large.wall, small.wall),
    ):
        middle = statistics.median(of_large)
        values[f"{where}_{name}_us"] = middle * 1e6
        values[f"{where}_{name}_times"] = middle / statistics.median(of_small)
    return values


async def measure(
    stores: Sequence[str], sizes: Sequence[int], behind: int, times: int
) -> dict[str, float]:
    """
    Fill two stores, and read from them in turn, so that disturbances affect both.
    """
    histories: list[Any] = [build_history(store) for store in stores]
    for history in histories:
        history.startService()
    small, large = [
        await comers(history, events, behind)
        for history, events in zip(histories, sizes, strict=True)
    ]
    for _ in range(times):
        for comer in (*small.values(), *large.values()):
            await comer.come()
    for history in histories:
        await history.stopService()
    values: dict[str, float] = {}
    for where in small:
        values |= compared(where, small[where], large[where])
    return values


def main(reactor: Any, small_store: str, large_store: str, *numbers: str) -> Deferred[None]:
    """
    Print medians and their ratios as JSON.
    """

    def show(result: dict[str, float]) -> None:
        sys.stdout.write(json.dumps(result))

    small, large, behind, times = map(int, numbers)
    measured = measure((small_store, large_store), (small, large), behind, times)
    return Deferred.fromCoroutine(measured).addCallback(show)


if __name__ == "__main__":
    react(main, sys.argv[1:])
