"""
Formats of log lines: text, as twistd writes it, and JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TextIO

from twisted.logger import FileLogObserver, ILogObserver, LogEvent, formatEvent, textFileLogObserver

__all__ = ["FORMATS", "json_line"]

# The names in braces in the format of an event, which are its fields.
_FIELDS = re.compile(r"\{(\w+)")

# The members of every line, which no field replaces.
_MEMBERS = ("time", "level", "logger", "message", "traceback")


def json_line(event: LogEvent) -> str:
    """
    Write *event* as one JSON object with a line break at its end.

    The members are ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message``, the
    fields that the message was made of, and ``traceback`` if there is one.
    """
    date = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    line: dict[str, Any] = {
        "time": date.isoformat("T", "milliseconds"),
        "level": getattr(event.get("log_level"), "name", "info"),
        "logger": event.get("log_namespace", ""),
        "message": formatEvent(event),
    }
    for name in _FIELDS.findall(event.get("log_format") or ""):
        if name in event and name not in _MEMBERS and not name.startswith("log_"):
            line[name] = _plain(event[name])
    failure = event.get("log_failure")
    if failure is not None:
        line["traceback"] = failure.getTraceback()
    return json.dumps(line, ensure_ascii=False) + "\n"


def _plain(value: object) -> object:
    if isinstance(value, float):
        return round(value, 3)
    return value if isinstance(value, str | int | None) else str(value)


def _json_observer(file: TextIO) -> ILogObserver:
    observer: ILogObserver = FileLogObserver(file, json_line)
    return observer


#: Makes the observer that writes to a file, by the name of the format.
FORMATS: dict[str, Callable[[TextIO], ILogObserver]] = {
    "text": textFileLogObserver,
    "json": _json_observer,
}
