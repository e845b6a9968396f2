"""
What ending many streams at once needs: slices, and waits with a deadline.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

__all__ = ["SLICE", "flush_pause", "wait_for", "wait_until_empty"]

#: How many streams are ended in one turn of the reactor: about 5 ms.
SLICE = 200

_log = Logger()

# How long the last bytes get to leave the process, in seconds.
_FLUSH_PAUSE = 0.2

# The time between two checks of what remains, in seconds.
_INTERVAL = 0.1


async def wait_until_empty(
    clock: IReactorTime, deadline: float, remaining: Callable[[], int]
) -> None:
    """
    Wait until *remaining* returns 0, at most until *deadline*.

    Args:
        deadline: In seconds of *clock*.
    """
    while remaining() and (left := deadline - clock.seconds()) > 0:
        await deferLater(clock, min(_INTERVAL, left))


async def flush_pause(clock: IReactorTime, anything_written: bool) -> None:
    """
    Wait a moment for the last bytes to leave the process, if there are any.
    """
    await deferLater(clock, _FLUSH_PAUSE if anything_written else 0)


async def wait_for(clock: IReactorTime, seconds: float, waiting: Deferred[Any]) -> bool:
    """
    Wait until *waiting* has fired, at most for *seconds*, and do not cancel it then.

    Returns:
        Whether it has fired in time.

    Raises:
        Exception: *waiting* has failed in time.  A later failure is logged.
    """
    outcome: Deferred[bool] = Deferred()
    call = clock.callLater(seconds, outcome.callback, False)

    def fired(result: object) -> None:
        if call.active():
            call.cancel()
            if isinstance(result, Failure):
                outcome.errback(result)
            else:
                outcome.callback(True)
        elif isinstance(result, Failure):
            _log.failure("A part of the hub could not be stopped", result)

    waiting.addBoth(fired)
    return await outcome
