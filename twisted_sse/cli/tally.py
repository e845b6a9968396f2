"""
Counts what is published: shown as a progress bar, and as a sentence at the end.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.interfaces import IReactorTime

from twisted_sse.cli.batches import NumberedLine
from twisted_sse.cli.console import Console
from twisted_sse.events.publication import Publication

__all__ = ["Tally", "lines_of"]


class Tally:
    """
    The progress of publishing.

    Args:
        total: The size of the input, in bytes; ``None`` if unknown.

    Attributes:
        skipped: The number of lines that were skipped.
    """

    def __init__(self, err: Console, total: int | None, clock: IReactorTime) -> None:
        self._err = err
        self._clock = clock
        self._begun = clock.seconds()
        self._bar = err.progress(total)
        self._events = self._bytes = 0
        self.skipped = 0

    def published(self, events: int) -> None:
        """
        Count events.
        """
        self._events += events

    def read(self, lines: Sequence[NumberedLine]) -> None:
        """
        Count the lines of a batch.
        """
        self._bytes += sum(len(line.text) + 1 for line in lines)
        self._bar.show(self._bytes, f"{_events(self._events)}, {self._rate():.0f} a second")

    def end(self) -> None:
        """
        Remove the bar, and print the totals.
        """
        self._bar.end()
        seconds = self._clock.seconds() - self._begun
        self._err.say(
            f"Published {_events(self._events)} in {seconds:.1f} seconds,"
            f" {self._rate():.0f} a second."
        )
        if self.skipped:
            lines = "1 line was" if self.skipped == 1 else f"{self.skipped} lines were"
            self._err.say(f"{lines} not published.")

    def _rate(self) -> float:
        return self._events / max(self._clock.seconds() - self._begun, 0.001)


def lines_of(publications: Sequence[tuple[int, Publication]]) -> str:
    """
    Name the lines of *publications*, as the subject of a sentence.
    """
    first, last = publications[0][0], publications[-1][0]
    return f"Line {first}" if first == last else f"The batch of lines {first} to {last}"


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"
