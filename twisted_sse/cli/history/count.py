"""
Counts events that are read or written: shown as a progress bar, and as a sentence.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_sse.cli.console import Console

__all__ = ["EventCount", "events_of"]

# How often the bar is drawn, in seconds: drawing takes longer than reading a page.
_INTERVAL: Final = 0.1


class EventCount:
    """
    Progress through a store or a file.

    Args:
        total: What `add` counts up to; ``None`` if unknown.

    Attributes:
        events: The number of events so far.
    """

    def __init__(self, err: Console, clock: IReactorTime, total: int | None) -> None:
        self.events = 0
        self._clock = clock
        self._begun = clock.seconds()
        self._shown = float("-inf")
        self._done = 0
        self._bar = err.progress(total)

    def add(self, events: int, done: int | None = None) -> None:
        """
        Count *events*.

        Args:
            done: How much of the total that was; *events* by default.
        """
        self.events += events
        self._done += events if done is None else done
        now = self._clock.seconds()
        if now - self._shown >= _INTERVAL:
            self._shown = now
            self._bar.show(self._done, f"{events_of(self.events)}, {self._rate():.0f} a second")

    def end(self) -> str:
        """
        Remove the bar.

        Returns:
            How many events there were in which time, as the end of a sentence.
        """
        self._bar.end()
        seconds = self._clock.seconds() - self._begun
        return f"{events_of(self.events)} in {seconds:.1f} seconds, {self._rate():.0f} a second"

    def _rate(self) -> float:
        return self.events / max(self._clock.seconds() - self._begun, 0.001)


def events_of(count: int) -> str:
    """
    Write a number of events.
    """
    return "1 event" if count == 1 else f"{count} events"
