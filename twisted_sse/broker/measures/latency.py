"""
Times publications on their way from the publisher to the sockets.

One entry for each submission, and one look at the clock when a fan-out is complete: the
number of subscribers does not matter.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from twisted_sse.broker.measures.histogram import Histogram

__all__ = ["PublishLatency"]

# The most submissions that wait to be written, so that a shared history that delivers
# nothing does not fill the memory.
_MOST = 10_000


class _Expected(NamedTuple):
    number: int
    since: float
    publications: int


class PublishLatency:
    """
    Args:
        histogram: Takes the times, in seconds.
    """

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._expected: deque[_Expected] = deque(maxlen=_MOST)
        self._written = -1

    def expect(self, number: int, since: float, count: int, now: float) -> None:
        """
        Expect that publications are written.

        Args:
            number: That of the last of them.

            since: When they were submitted, in seconds.

            count: How many they are.

            now: The time.  A shared history may have delivered them already.
        """
        if number <= self._written:
            self._histogram.observe(now - since, count)
        else:
            self._expected.append(_Expected(number, since, count))

    @property
    def waiting(self) -> bool:
        """
        Whether anything is expected.
        """
        return bool(self._expected)

    def written(self, number: int, now: float) -> None:
        """
        Note that all live subscribers have everything up to *number*.
        """
        self._written = number
        while self._expected and self._expected[0].number <= number:
            one = self._expected.popleft()
            self._histogram.observe(now - one.since, one.publications)

    def restart(self) -> None:
        """
        Forget what is expected: history has begun anew.
        """
        self._expected.clear()
        self._written = -1
