"""
Formats values for failures, shortened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.topics import Selection

__all__ = ["describe", "describe_call", "first_difference"]

# How many items of a sequence are shown.
_SHOWN = 12

# A text longer than the first number is cut to the second, in characters.
_LONGEST, _CUT = 60, 50


def describe(value: Any) -> str:
    """
    Describe *value* for a failure: records by number, ID and data.
    """
    if isinstance(value, Publication):
        return _cut(value.event.data)
    if isinstance(value, Record):
        return f"{value.number} {_cut(value.id)} {describe(value.publication)}"
    if isinstance(value, Tail):
        return f"before {value.before!r}: {describe(value.kept)}"
    if isinstance(value, Sequence) and not isinstance(value, str | tuple):
        shown = [describe(one) for one in value[:_SHOWN]]
        rest = [f"… {len(value)} in all"] if len(value) > _SHOWN else []
        return f"[{', '.join([*shown, *rest])}]"
    return _cut(value)


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_CUT]}… ({len(text)} characters)"


def describe_call(method: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """
    Describe a call for a failure.
    """
    texts = ("<topics>" if isinstance(one, Selection) else describe(one) for one in arguments)
    return f"{getattr(method, '__name__', method)}({', '.join(texts)})"


def first_difference(found: Any, expected: Any) -> str:
    """
    Describe where two lists of records begin to differ; "" for other values.
    """
    if not isinstance(found, list) or not isinstance(expected, list):
        return ""
    for index, (one, other) in enumerate(zip(found, expected, strict=False)):
        if one != other and isinstance(one, Record) and isinstance(other, Record):
            seen, wanted = _fields(one), _fields(other)
            names = [name for name in seen if seen[name] != wanted[name]]
            texts = (f"{name} is {_cut(seen[name])}, not {_cut(wanted[name])}" for name in names)
            return f"\nFirst difference, at index {index}: {'; '.join(texts)}"
    return ""


def _fields(record: Record) -> dict[str, object]:
    publication = record.publication
    event = {
        field.name: getattr(publication.event, field.name) for field in fields(publication.event)
    }
    return {
        "the number": record.number,
        "the ID": record.id,
        "topics": publication.topics,
        "private": publication.private,
        **{f"event.{name}": value for name, value in event.items()},
    }
