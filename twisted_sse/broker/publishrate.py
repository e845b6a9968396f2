"""
How many publications per second a publisher may send over HTTP.

A request is taken as a whole or not at all; see `KeyedRate`.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import TooManyPublications
from twisted_sse.transport.keyedrate import KeyedRate

__all__ = ["PublishRate"]

# A publisher that was silent may send as much at once as in this many seconds.
_BURST = 10.0

# The most publishers that are remembered: 2 MB.
_MOST = 10_000


class PublishRate:
    """
    The same limit for every publisher.

    Args:
        rate: Publications per second.
    """

    def __init__(self, rate: int, clock: IReactorTime) -> None:
        self._rate = rate
        self._publishers = KeyedRate(rate, burst=_BURST, most=_MOST, seconds=clock.seconds)

    def take(self, publisher: bytes, count: int) -> None:
        """
        Let *publisher* send *count* publications.

        Args:
            publisher: Identifies the publisher; at most some 30 bytes.

        Raises:
            TooManyPublications: It has to wait.
        """
        wait = self._publishers.take(publisher, count)
        if wait:
            raise TooManyPublications(
                f"The limit of {self._rate} publications per second is reached: wait, or send"
                " them more slowly.",
                wait,
            )
