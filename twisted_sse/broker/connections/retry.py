"""
Gives every stream a slightly different reconnection time.

When a hub ends without telling its subscribers, as in a crash, each of them comes
back after the reconnection time that its stream began with.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

from twisted_sse.events.event import MAX_RETRY

__all__ = ["ReconnectionTime", "even_turns"]

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

        turns: Which part of the range is next, if several choose in turn, such as the
            responses of one hub.
    """

    def __init__(
        self, shortest: int | None, spread: int | None = None, turns: Iterator[int] | None = None
    ) -> None:
        self._shortest = shortest
        self._width = shortest if spread is None else spread
        self._turns = even_turns() if turns is None else turns

    def next(self) -> int | None:
        """
        The time for the next stream.
        """
        if self._shortest is None or self._width is None:
            return None
        return min(self._shortest + self._width * next(self._turns) // _TIMES, MAX_RETRY)


def even_turns() -> Iterator[int]:
    """
    Return the parts of a range, in their order, for ever.
    """
    return cycle(_PARTS)


def _parts() -> list[int]:
    # The van der Corput sequence: 0, 1/2, 1/4, 3/4, 1/8, ...
    parts = [0]
    step = _TIMES
    while step > 1:
        step //= 2
        parts += [part + step for part in parts]
    return parts


_PARTS = _parts()
