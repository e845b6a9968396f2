"""
CPU time that other programs used during a measurement, so that disturbed rounds show.
"""

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

__all__ = ["Others", "busy_seconds", "own_seconds"]

# user, nice, system, irq, softirq and steal.  Idle and iowait are no work, and guest time is
# already part of user.
_BUSY = (1, 2, 3, 6, 7, 8)


def busy_seconds(stat: str) -> float:
    """
    The time that all cores were busy or stolen, from the text of `/proc/stat`.
    """
    fields = stat.partition("\n")[0].split()
    return sum(int(fields[at]) for at in _BUSY) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    """
    The CPU time of this process, and of its children that have ended.
    """
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


class Others:
    """
    Counts from its creation on.

    Args:
        server: Returns the CPU time in seconds of the server, which does not count.
    """

    def __init__(self, server: Callable[[], float] = lambda: 0.0) -> None:
        self._server = server
        self._began = time.monotonic()
        self._before = self._strange()

    def cores(self) -> float:
        """
        The average number of cores that other programs used; never below 0, as clocks tick.
        """
        strange = self._strange() - self._before
        return max(0.0, strange / max(time.monotonic() - self._began, 1e-9))

    def _strange(self) -> float:
        return busy_seconds(Path("/proc/stat").read_text()) - own_seconds() - self._server()
