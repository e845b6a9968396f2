"""
The JSON text of values that a program publishes or streams.

A value that JSON has no form for goes through an encoder, like the *default* of
`json.dumps`: through that of the program first, and then through the one here.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import date, time
from decimal import Decimal
from enum import Enum
from inspect import iscoroutinefunction
from typing import Any
from uuid import UUID

from twisted_sse.errors import InvalidEvent

__all__ = ["UNWRITABLE", "Encoder", "check_encoder", "json_encoder", "json_writer", "not_json"]

#: Returns a value that JSON has a form for, in place of one that it has none for; raises
#: `TypeError` for what it does not know.
Encoder = Callable[[Any], Any]

#: What a function of `json_encoder` raises for a value that cannot be written.
UNWRITABLE = (TypeError, ValueError, RecursionError)

# What to write instead of values whose meaning in JSON would be a guess.  The order of a
# set differs from process to process, so the same value would not be the same text.
_ADVICE: list[tuple[type | tuple[type, ...], str]] = [
    ((set, frozenset), "make it a list, as in sorted(value)"),
    ((bytes, bytearray, memoryview), "make it text, as in value.decode()"),
    (type, "give an instance"),
]
_GENERAL_ADVICE = "make it a dict, a list or text, or give an encoder that does"


def json_encoder(encoder: Encoder | None = None) -> Callable[[object], str]:
    """
    Make a function that writes a value as compact JSON.

    It raises one of `UNWRITABLE` for a value that JSON cannot express; errors of other
    types come from *encoder*.

    Args:
        encoder: Called for each value that `json` cannot write.  If it raises
            `TypeError`, dataclasses become objects; pydantic models what their
            ``model_dump(mode="json")`` returns; `datetime`, `date` and `time` text in
            ISO 8601; `UUID` and `Decimal` text; and members of an `Enum` their values.
    """
    default = _jsonable if encoder is None else _first_by(encoder)
    # RFC 8259 knows neither NaN nor Infinity: JSON.parse in a browser throws.
    made = json.JSONEncoder(
        ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=default
    )
    return made.encode


def json_writer(encoder: Encoder | None, given: str) -> Callable[[object], str]:
    """
    Make a function that writes as `json_encoder` does, and raises `InvalidEvent` only.

    Args:
        given: The beginning of the message; see `not_json`.
    """
    encode = json_encoder(encoder)

    def write(value: object) -> str:
        try:
            return encode(value)
        except UNWRITABLE as error:
            raise not_json(given, value, error) from error

    return write


def not_json(given: str, value: object, error: BaseException) -> InvalidEvent:
    """
    Make the error for a value that cannot be written.

    Args:
        given: Where the value comes from, such as "publish() got".
    """
    kind = type(value).__name__
    # One sentence, whatever the encoder says.
    reason = " ".join(str(error).split()).rstrip(".")
    return InvalidEvent(f"{given} a {kind}, which cannot be written as JSON: {reason}.")


def check_encoder(encoder: object) -> None:
    """
    Check an argument *encoder*.

    Raises:
        TypeError: It is not a function of the kind that is expected.
    """
    if encoder is None:
        return
    kind = encoder if isinstance(encoder, type) else type(encoder)
    if issubclass(kind, json.JSONEncoder):
        raise TypeError(f"encoder is a JSONEncoder: give its method, {kind.__name__}().default")
    if not callable(encoder):
        raise TypeError(f"encoder is {encoder!r}: give a function, such as str")
    if iscoroutinefunction(encoder):
        raise TypeError("encoder is an async function: give a plain one, which returns at once")


def _first_by(encoder: Encoder) -> Encoder:
    def default(value: Any) -> Any:
        try:
            return encoder(value)
        except TypeError as error:
            try:
                return _jsonable(value)
            except TypeError:
                # The program's own words, or a mistake in its encoder.
                raise error from None

    return default


def _jsonable(value: Any) -> Any:
    """
    Return what JSON has for a value of a type that many programs use.
    """
    kind = type(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    # A model of pydantic, which need not be installed.
    if callable(getattr(kind, "model_dump", None)):
        return value.model_dump(mode="json")
    advice = next((advice for one, advice in _ADVICE if isinstance(value, one)), _GENERAL_ADVICE)
    raise TypeError(f"JSON has no form for a {kind.__name__}, so {advice}")
