"""
Output to the user: lines with some color, and a progress bar.

Color, wrapping and the bar need a terminal and rich; without them lines are plain.
This is the only module that imports rich.
"""

from __future__ import annotations

import os
import shutil
import struct
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TextIO

from twisted_sse.cli.output import Output

__all__ = [
    "Console",
    "Line",
    "Progress",
    "Screen",
    "Span",
    "console_for",
    "printable",
    "printable_json",
]

# Control characters that a terminal obeys: C0, DEL and C1.  With them a server could
# move the cursor, or write to the clipboard.
_CONTROLS = (*range(32), *range(127, 160))

# Characters that change the order or the lines of a text, or hide in it: bidirectional
# controls and marks, separators, and tags.
_INVISIBLE = (
    *(0x61C, 0x180E, 0xFEFF, *range(0x200E, 0x2010), *range(0x2028, 0x202F)),
    *(*range(0x2060, 0x2070), *range(0xFFF9, 0xFFFC), *range(0xE0000, 0xE0080)),
)

_ESCAPES = {
    code: f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    for code in (*_CONTROLS, *_INVISIBLE)
    if code not in (9, 10)
}

# The same as JSON writes them, in UTF-16.
_JSON_ESCAPES = {
    code: "".join(
        f"\\u{unit[0]:04x}" for unit in struct.iter_unpack(">H", chr(code).encode("utf-16-be"))
    )
    for code in (*_CONTROLS, *_INVISIBLE)
}

# The styles of `Span` as rich names them.
_STYLES = {
    "dim": "dim",
    "type": "bold cyan",
    "ok": "bold green",
    "warning": "bold yellow",
    "problem": "bold red",
}


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


def console_for(stream: TextIO, environment: Mapping[str, str] = os.environ) -> Console:
    """
    Make the best console for *stream*.
    """
    if not stream.isatty():
        return _Plain(stream, None)
    if environment.get("TERM") != "dumb":
        try:
            return _Rich(stream)
        except ImportError:
            # The extra "cli" is not installed.
            pass
    return _Plain(stream, shutil.get_terminal_size().columns)


def printable(text: str) -> str:
    """
    Escape the control characters in *text*, except for tabs and line ends.
    """
    return text.translate(_ESCAPES)


def printable_json(text: str) -> str:
    """
    Escape the control characters in *text*, which is JSON without line ends.
    """
    return text.translate(_JSON_ESCAPES)


def _write_json(stream: TextIO, text: str) -> None:
    stream.write(printable_json(text) + "\n")
    # So that the reader of a pipe gets each line at once.
    stream.flush()


async def _drain(stream: TextIO) -> None:
    if isinstance(stream, Output):
        await stream.drained()


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


class _Plain:
    def __init__(self, stream: TextIO, width: int | None) -> None:
        self._stream = stream
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

    def write_json(self, text: str) -> None:
        """
        See `Console`.
        """
        _write_json(self._stream, text)

    async def drained(self) -> None:
        """
        See `Console`.
        """
        await _drain(self._stream)

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


class _Rich:
    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        self._stream = stream
        # rich obeys NO_COLOR.
        self._console = Console(file=stream, highlight=False, markup=False, emoji=False)

    @property
    def width(self) -> int | None:
        """
        See `Console`.
        """
        return self._console.width

    def write(self, line: Line) -> None:
        """
        See `Console`.
        """
        from rich.padding import Padding

        self._console.print(Padding(_rich_text(line), (0, 0, 0, line.indent), expand=False))

    def say(self, text: str) -> None:
        """
        See `Console`.
        """
        self.write(Line((Span(text),)))

    def write_json(self, text: str) -> None:
        """
        See `Console`.
        """
        _write_json(self._stream, text)

    async def drained(self) -> None:
        """
        See `Console`.
        """
        await _drain(self._stream)

    def progress(self, total: int | None) -> Progress:
        """
        See `Console`.
        """
        return _Bar(self._console, total)

    def screen(self) -> Screen | None:
        """
        See `Console`.
        """
        return _RichScreen(self._console)


def _rich_text(line: Line) -> Any:
    from rich.highlighter import JSONHighlighter
    from rich.text import Text

    text = Text()
    for span in line.spans:
        piece = Text(printable(span.text), style=_STYLES.get(span.style, ""))
        text.append_text(JSONHighlighter()(piece) if span.style == "json" else piece)
    return text


class _RichScreen:
    def __init__(self, console: Any) -> None:
        from rich.live import Live

        self._console = console
        # Without auto_refresh, which would start a thread.
        self._live = Live(console=console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()

    @property
    def height(self) -> int:
        """
        See `Screen`.
        """
        height: int = self._console.height
        return height

    def show(self, lines: Sequence[Line]) -> None:
        """
        See `Screen`.
        """
        from rich.text import Text

        text = Text("\n", no_wrap=True, overflow="ellipsis").join(map(_rich_text, lines))
        self._live.update(text, refresh=True)

    def end(self) -> None:
        """
        See `Screen`.
        """
        self._live.stop()


class _Bar:
    def __init__(self, console: Any, total: int | None) -> None:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        percent = [] if total is None else [TaskProgressColumn()]
        columns = [BarColumn(), *percent, TextColumn("{task.description}")]
        # Without auto_refresh, which would start a thread.
        self._progress = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self._task = self._progress.add_task("", total=total)
        self._progress.start()

    def show(self, done: int, text: str) -> None:
        """
        See `Progress`.
        """
        self._progress.update(self._task, completed=done, description=text, refresh=True)

    def end(self) -> None:
        """
        See `Progress`.
        """
        self._progress.stop()
