"""
The findings of `doctor`: a mark, a sentence, and an advice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from twisted_sse.cli.console import Line, Span
from twisted_sse.cli.printable import printable

__all__ = ["Finding", "Mark", "ok", "problem", "warning"]

Mark = Literal["ok", "warning", "problem"]

# The width of the widest mark and the space after it, in columns.
_INDENT = 9


class Finding(NamedTuple):
    """
    One result of a check.

    Attributes:
        sentence: The observation.

        advice: What to do; "" if the mark is ok.
    """

    mark: Mark
    sentence: str
    advice: str = ""

    def lines(self) -> Iterator[Line]:
        """
        Format the finding for the terminal.
        """
        yield Line((Span(self.mark.ljust(_INDENT), self.mark), Span(printable(self.sentence))))
        if self.advice:
            yield Line((Span(printable(self.advice), "dim"),), _INDENT)


def ok(sentence: str) -> Finding:
    """
    Make a finding that needs no action.
    """
    return Finding("ok", sentence)


def warning(sentence: str, advice: str) -> Finding:
    """
    Make a finding that works, but may fail later or for some users.
    """
    return Finding("warning", sentence, advice)


def problem(sentence: str, advice: str) -> Finding:
    """
    Make a finding that does not work.
    """
    return Finding("problem", sentence, advice)
