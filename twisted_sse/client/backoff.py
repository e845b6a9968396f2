"""
Backoff: how long to wait before the next attempt.

Pure: numbers in, numbers out, with some randomness.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from twisted_sse.errors import TooManyAttempts, UnexpectedStatus

__all__ = [
    "MAX_SERVER_DELAY",
    "MIN_DELAY",
    "RETRY_STATUSES",
    "STABLE_AFTER",
    "Backoff",
    "BackoffState",
]

#: Statuses of servers and proxies that may serve a later attempt; 520 to 524 are those
#: of Cloudflare for a server that it cannot reach.
RETRY_STATUSES = frozenset({408, 429, 502, 503, 504, 520, 521, 522, 523, 524})

#: The shortest delay in seconds, whatever a server or a policy asks for: a server
#: that sends ``retry: 0`` and ends every stream would be flooded with requests.
MIN_DELAY = 0.1

#: The longest delay that a server can ask for, in seconds.  Browsers would obey
#: ``retry: 99999999999`` for years; an hour is enough for any maintenance.
MAX_SERVER_DELAY = 3600.0

#: After a stream has been open for this time, in seconds, the server counts as
#: stable again: the delays start over.
STABLE_AFTER = 60.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """
    A policy of delays that grow from attempt to attempt, all in seconds.

    The delay before attempt *n* is ``first * factor ** (n - 1)``, at most
    *limit*, and at least what the server asks for: its ``retry`` field and
    ``Retry-After``, up to an hour each.  A random part is added, so that clients
    that lost their streams together do not reconnect together.

    The shortest delay is 0.1 seconds.

    Args:
        first: The delay before the first attempt after a loss.

        factor: The growth from one attempt to the next, at least 1.

        limit: The longest delay, unless the server asks for more.

        jitter: The largest random part, relative to the delay: with 0.5, a delay
            of 10 seconds becomes 10 to 15 seconds.

    Raises:
        ValueError: A number is out of range.
    """

    first: float = 1.0
    factor: float = 2.0
    limit: float = 60.0
    jitter: float = 0.5

    def __post_init__(self) -> None:
        least = {"first": 0.0, "factor": 1.0, "limit": 0.0, "jitter": 0.0}
        for name, lowest in least.items():
            # Written so that NaN fails.
            if not lowest <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be {lowest:g} or more, not {getattr(self, name)!r}")

    def delay(self, attempt: int, asked: float = 0.0) -> float:
        """
        Return the delay before an attempt, with its random part.

        Args:
            attempt: The number of the attempt since the last stable stream,
                from 1.

            asked: The delay that the server asks for, in seconds; trust nothing
                about it.
        """
        return self.least(attempt, asked) * (1 + self.jitter * random.random())

    def least(self, attempt: int, asked: float = 0.0) -> float:
        """
        Return the shortest delay before an attempt: `delay` without randomness.
        """
        return max(self._grown(attempt), min(max(asked, MIN_DELAY), MAX_SERVER_DELAY))

    def _grown(self, attempt: int) -> float:
        try:
            grown = self.first * self.factor ** (attempt - 1)
        except OverflowError:
            grown = self.limit
        return min(grown, self.limit)


class BackoffState:
    """
    Applies a `Backoff` to the streams and losses of one source.

    Args:
        max_attempts: The most failed attempts in a row; ``None`` is unlimited.
    """

    def __init__(self, backoff: Backoff, max_attempts: int | None) -> None:
        self._backoff = backoff
        self._max_attempts = max_attempts
        self._retry = 0.0
        self._losses = 0
        self._opened: float | None = None
        self._failed = 0

    @property
    def least(self) -> float:
        """
        The shortest delay before the next attempt, in seconds.
        """
        return self._backoff.least(1, self._retry)

    def opened(self, now: float) -> int:
        """
        Note that a stream has been opened.

        Returns:
            The number of attempts it took.
        """
        self._opened = now
        attempt, self._failed = self._failed + 1, 0
        return attempt

    def set_retry(self, retry: int | None) -> None:
        """
        Note the server's reconnection time, in milliseconds; ``None`` changes nothing.
        """
        if retry is not None:
            self._retry = retry / 1000

    def lost(self, reason: Exception, now: float) -> float:
        """
        Note that the stream was lost, or could not be opened.

        Returns:
            The delay before the next attempt, in seconds.

        Raises:
            TooManyAttempts: *max_attempts* is reached.
        """
        if self._opened is None:
            self._failed += 1
            if self._failed == self._max_attempts:
                raise TooManyAttempts(f"{self._failed} attempts: {reason}") from reason
        elif now - self._opened >= STABLE_AFTER:
            self._losses = 0
        self._opened = None
        self._losses += 1
        return self._backoff.delay(self._losses, max(self._retry, _retry_after(reason)))


def _retry_after(reason: Exception) -> float:
    if isinstance(reason, UnexpectedStatus) and reason.retry_after is not None:
        return reason.retry_after
    return 0.0
