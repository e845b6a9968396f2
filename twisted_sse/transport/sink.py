"""
The interface of a sink, and what a sink requires of its stream.

A sink writes what can be written at once, and returns how much that was.  It has no
queue: the caller hands the rest to the transport by `spill`, and must not write
again until the sink unblocks the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted_sse.transport.framing import Framing

__all__ = ["Sink", "Stream", "limited_by_site"]


class Stream(Protocol):
    """
    What a sink notifies, from `Sink.open` to `Sink.finish`.
    """

    def block(self) -> None:
        """
        Stop writing.
        """

    def unblock(self) -> None:
        """
        Write again: there is room.
        """

    def gone(self) -> None:
        """
        The client has closed the connection, or the connection is lost.
        """


class Sink(Protocol):
    """
    What a connection writes to.

    Attributes:
        framing: Frames the bytes that `send` is given.

        send: Takes framed bytes, and returns how many of them were written; the
            caller hands the rest to `spill`.  `OSError` means that nothing was
            written.
    """

    framing: Framing

    @property
    def send(self) -> Callable[[bytes], int]:
        """
        See the attributes of the class.
        """

    @property
    def unsent(self) -> int:
        """
        How many spilled bytes have not been sent; 0 if that is unknown.
        """

    def limit(self, send_timeout: float | None) -> None:
        """
        Limit what the kernel buffers for the client; see `limit_sending`.
        """

    def open(self, stream: Stream) -> None:
        """
        Begin, after the response's first bytes were written to the request.

        Nothing may be sent before the first call of ``stream.unblock``.
        """

    def spill(self, rest: bytes) -> None:
        """
        Have the transport write *rest*, and call ``stream.unblock`` afterward.
        """

    def finish(self) -> None:
        """
        End the response after everything that was sent or spilled.
        """

    def truncate(self) -> None:
        """
        End the response after everything that was sent or spilled, so that its reader
        sees that it is not complete.
        """

    def abort(self) -> None:
        """
        Abort at once: the network connection, or the HTTP/2 stream.
        """


def limited_by_site(channel: Any) -> bool:
    """
    Whether the sockets of the channel's site inherit limits from the port.
    """
    return getattr(channel.site, "sockets_limited", False)
