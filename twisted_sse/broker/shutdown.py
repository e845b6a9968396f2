"""
How long those are waited for who have been told to go.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

__all__ = ["SLICE", "flush_pause", "wait_until_empty"]

#: How many streams are ended in one turn of the reactor: about 5 ms.
SLICE = 200

# How long what was written last is given to leave the process, in seconds.
_FLUSH_PAUSE = 0.2

# How often those who still have something on their way are looked at, in seconds.
_LOOK = 0.1


async def wait_until_empty(
    clock: IReactorTime, deadline: float, staying: Callable[[], int]
) -> None:
    """
    Wait until *staying* tells of nobody, but not longer than until *deadline*.

    Args:
        deadline: In seconds of *clock*.
    """
    while staying() and (left := deadline - clock.seconds()) > 0:
        await deferLater(clock, min(_LOOK, left))


async def flush_pause(clock: IReactorTime, anybody: bool) -> None:
    """
    Wait for a moment, if there was *anybody* to whom something was written.
    """
    await deferLater(clock, _FLUSH_PAUSE if anybody else 0)
