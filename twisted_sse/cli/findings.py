"""
What `doctor` says: a mark, a sentence, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from twisted_sse.cli.terminal import Line, Span

__all__ = ["Finding", "Mark", "ok", "problem", "warning"]

Mark = Literal["ok", "warning", "problem"]

# The width of the widest mark and what follows it, in columns.
_INDENT = 9


class Finding(NamedTuple):
    """
    Attributes:
        sentence: What was seen.

        advice: What to do; "" if all is well.
    """

    mark: Mark
    sentence: str
    advice: str = ""

    def lines(self) -> Iterator[Line]:
        """
        It as the user sees it.
        """
        yield Line((Span(self.mark.ljust(_INDENT), self.mark), Span(self.sentence)))
        if self.advice:
            yield Line((Span(self.advice, "dim"),), _INDENT)


def ok(sentence: str) -> Finding:
    """
    All is well.
    """
    return Finding("ok", sentence)


def warning(sentence: str, advice: str) -> Finding:
    """
    It works, and may fail one day or for some.
    """
    return Finding("warning", sentence, advice)


def problem(sentence: str, advice: str) -> Finding:
    """
    It does not work as it should.
    """
    return Finding("problem", sentence, advice)
