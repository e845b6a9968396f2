"""
Gives every stream a slightly different reconnection time.

When a hub ends without telling its subscribers, as in a crash, each of them comes
back after the reconnection time that its stream began with.
"""

from __future__ import annotations

from itertools import cycle

from twisted_sse.events.event import MAX_RETRY

__all__ = ["ReconnectionTime"]

# The number of different times, a power of two: few, because the preamble is cached
# for each (events.preamble), and enough to divide a thousand subscribers into sixteens.
_TIMES = 64


class ReconnectionTime:
    """
    Chooses reconnection times, in milliseconds.

    They follow each other so that any few are spread evenly over the range, and the
    first is *shortest*.  That needs no randomness.

    Args:
        shortest: The shortest one; ``None`` leaves the time to the browser.

        spread: The others are at most this much longer; ``None`` means as much as
            *shortest*.
    """

    def __init__(self, shortest: int | None, spread: int | None = None) -> None:
        times: list[int | None] = [None]
        if shortest is not None:
            width = shortest if spread is None else spread
            times = [min(shortest + width * part // _TIMES, MAX_RETRY) for part in _parts()]
        self._times = cycle(times)

    def next(self) -> int | None:
        """
        The time for the next stream.
        """
        return next(self._times)


def _parts() -> list[int]:
    # The van der Corput sequence: 0, 1/2, 1/4, 3/4, 1/8, ...
    parts = [0]
    step = _TIMES
    while step > 1:
        step //= 2
        parts += [part + step for part in parts]
    return parts
