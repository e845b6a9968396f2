"""
Publications per second kept by a history:

    python -m benchmarks.commits HISTORY PUBLISHERS SECONDS

HISTORY is as for `twistd sse --history`.

Each publisher waits for its receipt before it publishes again, through a hub without subscribers.
With SQLite or PostgreSQL, a single publisher needs one commit per publication.  With many, all
publications that arrive during a commit form the next batch, which is one commit.

Seconds are wall-clock time, since most of them are spent waiting for the disk.  CPU time is that of
this process, without that of a database server.
"""

import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.task import deferLater, react

from twisted_sse import Hub
from twisted_sse.history.plugins import build_history
from twisted_sse.server.process import GarbageCollection

__all__ = ["main"]

WARM_UP = 0.5  # seconds; meanwhile the file is made and its first pages are written

DATA = "x" * 192


class Publishers:
    """
    Publishers that publish until they are stopped.

    Attributes:
        kept: How many receipts they have received.
    """

    def __init__(self, publish: Callable[[], Awaitable[object]]) -> None:
        self.kept = 0
        self._publish = publish
        self._stopped = False

    async def work(self) -> None:
        """
        Publish as one publisher.
        """
        while not self._stopped:
            await self._publish()
            self.kept += 1

    def stop(self) -> None:
        """
        Let each publisher wait for its last receipt, and stop.
        """
        self._stopped = True


async def measure(reactor: Any, history: str, count: int, seconds: float) -> dict[str, float]:
    """
    Publish for *seconds*.
    """
    hub = Hub(build_history(history))
    service = MultiService()
    hub.service().setServiceParent(service)
    # The options of `twistd sse`.
    GarbageCollection().setServiceParent(service)
    service.startService()
    publishers = Publishers(lambda: hub.publish("bench", DATA))
    working = [Deferred.fromCoroutine(publishers.work()) for _ in range(count)]
    await deferLater(reactor, WARM_UP)
    kept, began, cpu = publishers.kept, time.monotonic(), time.process_time()
    await deferLater(reactor, seconds)
    kept, elapsed = publishers.kept - kept, time.monotonic() - began
    cpu = time.process_time() - cpu
    publishers.stop()
    await gatherResults(working)
    await maybeDeferred(service.stopService)
    return {"per_s": kept / elapsed, "cpu_us": cpu * 1e6 / max(kept, 1)}


def main(reactor: Any, history: str, publishers: str, seconds: str) -> Deferred[None]:
    """
    Print publications per second, and CPU time per publication, as JSON.
    """

    def show(result: dict[str, float]) -> None:
        sys.stdout.write(json.dumps(result))

    measured = measure(reactor, history, int(publishers), float(seconds))
    return Deferred.fromCoroutine(measured).addCallback(show)


if __name__ == "__main__":
    react(main, sys.argv[1:])
