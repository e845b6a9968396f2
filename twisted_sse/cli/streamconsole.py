"""
What consoles do alike, with a terminal and without.
"""

from __future__ import annotations

from typing import TextIO

from twisted_sse.cli.output import Output
from twisted_sse.cli.printable import printable_json

__all__ = ["StreamConsole"]


class StreamConsole:
    """
    A `twisted_sse.cli.console.Console` that writes to *stream*.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write_json(self, text: str) -> None:
        """
        See `Console`.
        """
        self._stream.write(printable_json(text) + "\n")
        # So that the reader of a pipe gets each line at once.
        self._stream.flush()

    async def drained(self) -> None:
        """
        See `Console`.
        """
        if isinstance(self._stream, Output):
            await self._stream.drained()
