"""
Whether a history in a file can be written to and read, as far as was seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Publication
from twisted_sse.history.outage import Outage
from twisted_sse.history.sqlite.row import size_of

__all__ = ["READING", "WRITING", "Availability"]

#: What fails in an outage.
WRITING: Final = "writing"
READING: Final = "reading"

# How long a successful write shows that others would succeed, in seconds: each attempt
# waits for the disk.
_FRESH: Final = 1.0


class Availability:
    """
    Notes what succeeds and what fails, and logs outages.

    Attributes:
        missing: The size of the largest batch that was refused since something as
            large was written, in bytes.
    """

    _log = Logger()

    def __init__(self, path: str, clock: IReactorTime) -> None:
        self.missing = 0
        self._path = path
        self._clock = clock
        self._outage = Outage("History", clock)
        self._written_at: float | None = None
        self._stalled = False

    @property
    def writes(self) -> bool:
        """
        Whether the last attempt to write has not failed.
        """
        return not self._outage.has(WRITING)

    def check(self) -> bool:
        """
        Raise `HistoryUnavailable` in an outage.

        Returns:
            Whether something was written just now, so that no attempt is necessary.
        """
        self._outage.check()
        written = self._written_at
        return written is not None and abs(self._clock.seconds() - written) < _FRESH

    def kept(self, publications: Sequence[Publication]) -> None:
        """
        Note that *publications* were kept.
        """
        # While there is no room for much, a little may still be kept.
        if not self.missing or sum(map(size_of, publications)) >= self.missing:
            self.written()

    def refused(self, publications: Sequence[Publication], error: HistoryUnavailable) -> None:
        """
        Note that *publications* were not kept.
        """
        self.missing = max(self.missing, sum(map(size_of, publications)))
        self.failed(WRITING, error)

    def written(self) -> None:
        """
        Note that *missing* bytes were written.
        """
        self.missing = 0
        self._written_at = self._clock.seconds()
        self._outage.end(WRITING)

    def found(self) -> None:
        """
        Note that something was read.
        """
        self._outage.end(READING)

    def failed(self, cause: str, error: HistoryUnavailable) -> None:
        """
        Note that *cause*, `READING` or `WRITING`, has failed.
        """
        reason = str(error).removeprefix("History is not available: ").rstrip(".")
        self._outage.begin(cause, reason)

    def stalled(self, size: int) -> None:
        """
        Note how much of the write-ahead log cannot be emptied, in bytes.
        """
        if size and not self._stalled:
            self._log.warn(
                "The write-ahead log of {path!r} grows, by {size} MiB so far, because another"
                " program reads an old state of the file: end that program or its transaction",
                path=self._path,
                size=size >> 20,
            )
        elif self._stalled and not size:
            self._log.info("The write-ahead log of {path!r} is emptied again", path=self._path)
        self._stalled = size > 0

    def stop(self) -> None:
        """
        Forget everything.
        """
        self._outage.stop()
