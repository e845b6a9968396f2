"""
Folds floods of log lines: of the lines that are made alike, the first few in a second
are logged, and then how many more there were.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from twisted.logger import ILogObserver, LogEvent, LogLevel
from zope.interface import implementer

__all__ = ["FoldingObserver"]

# The lines of one kind that are logged in a second.
_MOST = 20


@implementer(ILogObserver)
class FoldingObserver:
    """
    Passes on events, and counts those that are too many.

    Lines are alike if they have the same logger, level and format.  How many were
    left out is logged before the next line that follows after the second is over.

    Args:
        observer: Gets what is logged.

        exempt: Loggers whose lines are all logged.

        seconds: Returns the time.
    """

    def __init__(
        self,
        observer: ILogObserver,
        exempt: frozenset[str] = frozenset(),
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._observer = observer
        self._exempt = exempt
        self._seconds = seconds
        self._began = 0.0
        self._counts: dict[tuple[object, ...], int] = {}
        # The last event of each kind that was left out.
        self._last: dict[tuple[object, ...], LogEvent] = {}
        # Threads of history providers log too.
        self._lock = Lock()

    def __call__(self, event: LogEvent) -> None:
        """
        See `ILogObserver`.
        """
        if event.get("log_namespace") in self._exempt:
            self._observer(event)
            return
        for one in self._take(event):
            self._observer(one)

    def flush(self) -> None:
        """
        Log how many lines were left out.
        """
        with self._lock:
            summaries = self._summaries()
        for one in summaries:
            self._observer(one)

    def _take(self, event: LogEvent) -> list[LogEvent]:
        with self._lock:
            now = self._seconds()
            events: list[LogEvent] = []
            if now - self._began >= 1.0:
                events = self._summaries()
                self._began = now
                self._counts.clear()
            kind = (event.get("log_namespace"), event.get("log_level"), event.get("log_format"))
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            if count > _MOST:
                self._last[kind] = event
                return events
            return [*events, event]

    def _summaries(self) -> list[LogEvent]:
        summaries = [
            {
                "log_time": last.get("log_time", 0.0),
                "log_namespace": last.get("log_namespace", ""),
                "log_level": last.get("log_level") or LogLevel.info,
                "log_format": "And {count} more lines like this in the last second",
                "count": self._counts[kind] - _MOST,
            }
            for kind, last in self._last.items()
        ]
        self._last.clear()
        return summaries
