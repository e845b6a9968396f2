"""
Reads standard input without blocking the reactor.

Uses a thread: the reactor cannot wait for a regular file (epoll refuses it), and
a shell may redirect standard input from anything.
"""

from __future__ import annotations

import os
import stat
from queue import SimpleQueue
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["InputReader", "size_left"]

# The size of one read, in bytes: the capacity of a pipe.
_READ_SIZE = 65536


class InputReader:
    """
    Reads a file descriptor, one piece per call of `read`.

    Nothing is read ahead, so a fast writer is held back by the pipe.
    """

    def __init__(self, descriptor: int, reactor: Any) -> None:
        self._descriptor = descriptor
        self._reactor = reactor
        self._requests: SimpleQueue[Deferred[bytes]] = SimpleQueue()
        # A daemon, so that a blocked read does not keep the program from exiting.
        Thread(target=self._serve, daemon=True).start()

    def read(self) -> Deferred[bytes]:
        """
        Read the next piece; b"" at the end.

        Raises:
            OSError: The descriptor cannot be read.
        """
        reading: Deferred[bytes] = Deferred()
        self._requests.put(reading)
        return reading

    def _serve(self) -> None:
        while True:
            reading = self._requests.get()
            try:
                piece = os.read(self._descriptor, _READ_SIZE)
            except OSError:
                self._reactor.callFromThread(reading.errback, Failure())
                return
            self._reactor.callFromThread(reading.callback, piece)


def size_left(descriptor: int) -> int | None:
    """
    Return the unread size of a regular file, in bytes; ``None`` for anything else.
    """
    try:
        about = os.fstat(descriptor)
        if stat.S_ISREG(about.st_mode):
            return about.st_size - os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:
        return None
    return None
