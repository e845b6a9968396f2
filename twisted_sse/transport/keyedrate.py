"""
A rate limit of its own for each of many keys, such as addresses or users.

Law: memory is bounded.  Actions are taken whole: one that counts for many is taken if its
key has waited long enough, and the next one then waits longer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

__all__ = ["KeyedRate"]


class KeyedRate:
    """
    The same limit for every key.

    ``len()`` is the number of keys that are remembered.

    Args:
        rate: Actions per second.

        burst: A key that was silent may take as much at once as in this many seconds.

        most: The most keys that are remembered.  One that is forgotten early may take
            another burst.

        seconds: Returns the current time.
    """

    def __init__(
        self, rate: float, *, burst: float, most: int, seconds: Callable[[], float]
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._most = most
        self._seconds = seconds
        # When each key will have paid for all that it has taken, in the order in which
        # they have taken something.
        self._paid: OrderedDict[Hashable, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paid)

    def take(self, key: Hashable, count: int = 1) -> float:
        """
        Take *count* actions for *key*.

        Returns:
            0 if they were taken, or else the seconds after which some may be.
        """
        now = self._seconds()
        paid = max(now, self._paid.get(key, now))
        ahead = paid - now
        if ahead >= self._burst:
            # Never 0, even if it is due now.
            return max(ahead - self._burst, 1 / self._rate)
        self._paid[key] = paid + count / self._rate
        self._paid.move_to_end(key)
        self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        while self._paid:
            key, paid = next(iter(self._paid.items()))
            if paid > now and len(self._paid) <= self._most:
                break
            del self._paid[key]
