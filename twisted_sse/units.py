"""
Numbers, times and sizes, as people write them on a command line.

For whoever reads options: this package, and authors of plugins for
``--history``.  Each function takes text and returns what it means, or raises
`ValueError` with half a sentence: what is wrong, and what would be right.
Whoever calls says which option it was.

Only ASCII digits are digits here; Python takes those of every script.
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
    A whole number, at least 1.
    """
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"{text!r} is not a whole number greater than 0")
    return int(text)


def milliseconds(text: str) -> int:
    """
    A whole number, at least 0.
    """
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a whole number of milliseconds")
    if int(text) > MAX_RETRY:
        raise ValueError(f"{text!r} is more than browsers can wait; the most is {MAX_RETRY}")
    return int(text)


def seconds(text: str) -> float:
    """
    A number, at least 0.
    """
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text, re.ASCII):
        raise ValueError(f"{text!r} is not a number of seconds")
    return float(text)


def interval(text: str) -> float | None:
    """
    A number of seconds greater than 0, or ``off``, which is ``None``.
    """
    if text == "off":
        return None
    given = seconds(text)
    if given == 0:
        raise ValueError("0 seconds is no interval; write 'off' to do without")
    return given


def size(text: str) -> int:
    """
    Bytes, or with a unit: ``64MiB``.
    """
    match = re.fullmatch(r"([0-9]+) ?([KMG]iB)?", text, re.ASCII | re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a size such as 65536, 64KiB, 16MiB or 1GiB")
    return int(match[1]) * _UNITS[(match[2] or "").upper()]


def yes_or_no(text: str) -> bool:
    """
    ``yes`` or ``no``.
    """
    if text not in ("yes", "no"):
        raise ValueError(f"{text!r} is neither yes nor no")
    return text == "yes"


def arguments(text: str, readers: Mapping[str, Callable[[str], T]]) -> dict[str, T]:
    """
    What ``name=value,name=value`` says.

    Args:
        text: May be empty.  A value has no comma.

        readers: Reads each value, by the names that there are.

    Returns:
        The values that are given, in the order in which they are.

    Raises:
        ValueError: A name is unknown or given twice, or a value is missing or
            cannot be read.
    """
    given: dict[str, T] = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        if name not in readers:
            raise ValueError(f"there is no {name!r}, only {', '.join(readers)}")
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
    The lines of a file that are not empty: one token each.  A byte-order mark at its
    beginning is not part of the first.

    Raises:
        ValueError: There is none, or one that is no token; half a sentence
            that says which file it is and what is wrong.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ValueError(f"{path} cannot be read: {reason}") from None
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if any(len(line.split()) > 1 for line in lines):
        raise ValueError(f"{path} has a line of several words; a token has no spaces")
    if not lines:
        raise ValueError(f"{path} is empty; write a token into it")
    return lines
