"""
The log of a worker, which the parent writes into its own.

A worker writes each event as a line of JSON to its standard error.  Other lines are what
the interpreter or a library has written, and become events too.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

from twisted.logger import LogEvent, Logger, LogLevel, eventAsText

from twisted_sse.broker.connections.endlog import ACCESS_LOGGER

__all__ = ["LineLog", "write_event"]

# Precedes the JSON: RFC 7464 separates texts of JSON with it, and nothing else writes it.
_MARK = b"\x1e"

# A field in the format of an event; the arguments of Logger.emit, and ours.
_FIELD = re.compile(r"\{([^}:!]*)")
_TAKEN = {"level", "format", "worker"}

# The longest line.  A longer one is cut, so that output without line ends is bounded.
_LONGEST = 64 * 1024


def write_event(event: LogEvent, descriptor: int = 2) -> None:
    """
    Write a log event.
    """
    level = event.get("log_level")
    fields = _fields(event)
    if fields is None:
        format = "{text}"
        fields = {"text": eventAsText(event, includeTimestamp=False, includeSystem=False)}
    else:
        format = event["log_format"]
    namespace = str(event.get("log_namespace") or "")
    line = json.dumps([getattr(level, "name", "info"), namespace, format, fields])
    data = _MARK + line.encode("ascii") + b"\n"
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        # The parent is gone, and nobody reads the log.
        return


def _fields(event: LogEvent) -> dict[str, Any] | None:
    """
    Return what the message of *event* is made of; ``None`` if that is more than names of
    texts and numbers.
    """
    names = set(_FIELD.findall(event.get("log_format") or ""))
    fields = {name: event.get(name, ...) for name in names}
    plain = all(isinstance(one, str | int | float | None) for one in fields.values())
    if not plain or "log_failure" in event or not names.isdisjoint(_TAKEN):
        return None
    if not fields or any(name.startswith("log_") for name in names):
        return None
    return fields


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
            level, namespace, format, fields = json.loads(line.removeprefix(_MARK))
            level = LogLevel.lookupByName(level)
        except (ValueError, TypeError):
            level, namespace, format = self._raw, "twisted_sse", "{text}"
            fields = {"text": line.decode("utf-8", "replace")}
        # Programs read the lines of the access log.
        prefix = "" if namespace == ACCESS_LOGGER else "worker {worker}: "
        logger = Logger(namespace=namespace or "twisted_sse")
        logger.emit(level, prefix + format, worker=self._number, **fields)
