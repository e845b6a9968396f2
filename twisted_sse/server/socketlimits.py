"""
How many sockets a standalone hub lets its clients have.

Streams have limits of their own; sockets get a few more, because publishers, health
checks, pages, and streams that are refused need one as well.
"""

from __future__ import annotations

import os
import resource
from typing import NamedTuple

from twisted_sse.transport.socketlimit import SocketLimits

__all__ = ["OpenFiles", "allow_many_files", "open_files", "socket_limits"]

# The sockets beyond the limits of streams: a tenth, and at least as many.
_SPARE = 50
_SPARE_OF_ADDRESS = 10

# The descriptors that are kept for history, certificates, logs and bodies: an
# eighth, and at most as many.
_OWN_FILES = 128

# Of the others, those that streams do not get: an eighth, and at most as many.
_SHORT_REQUESTS = 64


class OpenFiles(NamedTuple):
    """
    What the limit of open files leaves to clients.

    Attributes:
        sockets: ``None`` is any number.
    """

    sockets: int | None

    @property
    def streams(self) -> int | None:
        """
        How many of the sockets may be those of streams.
        """
        if self.sockets is None:
            return None
        return self.sockets - min(_SHORT_REQUESTS, self.sockets // 8)


def open_files() -> OpenFiles:
    """
    Find out what the limit of open files leaves, while there are no clients yet.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return OpenFiles(None)
    return OpenFiles(max(1, files - _open_files() - min(_OWN_FILES, files // 8)))


def allow_many_files() -> None:
    """
    Raise the limit of open files: a socket is one, and the usual limit is 1024.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def socket_limits(
    max_connections: int | None, max_connections_per_address: int | None, files: OpenFiles
) -> SocketLimits:
    """
    Return the limits of sockets that fit the limits of streams and of open files.
    """
    total = _with_spare(max_connections, _SPARE)
    per_address = _with_spare(max_connections_per_address, _SPARE_OF_ADDRESS)
    available = files.sockets
    if available is None:
        return SocketLimits(total, per_address, None)
    return SocketLimits(min(available, total or available), per_address, files.streams)


def _with_spare(limit: int | None, spare: int) -> int | None:
    return None if limit is None else limit + max(spare, limit // 10)


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        # Not Linux.
        return 32
