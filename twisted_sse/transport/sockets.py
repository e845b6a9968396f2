"""
What the kernel is told about the socket of a stream, and what becomes of it.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp

__all__ = ["is_closing", "limit_sending", "server_under"]

# The most bytes that the kernel keeps for a reader and has not sent yet.  By
# default it takes up to 4 MiB, which a thousand readers that never read would
# make 4 GiB; measured, 64 KiB cuts that to 0.2 MB each and costs a reader that
# does read nothing.
_UNSENT_BYTES = 64 * 1024

# How many times as long as a reader may take nothing the kernel tries to reach
# it.  It is there for peers that vanished, and can only be late for others: a
# reader whose window opens by a few bytes at a time has taken something, but
# Linux goes on counting until a whole segment fits into it.
_TRIES = 5

# Not every platform has them, and a UNIX socket has neither.
_NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)


def limit_sending(handle: socket.socket, send_timeout: float | None) -> None:
    """
    Bound what the kernel keeps for a reader, and how long it keeps it.

    Args:
        send_timeout: How long a reader may take nothing, in seconds.  A peer
            that answers nothing for five times as long is given up.
    """
    if handle.family not in (socket.AF_INET, socket.AF_INET6):
        return
    if _NOTSENT_LOWAT is not None:
        handle.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _UNSENT_BYTES)
    if _USER_TIMEOUT is not None and send_timeout is not None:
        milliseconds = max(1, int(send_timeout * _TRIES * 1000))
        handle.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, milliseconds)


def server_under(layer: Any) -> tcp.Server | None:
    """
    The transport that *layer* comes to in the end, through TLS and HTTP/2.
    """
    while layer is not None and not isinstance(layer, tcp.Server):
        layer = getattr(layer, "transport", None)
    return layer


def is_closing(layer: Any) -> bool:
    """
    Whether the network connection under *layer* is about to be closed.

    To be asked when there is room again: a TLS client may have said goodbye while
    the server was full.  Twisted closes the connection then when its producer
    ends, throws away whatever is written until then, and says nothing of it.
    """
    server = server_under(layer)
    return server is not None and bool(server.disconnecting)
