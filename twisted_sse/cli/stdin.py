"""
Standard input, read without holding the reactor up.

In a thread of its own: the reactor cannot wait for a regular file (epoll
refuses them), nor for whatever else a shell may put there.
"""

from __future__ import annotations

import os
import stat
from queue import SimpleQueue
from threading import Thread
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["Input", "size_left"]

# Of one read, in bytes: what a pipe holds.
_SIZE = 65536


class Input:
    """
    Reads a file descriptor, one piece when it is asked for one.

    Nothing is read ahead, so what comes too fast stays in the pipe.
    """

    def __init__(self, descriptor: int, reactor: Any) -> None:
        self._descriptor = descriptor
        self._reactor = reactor
        self._wanted: SimpleQueue[Deferred[bytes]] = SimpleQueue()
        # A read that nothing comes for must not keep the program from ending.
        Thread(target=self._serve, daemon=True).start()

    def read(self) -> Deferred[bytes]:
        """
        The next piece; b"" at the end.

        Raises:
            OSError: It cannot be read.
        """
        wanted: Deferred[bytes] = Deferred()
        self._wanted.put(wanted)
        return wanted

    def _serve(self) -> None:
        while True:
            wanted = self._wanted.get()
            try:
                piece = os.read(self._descriptor, _SIZE)
            except OSError:
                self._reactor.callFromThread(wanted.errback, Failure())
                return
            self._reactor.callFromThread(wanted.callback, piece)


def size_left(descriptor: int) -> int | None:
    """
    How many bytes a regular file has left; ``None`` if it is none.
    """
    try:
        about = os.fstat(descriptor)
        if stat.S_ISREG(about.st_mode):
            return about.st_size - os.lseek(descriptor, 0, os.SEEK_CUR)
    except OSError:
        return None
    return None
