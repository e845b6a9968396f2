"""
How failures write what was seen: as much as is needed to know it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.topics import Selection

__all__ = ["brief", "written_call"]

# As many of a sequence are shown.
_SHOWN = 12

# As many characters of a text are, if it has more than the first number.
_LONGEST, _CUT = 60, 50


def brief(value: Any) -> str:
    """
    Write something for a failure: publications by number, ID and data.
    """
    if isinstance(value, Publication):
        return _cut(value.event.data)
    if isinstance(value, Record):
        return f"{value.number} {_cut(value.id)} {brief(value.publication)}"
    if isinstance(value, Tail):
        return f"before {value.before!r}: {brief(value.kept)}"
    if isinstance(value, Sequence) and not isinstance(value, str | tuple):
        shown = [brief(one) for one in value[:_SHOWN]]
        rest = [f"… {len(value)} in all"] if len(value) > _SHOWN else []
        return f"[{', '.join([*shown, *rest])}]"
    return _cut(value)


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_CUT]}… ({len(text)} characters)"


def written_call(method: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """
    Write a call for a failure.
    """
    texts = ("<topics>" if isinstance(one, Selection) else brief(one) for one in arguments)
    return f"{getattr(method, '__name__', method)}({', '.join(texts)})"
