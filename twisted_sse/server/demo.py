"""
What the demo page shows: a clock, this machine's load and memory, a random price.

Publishes to a hub as any program in the same process would.  It knows nothing of HTTP, and a
publication that fails is logged and never stops the ones after it.

The events, all with JSON data:

``demo/clock``, type ``clock``, each second
    ``{"time": 1791203696.25}``: seconds since 1970-01-01 UTC, on the hub's clock.

``demo/load``, type ``load``, each 2 seconds
    ``{"load": [0.42, 0.37, 0.3], "cpus": 2, "memory": {"used": 3300000000, "total": 8200000000}}``:
    the mean number of runnable processes over 1, 5 and 15 minutes, the number of processors, and
    bytes.  ``load`` and ``memory`` are null on a system that does not tell.

``demo/price``, type ``price``, each 0.7 seconds
    ``{"price": 100.42, "change": -0.13}``: the price of nothing, and its difference from the price
    before.

``demo/notes``, type ``note``, whenever somebody publishes one from the page
    ``{"text": "hello"}``.  Nothing here publishes notes.
"""

import os
import random
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = [
    "DEMO_TOPICS",
    "DemoPublisher",
    "PriceWalk",
    "load_average",
    "machine_load",
    "parse_meminfo",
]

DEMO_TOPICS: Final = ("demo/clock", "demo/load", "demo/price", "demo/notes")

CLOCK_INTERVAL: Final = 1.0
LOAD_INTERVAL: Final = 2.0
# Not a divisor of the others, so that the page's log shows a mix and not a fixed pattern.
PRICE_INTERVAL: Final = 0.7

_MEMINFO: Final = Path("/proc/meminfo")

# Windows has none.
_READ_LOAD: Final[Callable[[], Sequence[float]] | None] = getattr(os, "getloadavg", None)

# proc_meminfo(5): "MemTotal:  8042160 kB".  Its kB are 1,024 bytes.
_MEMINFO_LINE: Final = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE | re.ASCII)


class _Hub(Protocol):
    """
    As much of a hub as the demo needs.
    """

    def publish(self, topics: str, data: object, /, *, event: str) -> Deferred[Any]:
        """
        Publish *data*, as JSON unless it is a string, under the event type *event*.
        """


def parse_meminfo(text: str) -> dict[str, int] | None:
    """
    Read how much memory is in use from the text of ``/proc/meminfo``.

    Returns:
        ``{"used": bytes, "total": bytes}``, where used is what programs could not get without
        swapping (``MemTotal`` less ``MemAvailable``), or None if the text does not tell, as with
        a kernel before Linux 3.14.
    """
    sizes = {name: int(size) * 1024 for name, size in _MEMINFO_LINE.findall(text)}
    total, available = sizes.get("MemTotal"), sizes.get("MemAvailable")
    if total is None or available is None:
        return None
    return {"used": total - available, "total": total}


def load_average(read: Callable[[], Sequence[float]] | None = _READ_LOAD) -> list[float] | None:
    """
    The mean number of runnable processes over 1, 5 and 15 minutes, to two decimals.

    Args:
        read: As ``os.getloadavg``, or None where that is missing.

    Returns:
        Three numbers, or None on a system that does not tell.
    """
    if read is None:
        return None
    try:
        return [round(mean, 2) for mean in read()]
    except OSError:
        return None


def machine_load(meminfo: Path = _MEMINFO) -> dict[str, object]:
    """
    This machine's load and memory, in the shape of the ``load`` event.

    Args:
        meminfo: A file as ``/proc/meminfo``.  It may be absent.
    """
    try:
        # Made by the kernel from what is in memory: reading it waits for no disk.
        memory = parse_meminfo(meminfo.read_text("ascii", "replace"))
    except OSError:
        memory = None
    return {"load": load_average(), "cpus": os.cpu_count() or 1, "memory": memory}


class PriceWalk:
    """
    A price that wanders about 100 and always comes back.

    Args:
        chance: Where its steps come from.  A seeded one repeats itself.
    """

    _MEAN: Final = 100.0
    _PULL: Final = 0.02
    _STEP: Final = 0.3

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = random.Random() if chance is None else chance
        self._price = self._MEAN

    def __call__(self) -> dict[str, float]:
        """
        Take one step, and return it in the shape of the ``price`` event.
        """
        before = self._price
        step = self._PULL * (self._MEAN - before) + self._chance.gauss(0.0, self._STEP)
        self._price = round(before + step, 2)
        return {"price": self._price, "change": round(self._price - before, 2)}


class DemoPublisher(Service):
    """
    Publishes the demo's events to a hub for as long as it runs.

    There is never more than one unfinished publication to a topic: while the hub takes its time,
    turns are skipped, not queued.

    Args:
        hub: Where to publish.

        clock: Keeps the intervals; the global reactor by default, looked up at the start.

        now: Tells the time that is published, in seconds since 1970-01-01 UTC.  The reactor's
            own time cannot, as it may count from anywhere.

        chance: Where the price's steps come from.
    """

    _log = Logger()

    def __init__(
        self,
        hub: _Hub,
        clock: IReactorTime | None = None,
        *,
        now: Callable[[], float] = time.time,
        chance: random.Random | None = None,
    ) -> None:
        self._hub = hub
        self._clock = clock
        self._now = now
        self._price = PriceWalk(chance)
        self._loops: list[LoopingCall] = []
        self._failing: set[str] = set()

    def startService(self) -> None:
        """
        Publish one event of each kind now, and then each after its interval.
        """
        super().startService()
        self._start(CLOCK_INTERVAL, "demo/clock", "clock", self._time)
        self._start(LOAD_INTERVAL, "demo/load", "load", machine_load)
        self._start(PRICE_INTERVAL, "demo/price", "price", self._price)

    def stopService(self) -> None:
        """
        Publish nothing more.  A publication under way is left to the hub.
        """
        super().stopService()
        loops, self._loops = self._loops, []
        for loop in loops:
            loop.stop()

    def _time(self) -> dict[str, float]:
        return {"time": round(self._now(), 3)}

    def _start(self, interval: float, topic: str, event: str, make: Callable[[], object]) -> None:
        # Made at the start and not before: making a LoopingCall installs a reactor.
        loop = LoopingCall(self._turn, topic, event, make)
        if self._clock is not None:
            loop.clock = self._clock
        self._loops.append(loop)
        loop.start(interval)

    def _turn(self, topic: str, event: str, make: Callable[[], object]) -> Deferred[None]:
        # LoopingCall waits for what it is given, and a failure would end it for ever.
        published = maybeDeferred(self._publish, topic, event, make)
        return published.addCallbacks(partial(self._worked, topic), partial(self._failed, topic))

    def _publish(self, topic: str, event: str, make: Callable[[], object]) -> Deferred[Any]:
        return self._hub.publish(topic, make(), event=event)

    def _worked(self, topic: str, _receipt: object) -> None:
        if topic in self._failing:
            self._failing.discard(topic)
            self._log.info("The demo can publish to {topic} again.", topic=topic)

    def _failed(self, topic: str, failure: Failure) -> None:
        # Once for each outage: with history away for an hour, thousands would say the same.
        if topic not in self._failing:
            self._failing.add(topic)
            self._log.warn(
                "The demo cannot publish to {topic}: {reason}",
                topic=topic,
                reason=failure.getErrorMessage(),
            )
