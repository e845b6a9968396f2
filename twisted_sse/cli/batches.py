"""
Groups lines of input into batches, one for each request.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

__all__ = ["Batches", "LineTooLong", "NumberedLine"]

# A batch ends at the first of these limits; the wait is in seconds from its first
# line.  A hub takes a mebibyte by default, and JSON escapes make lines longer.
_MAX_LINES = 500
_MAX_BYTES = 256 * 1024
_MAX_WAIT = 0.2

# The longest line, in bytes: sixteen times what a hub takes by default.
_MAX_LINE_SIZE = 16 * 1024 * 1024


class LineTooLong(Exception):
    """
    A line is too long to publish; the lines before it were returned.
    """


class NumberedLine(NamedTuple):
    """
    A line of input.

    Attributes:
        number: The number of the line, from 1.

        text: The line without its line end.
    """

    number: int
    text: bytes


class Batches:
    """
    Reads lines in batches; holds one piece of input and one incomplete line.

    Args:
        read: Returns the next piece of input, b"" at the end.

        skip_long: Called with a sentence for each line that is too long, which is then
            skipped.  ``None`` ends at the first one.
    """

    def __init__(
        self,
        read: Callable[[], Deferred[bytes]],
        clock: IReactorTime,
        skip_long: Callable[[str], None] | None = None,
    ) -> None:
        self._skip_long = skip_long
        self._is_skipping = False
        self._read = read
        self._clock = clock
        self._lines: deque[NumberedLine] = deque()
        self._size = 0
        self._partial: list[bytes] = []
        self._partial_size = 0
        self._number = 0
        self._reading = False
        self._ended = False
        self._failure: Failure | None = None
        self._waiting: Deferred[None] | None = None

    async def next(self) -> list[NumberedLine]:
        """
        Return the next batch, as soon as it is full or old enough; empty at the end.

        Raises:
            LineTooLong: After all the lines before it were returned.

            OSError: The input cannot be read.
        """
        while not (self._lines or self._ended):
            await self._wait(None)
        deadline = self._clock.seconds() + _MAX_WAIT
        while not (self._is_full() or self._ended):
            left = deadline - self._clock.seconds()
            if left <= 0:
                break
            await self._wait(left)
        if not self._lines and self._failure is not None:
            self._failure.raiseException()
        return self._take()

    def _is_full(self) -> bool:
        return len(self._lines) >= _MAX_LINES or self._size >= _MAX_BYTES

    def _take(self) -> list[NumberedLine]:
        taken: list[NumberedLine] = []
        size = 0
        while self._lines and len(taken) < _MAX_LINES:
            size += len(self._lines[0].text)
            if taken and size > _MAX_BYTES:
                break
            taken.append(self._lines.popleft())
        self._size -= sum(len(line.text) for line in taken)
        return taken

    async def _wait(self, timeout: float | None) -> None:
        """
        Wait for the next piece of input, at most *timeout* seconds.
        """
        if not self._reading:
            self._reading = True
            self._read().addCallbacks(self._received, self._failed)
        if not self._reading:
            return
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        timer = None
        if timeout is not None:
            timer = self._clock.callLater(timeout, self._wake)
        try:
            await waiting
        finally:
            self._waiting = None
            if timer is not None and timer.active():
                timer.cancel()

    def _wake(self) -> None:
        if self._waiting is not None:
            self._waiting.callback(None)

    def _received(self, piece: bytes) -> None:
        self._reading = False
        self._ended = not piece
        first, *others = piece.split(b"\n")
        self._partial.append(first)
        self._partial_size += len(first)
        for other in others:
            self._finish_line()
            self._partial, self._partial_size = [other], len(other)
        if self._ended and (self._partial_size or self._is_skipping):
            self._finish_line()
        elif self._partial_size > _MAX_LINE_SIZE or self._is_skipping:
            if self._skip_long is None:
                self._failed(Failure(LineTooLong(self._too_long())))
                return
            self._partial, self._partial_size, self._is_skipping = [], 0, True
        self._wake()

    def _too_long(self) -> str:
        return f"Line {self._number + 1} is longer than 16 MiB."

    def _finish_line(self) -> None:
        if self._is_skipping and self._skip_long is not None:
            self._is_skipping = False
            self._skip_long(self._too_long())
            self._number += 1
            return
        # Lines of Windows files end with CR LF.
        text = b"".join(self._partial).removesuffix(b"\r")
        self._number += 1
        self._lines.append(NumberedLine(self._number, text))
        self._size += len(text)

    def _failed(self, failure: Failure) -> None:
        self._reading = False
        self._ended = True
        self._failure = failure
        self._wake()
