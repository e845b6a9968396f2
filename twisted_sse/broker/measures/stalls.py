"""
Notices when the reactor is held: a timer then fires late.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.measures.histogram import Histogram

__all__ = ["StallWatch"]

# Seconds between two looks.  What holds the reactor for a time T is seen as a delay of up
# to T, if a look falls into it.
_INTERVAL = 0.25


class StallWatch:
    """
    Args:
        histogram: Takes the delays, in seconds.

        ended: Says whether to stop looking.
    """

    def __init__(
        self, histogram: Histogram, clock: IReactorTime, ended: Callable[[], bool]
    ) -> None:
        self._histogram = histogram
        self._clock = clock
        self._ended = ended
        self._running = False

    def start(self) -> None:
        """
        Look from now on.  Only the first call has an effect.
        """
        if not self._running:
            self._running = True
            self._plan()

    def _plan(self) -> None:
        due = self._clock.seconds() + _INTERVAL
        self._clock.callLater(_INTERVAL, self._look, due)

    def _look(self, due: float) -> None:
        self._histogram.observe(max(0.0, self._clock.seconds() - due))
        if self._ended():
            self._running = False
        else:
            self._plan()
