"""
How long to wait before the next attempt.

Pure: numbers in, numbers out, and a little chance.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from twisted_sse.errors import TooManyAttempts, UnexpectedStatus

__all__ = ["HEALTHY", "LONGEST", "SHORTEST", "Backoff", "Pace"]

#: The shortest wait in seconds, whatever a server or a policy says: ``retry: 0``
#: from a server that ends every stream at once would be a flood of requests.
SHORTEST = 0.1

#: The longest wait that a server can ask for, in seconds.  Browsers would wait
#: ``retry: 99999999999`` for years; an hour is enough for any maintenance.
LONGEST = 3600.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """
    Waits that grow from attempt to attempt, all in seconds.

    The wait before attempt *n* is ``first * factor ** (n - 1)``, at most
    *limit*, and at least what the server asks for: its ``retry`` field and
    ``Retry-After``, which count up to an hour.  A random part of it is added,
    so that those who lost their streams together do not come back together.

    No wait is shorter than 0.1 seconds.

    Args:
        first: Before the first attempt after a loss.

        factor: By which it grows, at least 1.

        limit: The longest, unless the server asks for more.

        jitter: The most to add, as a part of the wait: 0.5 makes 10 seconds
            between 10 and 15.

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
            # NaN is not at least anything.
            if not lowest <= getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be {lowest:g} or more, not {getattr(self, name)!r}")

    def delay(self, attempt: int, asked: float = 0.0) -> float:
        """
        How long to wait before an attempt.

        Args:
            attempt: Which one since all was well, from 1.

            asked: What the server asks for, in seconds; trust nothing about it.
        """
        return self.least(attempt, asked) * (1 + self.jitter * random.random())

    def least(self, attempt: int, asked: float = 0.0) -> float:
        """
        The same without chance: how long it is waited at least.
        """
        return max(self._grown(attempt), min(max(asked, SHORTEST), LONGEST))

    def _grown(self, attempt: int) -> float:
        try:
            grown = self.first * self.factor ** (attempt - 1)
        except OverflowError:
            grown = self.limit
        return min(grown, self.limit)


#: A stream that has been open for so many seconds has proved that the server is
#: well: the waits begin anew.
HEALTHY = 60.0


class Pace:
    """
    Says how long to wait after each loss.

    Args:
        most: How often it may be tried in a row without getting a stream;
            ``None`` is for ever.
    """

    def __init__(self, backoff: Backoff, most: int | None) -> None:
        self._backoff = backoff
        self._most = most
        self._retry = 0.0
        self._losses = 0
        self._opened: float | None = None
        self._failed = 0

    @property
    def least(self) -> float:
        """
        The shortest wait before an attempt, in seconds.
        """
        return self._backoff.least(1, self._retry)

    def opened(self, now: float) -> int:
        """
        There is a stream.

        Returns:
            Which attempt has brought it.
        """
        self._opened = now
        attempt, self._failed = self._failed + 1, 0
        return attempt

    def asked(self, retry: int | None) -> None:
        """
        The server has sent this ``retry``, in milliseconds; ``None`` is nothing.
        """
        if retry is not None:
            self._retry = retry / 1000

    def lost(self, reason: Exception, now: float) -> float:
        """
        There is no stream.

        Returns:
            How many seconds to wait.

        Raises:
            TooManyAttempts: It may not be tried again.
        """
        if self._opened is None:
            self._failed += 1
            if self._failed == self._most:
                raise TooManyAttempts(f"{self._failed} attempts: {reason}") from reason
        elif now - self._opened >= HEALTHY:
            self._losses = 0
        self._opened = None
        self._losses += 1
        return self._backoff.delay(self._losses, max(self._retry, _retry_after(reason)))


def _retry_after(reason: Exception) -> float:
    if isinstance(reason, UnexpectedStatus) and reason.retry_after is not None:
        return reason.retry_after
    return 0.0
