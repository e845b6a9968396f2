"""
A rate limit: a burst at once, then a number of actions per second.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """
    A token bucket that is full at the beginning.

    Args:
        burst: How many tokens it holds.

        rate: How many tokens are added per second.

        seconds: Returns the current time in seconds.
    """

    __slots__ = ("_burst", "_left", "_rate", "_seconds", "_since")

    def __init__(self, burst: float, rate: float, seconds: Callable[[], float]) -> None:
        self._burst = self._left = float(burst)
        self._rate = rate
        self._seconds = seconds
        self._since = seconds()

    def take(self, count: float = 1) -> bool:
        """
        Take *count* tokens and return True, or return False if fewer are left.
        """
        now = self._seconds()
        # A clock that is set back must not remove tokens.
        elapsed = max(0.0, now - self._since)
        self._since = now
        self._left = min(self._burst, self._left + elapsed * self._rate)
        if self._left < count:
            return False
        self._left -= count
        return True
