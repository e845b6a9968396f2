"""
Where the bytes of a connection go.

A sink writes at once what can be written at once, and says how much that was.
It keeps no queue: what is left over goes to the transport by `spill`, and from
then on nothing more may be written until the sink unblocks its stream.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted_sse.transport.sinks.framing import Framing

__all__ = ["Sink", "Stream", "limited_by_site"]


class Stream(Protocol):
    """
    What a sink tells of, from `Sink.open` to `Sink.finish`.
    """

    def block(self) -> None:
        """
        Nothing more may be written.
        """

    def unblock(self) -> None:
        """
        There is room again.
        """

    def gone(self) -> None:
        """
        The subscriber left, or the network did.
        """


class Sink(Protocol):
    """
    What a connection writes to.

    Attributes:
        framing: What to do to the bytes before they are sent.

        send: Takes framed bytes, returns how many of them were written.  The
            rest is the caller's, to be handed to `spill`.  May raise `OSError`,
            which means that nothing was written.
    """

    framing: Framing

    @property
    def send(self) -> Callable[[bytes], int]:
        """
        See above.
        """

    @property
    def unsent(self) -> int:
        """
        How many bytes of what was spilled the reader has not taken, as far as
        that is known; 0 if it is not.
        """

    def limit(self, send_timeout: float | None) -> None:
        """
        Bound what the kernel keeps for the reader; see `limit_sending`.
        """

    def open(self, stream: Stream) -> None:
        """
        Begin, after the response's first bytes were written to the request.

        Nothing is to be sent before the first call of ``stream.unblock``.
        """

    def spill(self, rest: bytes) -> None:
        """
        Let the transport write *rest*; ``stream.unblock`` is called when it has.
        """

    def finish(self) -> None:
        """
        End the response in good order, after what is still on its way.
        """

    def abort(self) -> None:
        """
        Cut the network connection at once.
        """


def limited_by_site(channel: Any) -> bool:
    """
    Whether the sockets of this channel's site were limited when it listened.
    """
    return getattr(channel.site, "sockets_limited", False)
