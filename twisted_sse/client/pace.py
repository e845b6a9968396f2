"""
Counts attempts, and knows what the server asks for between them.
"""

from __future__ import annotations

from twisted_sse.client.backoff import Backoff
from twisted_sse.errors import TooManyAttempts, UnexpectedStatus

__all__ = ["HEALTHY", "Pace"]

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
