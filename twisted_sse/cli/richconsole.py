"""
A terminal with color, wrapping and a progress bar.

This is the only module that imports rich, and it does so when a console is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TextIO

from twisted_sse.cli.console import Line, Progress, Screen, Span
from twisted_sse.cli.printable import printable
from twisted_sse.cli.streamconsole import StreamConsole

__all__ = ["RichConsole"]

# The styles of `Span` as rich names them.
_STYLES = {
    "dim": "dim",
    "type": "bold cyan",
    "ok": "bold green",
    "warning": "bold yellow",
    "problem": "bold red",
}


class RichConsole(StreamConsole):
    """
    See `Console`.

    Raises:
        ImportError: rich is not installed.
    """

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console

        super().__init__(stream)
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
