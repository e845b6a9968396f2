"""
Writes to standard output and standard error without blocking the reactor.

A pipe that nobody drains would block the program in a write, where no signal ends it.
"""

from __future__ import annotations

import os
import select
import signal
import stat
from contextlib import suppress
from typing import Any, TextIO

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Output"]

# POSIX: a write of at most PIPE_BUF bytes to a pipe that is writable does not block.
_PIECE = select.PIPE_BUF

# How long to wait for the reader after an interruption, in milliseconds.
_LAST_WAIT = 200


@implementer(IWriteDescriptor)
class Output:
    """
    A text stream over the file descriptor of another one.

    Args:
        stream: Its own buffer is not used.
    """

    def __init__(self, stream: TextIO) -> None:
        self.encoding = stream.encoding or "utf-8"
        self._errors = stream.errors or "strict"
        self._stream = stream
        self._descriptor = stream.fileno()
        self._is_file = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
        self._buffer = bytearray()
        self._waiting: Deferred[None] | None = None
        self._reactor: Any = None

    def isatty(self) -> bool:
        """
        See `io.IOBase.isatty`.
        """
        return self._stream.isatty()

    def fileno(self) -> int:
        """
        See `io.IOBase.fileno`.
        """
        return self._descriptor

    def write(self, text: str) -> int:
        """
        See `io.TextIOBase.write`.
        """
        self._buffer += text.encode(self.encoding, self._errors)
        return len(text)

    def flush(self) -> None:
        """
        Write what can be written now.

        Raises:
            BrokenPipeError: The reader is gone.
        """
        while self._buffer and self._is_writable(0):
            self._write_piece()

    def drained(self) -> Deferred[None]:
        """
        Wait until everything is written.

        Returns:
            Fails with `BrokenPipeError` if the reader is gone.  May be cancelled.
        """
        if not self._buffer:
            return succeed(None)
        from twisted.internet import reactor

        self._reactor = reactor
        self._waiting = Deferred(lambda _: self._stop_waiting())
        self._reactor.addWriter(self)
        return self._waiting

    def finish(self, wait: bool) -> None:
        """
        Write the rest; the reactor has stopped.

        Args:
            wait: Whether to wait for a slow reader.  If not, the rest may be lost.
        """
        # A signal ends the program now.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        with suppress(BrokenPipeError):
            while self._buffer and self._is_writable(None if wait else _LAST_WAIT):
                self._write_piece()

    def doWrite(self) -> Failure | None:
        """
        See `IWriteDescriptor.doWrite`.
        """
        try:
            self._write_piece()
        except OSError:
            self._end_waiting(Failure())
        else:
            if not self._buffer:
                self._end_waiting(None)
        return None

    def connectionLost(self, reason: Failure) -> None:
        """
        See `IFileDescriptor.connectionLost`: the reader is gone.
        """
        self._end_waiting(Failure(BrokenPipeError()))

    def logPrefix(self) -> str:
        """
        See `ILoggingContext.logPrefix`.
        """
        return "output"

    def _is_writable(self, timeout: int | None) -> bool:
        if self._is_file:
            return True
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        return bool(poll.poll(timeout))

    def _write_piece(self) -> None:
        piece = self._buffer if self._is_file else self._buffer[:_PIECE]
        with suppress(BlockingIOError):
            del self._buffer[: os.write(self._descriptor, bytes(piece))]

    def _stop_waiting(self) -> None:
        self._waiting = None
        self._reactor.removeWriter(self)

    def _end_waiting(self, result: Failure | None) -> None:
        waiting = self._waiting
        self._stop_waiting()
        if waiting is not None:
            waiting.callback(result)
