"""
Limits for the socket of a stream, and the state of the socket below a protocol.
"""

from __future__ import annotations

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.error import ConnectionAborted
from twisted.python.failure import Failure

__all__ = ["close_now", "is_closing", "limit_listening", "limit_sending", "server_under"]

# The most unsent bytes that the kernel buffers for one client.  By default it
# buffers up to 4 MiB: 4 GiB for a thousand clients that never read.  Measured,
# 64 KiB reduces that to 0.2 MB each, and costs a client that reads nothing.
_UNSENT_BYTES = 64 * 1024

# TCP_USER_TIMEOUT in send time-outs.  It is meant for peers that have vanished, and
# must not end others early: Linux measures until a whole segment fits into the
# client's window, so a window that grows by a few bytes at a time does not reset it.
_SEND_TIMEOUTS = 5

# Some platforms lack them, and UNIX sockets have neither.
_NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_USER_TIMEOUT: int | None = getattr(socket, "TCP_USER_TIMEOUT", None)


def limit_sending(handle: socket.socket, send_timeout: float | None) -> None:
    """
    Limit how much the kernel buffers for a client, and for how long.

    Args:
        send_timeout: How long a client may accept no data, in seconds.  The kernel
            closes the connection after five times as long without an answer.
    """
    if handle.family not in (socket.AF_INET, socket.AF_INET6):
        return
    if _NOTSENT_LOWAT is not None:
        handle.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _UNSENT_BYTES)
    if _USER_TIMEOUT is not None:
        # Linux: 0 is the system default.
        timeout = 0 if send_timeout is None else max(1, int(send_timeout * _SEND_TIMEOUTS * 1000))
        handle.setsockopt(socket.IPPROTO_TCP, _USER_TIMEOUT, timeout)


def limit_listening(handle: socket.socket, send_timeout: float | None) -> None:
    """
    Do what `limit_sending` does for all connections that *handle* will accept, and let
    them send at once.
    """
    limit_sending(handle, send_timeout)
    if handle.family in (socket.AF_INET, socket.AF_INET6):
        handle.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def server_under(layer: Any) -> tcp.Server | None:
    """
    Find the TCP transport below *layer*, through TLS and HTTP/2.
    """
    while layer is not None and not isinstance(layer, tcp.Server):
        layer = getattr(layer, "transport", None)
    return layer


def is_closing(layer: Any) -> bool:
    """
    Whether the network connection below *layer* is about to be closed.

    Ask whenever the transport has room again: a TLS client may have closed its end
    while the transport was full.  Then Twisted waits for the producer to end,
    discards whatever is written until then, and notifies nobody.
    """
    server = server_under(layer)
    return server is not None and bool(server.disconnecting)


def close_now(layer: Any) -> None:
    """
    Abort the connection below *layer*, and free its descriptor before this returns.

    Twisted's ``abortConnection`` frees it in the next turn of the reactor, before
    which a hundred more connections may be accepted.  Do not call this while the
    connection is being read or written.
    """
    server = server_under(layer)
    if server is None or server.disconnected or server._aborting:
        layer.abortConnection()
    else:
        server.connectionLost(Failure(ConnectionAborted()))
