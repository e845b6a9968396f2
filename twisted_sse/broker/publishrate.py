"""
How many publications per second a publisher may send over HTTP.

Law: memory is bounded, and a request is taken as a whole or not at all: a large batch
is taken if its publisher has waited long enough, and the next one then waits longer.
"""

from __future__ import annotations

from collections import OrderedDict

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import TooManyPublications

__all__ = ["PublishRate"]

# A publisher that was silent may send as much at once as in this many seconds.
_BURST = 10.0

# The most publishers that are remembered: 2 MB.  One that is forgotten early may send
# another burst.
_MOST = 10_000


class PublishRate:
    """
    The same limit for every publisher.

    ``len()`` is the number of publishers that are remembered.

    Args:
        rate: Publications per second.
    """

    def __init__(self, rate: int, clock: IReactorTime) -> None:
        self._rate = rate
        self._clock = clock
        # When each publisher will have paid for all that it has sent, in the order in
        # which they have sent something.
        self._paid: OrderedDict[bytes, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paid)

    def take(self, publisher: bytes, count: int) -> None:
        """
        Let *publisher* send *count* publications.

        Args:
            publisher: Identifies the publisher; at most some 30 bytes.

        Raises:
            TooManyPublications: It has to wait.
        """
        now = self._clock.seconds()
        paid = max(now, self._paid.get(publisher, now))
        ahead = paid - now
        if ahead >= _BURST:
            raise TooManyPublications(
                f"The limit of {self._rate} publications per second is reached: wait, or send"
                " them more slowly.",
                ahead - _BURST,
            )
        self._paid[publisher] = paid + count / self._rate
        self._paid.move_to_end(publisher)
        self._forget(now)

    def _forget(self, now: float) -> None:
        while self._paid:
            publisher, paid = next(iter(self._paid.items()))
            if paid > now and len(self._paid) <= _MOST:
                break
            del self._paid[publisher]
