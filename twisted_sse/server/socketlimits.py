"""
How many sockets a standalone hub lets its clients have.

Streams have limits of their own; sockets get a few more, because publishers, health
checks, pages, and streams that are refused need one as well.
"""

from __future__ import annotations

import os
import resource

from twisted_sse.transport.socketlimit import SocketLimits

__all__ = ["allow_many_files", "max_streams_of_files", "socket_limits"]

# The sockets beyond the limits of streams: a tenth, and at least as many.
_SPARE = 50
_SPARE_OF_ADDRESS = 10

# The descriptors that are kept for history, certificates, logs and bodies: an
# eighth, and at most as many.
_OWN_FILES = 128

# Of the others, those that streams do not get: an eighth, and at most as many.
_SHORT_REQUESTS = 64


def allow_many_files() -> None:
    """
    Raise the limit of open files: a socket is one, and the usual limit is 1024.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def socket_limits(
    max_connections: int | None, max_connections_per_address: int | None
) -> SocketLimits:
    """
    Return the limits of sockets that fit the limits of streams and of open files.
    """
    total = _with_spare(max_connections, _SPARE)
    per_address = _with_spare(max_connections_per_address, _SPARE_OF_ADDRESS)
    available = _available()
    if available is None:
        return SocketLimits(total, per_address, None)
    streams = available - _short_requests(available)
    return SocketLimits(min(available, total or available), per_address, streams)


def max_streams_of_files() -> int | None:
    """
    Return how many streams the open files allow, each on a socket of its own; ``None``
    for any number.
    """
    available = _available()
    return None if available is None else available - _short_requests(available)


def _available() -> int | None:
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return None
    return max(1, files - _open_files() - min(_OWN_FILES, files // 8))


def _short_requests(available: int) -> int:
    return min(_SHORT_REQUESTS, available // 8)


def _with_spare(limit: int | None, spare: int) -> int | None:
    return None if limit is None else limit + max(spare, limit // 10)


def _open_files() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        # Not Linux.
        return 32
