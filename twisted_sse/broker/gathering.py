"""
Lets publications that follow each other closely leave together.

A publisher that waits for each answer has only one publication in the hub at a time, so
each would be sent alone to all connections.  If it publishes again as soon as it may, its
next publication is there long before that is done: so the first one waits a moment, and
its publisher is answered at once.

Law: what does not follow another one closely never waits, and neither does what few
connections get.
"""

from __future__ import annotations

__all__ = ["GAP", "Gathering"]

#: How long the first publication waits for the second, and each for the next one, in
#: seconds.  The reactor waits for 1 ms if nothing arrives.
GAP = 0.0005

# Sending to a few hundred connections takes less, in seconds, and is not worth a wait.
_LEAST_SWEEP = 0.002

# What follows within this part of the time that sending takes follows closely.
_CLOSELY = 0.25

# For which part of that time publications wait at most.
_MOST_WAIT = 0.5

# The most publications between two tries, if waiting was of no use.
_MOST_PAUSE = 63


class Gathering:
    """
    Decides whether a publication waits for those that may follow it.

    All times are in seconds of the reactor.

    Attributes:
        pays: Whether the last wait was of use, and publications still follow closely.
    """

    def __init__(self) -> None:
        self.pays = False
        self._took = 0.0
        self._began: float | None = None
        self._ended = float("-inf")
        self._until = 0.0
        self._pause = 0
        self._left = 0

    @property
    def sending(self) -> bool:
        """
        Whether publications are being sent, and not everybody has them.
        """
        return self._began is not None

    def sends(self, now: float) -> None:
        """
        Note that publications are being sent.
        """
        if self._began is None:
            self._began = now

    def sent(self, now: float) -> None:
        """
        Note that everything has been sent.
        """
        if self._began is not None:
            self._took = now - self._began
            self._began = None
            self._ended = now

    def begins(self, now: float) -> bool:
        """
        Whether a publication that has just arrived, while nothing is being sent, waits.
        """
        took = self._took
        if took < _LEAST_SWEEP or now - self._ended > _CLOSELY * took:
            self.pays = False
            return False
        if self._left:
            self._left -= 1
            return False
        self._until = now + _MOST_WAIT * took
        return True

    def goes_on(self, now: float) -> bool:
        """
        Whether the publications that wait may wait for one more.
        """
        return now + GAP < self._until

    def over(self, count: int) -> None:
        """
        Note that *count* publications have waited, and are sent now.
        """
        self.pays = count > 1
        self._pause = 0 if self.pays else min(2 * self._pause + 1, _MOST_PAUSE)
        self._left = self._pause
