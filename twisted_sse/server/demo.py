"""
Publishes what the demo page shows: a clock, this machine's load and memory, a random price.

An example of `Hub.every`: any application can publish like this.  Nothing here knows HTTP.

The events, all with JSON data:

``demo/clock``, type ``clock``, each second
    ``{"time": 1791203696.25}``: seconds since 1970-01-01 UTC.

``demo/load``, type ``load``, each 2 seconds
    ``{"load": [0.42, 0.37, 0.3], "cpus": 2, "memory": {"used": 3300000000, "total": 8200000000}}``:
    the mean number of runnable processes over 1, 5 and 15 minutes, the number of processors, and
    bytes.  ``load`` and ``memory`` are null on systems that do not provide them.

``demo/price``, type ``price``, each 0.7 seconds
    ``{"price": 100.42, "change": -0.13}``: a made-up price, and its difference from the one before.

``demo/notes``, type ``note``, whenever a visitor publishes one from the page
    ``{"text": "hello", "time": 1791203696.25}``, the time as above.  Nothing here publishes notes.
"""

import os
import random
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.hub import Hub

__all__ = [
    "DEMO_TOPICS",
    "PriceWalk",
    "load_average",
    "machine_load",
    "parse_meminfo",
    "publish_demo",
]

DEMO_TOPICS: Final = ("demo/clock", "demo/load", "demo/price", "demo/notes")

CLOCK_INTERVAL: Final = 1.0
LOAD_INTERVAL: Final = 2.0
# Not a divisor of the others, so that the page's log shows a mix instead of a fixed pattern.
PRICE_INTERVAL: Final = 0.7

_MEMINFO: Final = Path("/proc/meminfo")

# Windows does not have it.
_READ_LOAD: Final[Callable[[], Sequence[float]] | None] = getattr(os, "getloadavg", None)

# proc_meminfo(5): "MemTotal:  8042160 kB".  Its kB are 1,024 bytes.
_MEMINFO_LINE: Final = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE | re.ASCII)


def parse_meminfo(text: str) -> dict[str, int] | None:
    """
    Read how much memory is in use from the text of ``/proc/meminfo``.

    Returns:
        ``{"used": bytes, "total": bytes}``, where used is the memory that programs cannot get
        without swapping (``MemTotal`` less ``MemAvailable``).  None if a size is missing, as in
        kernels before Linux 3.14.
    """
    sizes = {name: int(size) * 1024 for name, size in _MEMINFO_LINE.findall(text)}
    total, available = sizes.get("MemTotal"), sizes.get("MemAvailable")
    if total is None or available is None:
        return None
    return {"used": total - available, "total": total}


def load_average(read: Callable[[], Sequence[float]] | None = _READ_LOAD) -> list[float] | None:
    """
    Measure the mean number of runnable processes over 1, 5 and 15 minutes, to two decimals.

    Args:
        read: ``os.getloadavg``, or None where it is missing.

    Returns:
        Three numbers, or None on a system that does not provide them.
    """
    if read is None:
        return None
    try:
        return [round(mean, 2) for mean in read()]
    except OSError:
        return None


def machine_load(meminfo: Path = _MEMINFO) -> dict[str, object]:
    """
    Measure this machine's load and memory, in the shape of the ``load`` event.

    Args:
        meminfo: A file in the format of ``/proc/meminfo``.  It may be absent.
    """
    try:
        # The kernel generates this file from memory, so reading it does not block.
        memory = parse_meminfo(meminfo.read_text("ascii", "replace"))
    except OSError:
        memory = None
    return {"load": load_average(), "cpus": os.cpu_count() or 1, "memory": memory}


class PriceWalk:
    """
    A random price that always returns to about 100.

    Args:
        chance: The source of its steps.  With a seed, the steps are reproducible.
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


def publish_demo(
    hub: Hub, *, now: Callable[[], float] = time.time, chance: random.Random | None = None
) -> None:
    """
    Publish the demo's events to *hub* while its service runs.

    Args:
        now: Returns the time to publish, in seconds since 1970-01-01 UTC.  The
            clock of the hub may count from any other point.

        chance: The source of the price's steps.
    """
    price = PriceWalk(chance)

    def make_clock() -> ServerSentEvent:
        return ServerSentEvent.json({"time": round(now(), 3)}, event="clock")

    def make_load() -> ServerSentEvent:
        return ServerSentEvent.json(machine_load(), event="load")

    def make_price() -> ServerSentEvent:
        return ServerSentEvent.json(price(), event="price")

    hub.every(CLOCK_INTERVAL, "demo/clock", make_clock)
    hub.every(LOAD_INTERVAL, "demo/load", make_load)
    hub.every(PRICE_INTERVAL, "demo/price", make_price)
