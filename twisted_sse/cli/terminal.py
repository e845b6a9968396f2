"""
Chooses the console for a stream: with color on a terminal if rich is installed, plain otherwise.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import TextIO

from twisted_sse.cli.console import Console, Line, Progress, Screen, Span
from twisted_sse.cli.printable import printable
from twisted_sse.cli.richconsole import RichConsole
from twisted_sse.cli.streamconsole import StreamConsole

__all__ = ["console_for"]


def console_for(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Console:
    """
    Make the best console for *stream*.
    """
    if not stream.isatty():
        return _Plain(stream, None)
    if environment.get("TERM") != "dumb":
        try:
            return RichConsole(stream)
        except ImportError:
            # The extra "cli" is not installed.
            pass
    return _Plain(stream, shutil.get_terminal_size().columns)


class _NoProgress:
    def show(self, done: int, text: str) -> None:
        """
        See `Progress`.
        """

    def end(self) -> None:
        """
        See `Progress`.
        """


class _Counter:
    """
    A line that is overwritten in place.
    """

    def __init__(self, stream: TextIO, width: int) -> None:
        self._stream = stream
        self._width = width

    def show(self, done: int, text: str) -> None:
        """
        See `Progress`.
        """
        self._stream.write("\r" + text.ljust(self._width - 1)[: self._width - 1])
        self._stream.flush()

    def end(self) -> None:
        """
        See `Progress`.
        """
        self._stream.write("\r" + " " * (self._width - 1) + "\r")
        self._stream.flush()


class _Plain(StreamConsole):
    def __init__(self, stream: TextIO, width: int | None) -> None:
        super().__init__(stream)
        self._width = width

    @property
    def width(self) -> int | None:
        """
        See `Console`.
        """
        return self._width

    def write(self, line: Line) -> None:
        """
        See `Console`.
        """
        text = line.text if self._width is None else printable(line.text)
        self._stream.write(text + "\n")
        self._stream.flush()

    def say(self, text: str) -> None:
        """
        See `Console`.
        """
        self.write(Line((Span(printable(text)),)))

    def progress(self, total: int | None) -> Progress:
        """
        See `Console`.
        """
        return _NoProgress() if self._width is None else _Counter(self._stream, self._width)

    def screen(self) -> Screen | None:
        """
        See `Console`.
        """
        return None
