"""
Numbers, times and sizes, as written on a command line.

For code that reads options: this package, and plugins for ``--history``.  Each
function takes text and returns its value, or raises `ValueError` with half a
sentence: what is wrong, and what would be right.  The caller adds the name of
the option.

Only ASCII digits are accepted; ``int()`` would accept those of every script.

The functions that begin with ``check_`` check arguments of Python functions instead:
they raise `TypeError` or `ValueError` with a whole sentence, which names the argument,
says what is wrong, and says what to write.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from twisted_sse.events.event import MAX_RETRY

__all__ = [
    "arguments",
    "check_choice",
    "check_count",
    "check_instance",
    "check_milliseconds",
    "check_seconds",
    "count",
    "interval",
    "known_arguments",
    "limit",
    "milliseconds",
    "read_tokens",
    "seconds",
    "size",
    "yes_or_no",
]

P = ParamSpec("P")
T = TypeVar("T")

# How every limit is turned off.
_NO_LIMIT = "none"

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
    Read a number of seconds greater than 0, or ``none`` or ``off``, which are ``None``.
    """
    if text in (_NO_LIMIT, "off"):
        return None
    given = seconds(text)
    if given == 0:
        raise ValueError("0 seconds is not an interval; write 'none' to disable it")
    return given


def size(text: str) -> int:
    """
    Read a number of bytes, or one with a unit: ``64MiB``.
    """
    match = re.fullmatch(r"([0-9]+) ?([KMG]iB)?", text, re.ASCII | re.IGNORECASE)
    if match is None or int(match[1]) == 0:
        raise ValueError(f"{text!r} is not a size such as 65536, 64KiB, 16MiB or 1GiB")
    return int(match[1]) * _UNITS[(match[2] or "").upper()]


def limit(read: Callable[[str], T]) -> Callable[[str], T | None]:
    """
    Return a function that reads what *read* reads, or ``none``, which is ``None``.
    """

    def read_limit(text: str) -> T | None:
        if text == _NO_LIMIT:
            return None
        try:
            return read(text)
        except ValueError as error:
            raise ValueError(f"{error}; write 'none' for no limit") from None

    return read_limit


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
    Read a file of tokens, one on each line that is not empty; a byte-order mark is
    ignored.

    Raises:
        ValueError: The file cannot be read, has no token, or has a line that is
            not a token; half a sentence that names the file and the reason.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ValueError(f"{path} cannot be read: {reason}") from None
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    if any(len(line.split()) > 1 for line in lines):
        raise ValueError(f"{path} has a line of several words; a token cannot contain spaces")
    if not all(map(str.isprintable, lines)):
        raise ValueError(f"{path} has a control character; write tokens as text")
    if not lines:
        raise ValueError(f"{path} is empty; write a token into it")
    return lines


def check_seconds(name: str, value: object, *, none: str = "", zero: bool = False) -> None:
    """
    Check an argument that is a number of seconds.

    Args:
        none: What ``None`` does, such as "to send none"; empty if ``None`` is wrong.

        zero: Whether 0 is possible.
    """
    expected = "seconds, at least 0" if zero else "seconds, greater than 0"
    number = _number(name, value, int | float, expected, none)
    if number is not None and not (isfinite(number) and (number > 0 or (zero and number == 0))):
        raise ValueError(_sentence(name, value, expected, none))


def check_count(name: str, value: object, *, none: str = "") -> None:
    """
    Check an argument that is a whole number, at least 1.

    Args:
        none: As for `check_seconds`.
    """
    expected = "a whole number, at least 1"
    number = _number(name, value, int, expected, none)
    if number is not None and number < 1:
        raise ValueError(_sentence(name, value, expected, none))


def check_milliseconds(name: str, value: object, *, none: str = "") -> None:
    """
    Check an argument that is a number of milliseconds on the wire.

    Args:
        none: As for `check_seconds`.
    """
    expected = f"whole milliseconds, 0 to {MAX_RETRY}"
    number = _number(name, value, int, expected, none)
    if number is not None and not 0 <= number <= MAX_RETRY:
        raise ValueError(_sentence(name, value, expected, none))


def check_choice(name: str, value: object, choices: Sequence[object]) -> None:
    """
    Check an argument that is one of a few values.
    """
    if value not in choices:
        *others, last = map(repr, choices)
        raise ValueError(f"{name} is {value!r}: give {', '.join(others)} or {last}")


def check_instance(name: str, value: object, kind: type, example: str) -> None:
    """
    Check an argument that is an instance of *kind*.

    Args:
        example: What to write instead.
    """
    if isinstance(value, type):
        raise TypeError(f"{name} is the class {value.__name__}: give an instance, {example}")
    if not isinstance(value, kind):
        raise TypeError(f"{name} is {value!r}: give {example}")


def known_arguments(function: Callable[P, T]) -> Callable[P, T]:
    """
    Decorate *function* so that a misspelled argument is an error that names the right
    one.
    """
    names = list(inspect.signature(function).parameters)
    owner = function.__qualname__.removesuffix(".__init__")

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        for name in kwargs.keys() - set(names):
            close = difflib.get_close_matches(name.replace("-", "_"), names, 1, 0.5)
            advice = f"did you mean {close[0]}?" if close else f"use {', '.join(names[1:])}"
            raise TypeError(f"{owner}() has no argument {name}: {advice}")
        return function(*args, **kwargs)

    return call


def _number(name: str, value: Any, kind: Any, expected: str, none: str) -> Any:
    if value is None and none:
        return None
    # bool is an int for Python, and nobody means 1 second by True.
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(_sentence(name, value, expected, none))
    return value


def _sentence(name: str, value: object, expected: str, none: str) -> str:
    alternative = f", or None {none}" if none else ""
    return f"{name} is {value!r}: give {expected}{alternative}"
