"""
Formats values for failures, shortened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.topics import Selection

__all__ = ["describe", "describe_call"]

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
