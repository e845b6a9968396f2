"""
The log of a worker, which the parent writes into its own.

A worker writes each event as a line of JSON to its standard error.  Other lines are what
the interpreter or a library has written, and become events too.
"""

from __future__ import annotations

import json
import os
from typing import Any

from twisted.logger import LogEvent, Logger, LogLevel, eventAsText

__all__ = ["LineLog", "write_event"]

# Precedes the JSON: RFC 7464 separates texts of JSON with it, and nothing else writes it.
_MARK = b"\x1e"

# The longest line.  A longer one is cut, so that output without line ends is bounded.
_LONGEST = 64 * 1024


def write_event(event: LogEvent, descriptor: int = 2) -> None:
    """
    Write a log event.
    """
    level = event.get("log_level")
    line = json.dumps(
        [
            getattr(level, "name", "info"),
            str(event.get("log_namespace") or ""),
            eventAsText(event, includeTimestamp=False, includeSystem=False),
        ]
    )
    data = _MARK + line.encode("ascii") + b"\n"
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        # The parent is gone, and nobody reads the log.
        return


class LineLog:
    """
    Logs what a worker has written.

    Args:
        number: The worker's.

        raw: The level of lines that are no events.
    """

    def __init__(self, number: int, raw: Any) -> None:
        self._number = number
        self._raw = raw
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """
        Take output of the worker.
        """
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:_LONGEST]
        for line in lines:
            self._log(line)

    def end(self) -> None:
        """
        Log what has no line end.
        """
        if self._rest:
            self._log(self._rest)
        self._rest = b""

    def _log(self, line: bytes) -> None:
        try:
            level, namespace, text = json.loads(line.removeprefix(_MARK))
            level = LogLevel.lookupByName(level)
        except (ValueError, TypeError):
            level, namespace, text = self._raw, "twisted_sse", line.decode("utf-8", "replace")
        logger = Logger(namespace=namespace or "twisted_sse")
        logger.emit(level, "worker {worker}: {text}", worker=self._number, text=text)
