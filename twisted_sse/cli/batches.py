"""
Lines, gathered into batches that are worth a request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

__all__ = ["Batches", "LineTooLong", "Numbered"]

# A batch ends at whatever comes first: so many lines, so many bytes, so many
# seconds after its first line.  A hub takes a mebibyte, and JSON may escape.
_LINES = 500
_BYTES = 256 * 1024
_WAIT = 0.2

# Of one line, in bytes: sixteen times what a hub takes unless told otherwise.
_MAX_LINE = 16 * 1024 * 1024


class LineTooLong(Exception):
    """
    A line that nobody would take; those before it were given.
    """


class Numbered(NamedTuple):
    """
    Attributes:
        number: Of the line, from 1.

        text: Without its end.
    """

    number: int
    text: bytes


class Batches:
    """
    Gathers lines; keeps one piece of input and the beginning of a line.

    Args:
        read: Gives the next piece of input, b"" at its end.
    """

    def __init__(self, read: Callable[[], Deferred[bytes]], clock: IReactorTime) -> None:
        self._read = read
        self._clock = clock
        self._lines: deque[Numbered] = deque()
        self._size = 0
        self._begun: list[bytes] = []
        self._begun_size = 0
        self._number = 0
        self._reading = False
        self._ended = False
        self._failure: Failure | None = None
        self._waiting: Deferred[None] | None = None

    async def next(self) -> list[Numbered]:
        """
        The next batch, as soon as it is full or old enough; empty at the end.

        Raises:
            LineTooLong: After all the lines before it.

            OSError: The input cannot be read.
        """
        while not (self._lines or self._ended):
            await self._more(None)
        ripe = self._clock.seconds() + _WAIT
        while not (self._is_full() or self._ended):
            left = ripe - self._clock.seconds()
            if left <= 0:
                break
            await self._more(left)
        if not self._lines and self._failure is not None:
            self._failure.raiseException()
        return self._take()

    def _is_full(self) -> bool:
        return len(self._lines) >= _LINES or self._size >= _BYTES

    def _take(self) -> list[Numbered]:
        taken: list[Numbered] = []
        size = 0
        while self._lines and len(taken) < _LINES:
            size += len(self._lines[0].text)
            if taken and size > _BYTES:
                break
            taken.append(self._lines.popleft())
        self._size -= sum(len(line.text) for line in taken)
        return taken

    async def _more(self, patience: float | None) -> None:
        """
        Wait for a piece of input, and no longer than *patience* seconds.
        """
        if not self._reading:
            self._reading = True
            self._read().addCallbacks(self._got, self._failed)
        if not self._reading:
            return
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        timer = None
        if patience is not None:
            timer = self._clock.callLater(patience, self._wake)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer is not None and timer.active():
                timer.cancel()

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.callback(None)

    def _got(self, piece: bytes) -> None:
        self._reading = False
        self._ended = not piece
        first, *others = piece.split(b"\n")
        self._begun.append(first)
        self._begun_size += len(first)
        for other in others:
            self._finish_line()
            self._begun, self._begun_size = [other], len(other)
        if self._ended and self._begun_size:
            self._finish_line()
        elif self._begun_size > _MAX_LINE:
            self._failed(Failure(LineTooLong(f"Line {self._number + 1} has more than 16 MiB.")))
            return
        self._wake()

    def _finish_line(self) -> None:
        # Files from Windows end their lines with CR LF.
        text = b"".join(self._begun).removesuffix(b"\r")
        self._number += 1
        self._lines.append(Numbered(self._number, text))
        self._size += len(text)

    def _failed(self, failure: Failure) -> None:
        self._reading = False
        self._ended = True
        self._failure = failure
        self._wake()
