"""
What commands write to the user, and the interface that they write it to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

__all__ = ["Console", "Line", "Progress", "Screen", "Span"]


class Span(NamedTuple):
    """
    A piece of a line.

    Attributes:
        style: ``dim``, ``type``, ``json``, ``ok``, ``warning``, ``problem``, or
            "" for none.
    """

    text: str
    style: str = ""


class Line(NamedTuple):
    """
    A line of output.

    Attributes:
        indent: Columns before the line, and before each line that it is wrapped to.
    """

    spans: tuple[Span, ...]
    indent: int = 0

    @property
    def text(self) -> str:
        """
        The line without colors.
        """
        return " " * self.indent + "".join(span.text for span in self.spans)


class Progress(Protocol):
    """
    A progress bar; shows nothing without a terminal.
    """

    def show(self, done: int, text: str) -> None:
        """
        Show that *done* of the total is done.
        """

    def end(self) -> None:
        """
        Remove the bar.
        """


class Screen(Protocol):
    """
    The lines of a terminal, written again and again.
    """

    @property
    def height(self) -> int:
        """
        How many lines there are now.
        """

    def show(self, lines: Sequence[Line]) -> None:
        """
        Show *lines*, each cut at the right edge, instead of those before.
        """

    def end(self) -> None:
        """
        Leave the last lines where they are.
        """


class Console(Protocol):
    """
    Writes lines to a stream.
    """

    @property
    def width(self) -> int | None:
        """
        The current width of the terminal, in columns; ``None`` if there is none.
        """

    def write(self, line: Line) -> None:
        """
        Write a line, and flush it.

        Raises:
            BrokenPipeError: The reader is gone.
        """

    def say(self, text: str) -> None:
        """
        Write a sentence, with control characters escaped.
        """

    def write_json(self, text: str) -> None:
        """
        Write a line of JSON, with control characters escaped, and flush it.
        """

    async def drained(self) -> None:
        """
        Wait until everything is written.

        Raises:
            BrokenPipeError: The reader is gone.
        """

    def progress(self, total: int | None) -> Progress:
        """
        Show a progress bar up to *total*; ``None`` if unknown.
        """

    def screen(self) -> Screen | None:
        """
        Begin to write the same lines again and again; ``None`` without a terminal and rich.
        """
