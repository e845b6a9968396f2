"""
Numbers, times and sizes, as written on a command line.

For code that reads options: this package, and plugins for ``--history``.  Each
function takes text and returns its value, or raises `ValueError` with half a
sentence: what is wrong, and what would be right.  The caller adds the name of
the option.

Only ASCII digits are accepted; ``int()`` would accept those of every script.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from twisted_sse.events.event import MAX_RETRY

__all__ = [
    "arguments",
    "count",
    "interval",
    "milliseconds",
    "read_tokens",
    "seconds",
    "size",
    "yes_or_no",
]

T = TypeVar("T")

_UNITS = {"": 1, "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3}


def count(text: str) -> int:
    """
    Read a whole number, at least 1.
    """
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"{text!r} is not a whole number greater than 0")
    return int(text)


def milliseconds(text: str) -> int:
    """
    Read a whole number, at least 0.
    """
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a whole number of milliseconds")
    if int(text) > MAX_RETRY:
        raise ValueError(f"{text!r} is longer than browsers can wait; the limit is {MAX_RETRY}")
    return int(text)


def seconds(text: str) -> float:
    """
    Read a number, at least 0.
    """
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII):
        raise ValueError(f"{text!r} is not a number of seconds")
    return float(text)


def interval(text: str) -> float | None:
    """
    Read a number of seconds greater than 0, or ``off``, which is ``None``.
    """
    if text == "off":
        return None
    given = seconds(text)
    if given == 0:
        raise ValueError("0 seconds is not an interval; write 'off' to disable it")
    return given


def size(text: str) -> int:
    """
    Read a number of bytes, or one with a unit: ``64MiB``.
    """
    match = re.fullmatch(r"([0-9]+) ?([KMG]iB)?", text, re.ASCII | re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a size such as 65536, 64KiB, 16MiB or 1GiB")
    return int(match[1]) * _UNITS[(match[2] or "").upper()]


def yes_or_no(text: str) -> bool:
    """
    Read ``yes`` or ``no``.
    """
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return text == "yes"


def arguments(text: str, readers: Mapping[str, Callable[[str], T]]) -> dict[str, T]:
    """
    Read ``name=value,name=value``.

    Args:
        text: May be empty.  A value cannot contain a comma.

        readers: Maps each permitted name to the function that reads its value.

    Returns:
        The values by name, in the order of *text*.

    Raises:
        ValueError: A name is unknown or given twice, or a value is missing or
            cannot be read.
    """
    given: dict[str, T] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in readers:
            raise ValueError(f"{name!r} is unknown: use {', '.join(readers)}")
        if name in given:
            raise ValueError(f"{name!r} is given twice")
        if not value:
            raise ValueError(f"{name!r} has no value")
        try:
            given[name] = readers[name](value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    return given


def read_tokens(path: str) -> list[str]:
    """
    Read a file of tokens, one on each line that is not empty.

    Raises:
        ValueError: The file cannot be read, has no token, or has a line that is
            not a token; half a sentence that names the file and the reason.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ValueError(f"{path} cannot be read: {reason}") from None
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if any(len(line.split()) > 1 for line in lines):
        raise ValueError(f"{path} has a line of several words; a token cannot contain spaces")
    if not lines:
        raise ValueError(f"{path} is empty; write a token into it")
    return lines
