"""
What the broker is told of a request for a stream.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted.internet.interfaces import IAddress

from twisted_sse.broker.audiences.representation import PLAIN, Representation
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.connections.reauthorization import Reauthorize
from twisted_sse.broker.presence.presence import PresenceWish
from twisted_sse.events.preamble import Priming
from twisted_sse.topics import Selection
from twisted_sse.transport.sink import Sink

__all__ = ["Subscriber"]


# Not frozen: that costs as much as a step of the way in (benchmarks, memory: accept).
@dataclass(slots=True, kw_only=True)
class Subscriber:
    """
    A request for a stream.

    Attributes:
        sink: Where the stream is written to.

        selection: The topics that were asked for.

        grant: What the subscriber may read.

        address: Where the subscriber connects from.

        last_event_id: Sent by the client, so trust nothing about it; ``None`` if
            the client asks for nothing older.

        representation: How events are written for it.

        priming: How the stream tells its position, if it tells it later than in its
            first bytes.

        reauthorize: Called for a new grant when the user's has changed; ``None``
            if there is nothing to call.

        presence: What the stream asks for, if the hub has presence.

        fixed: Whether its topics cannot be changed while it is open.

        protocol: What the client speaks, such as ``HTTP/2``.
    """

    sink: Sink
    selection: Selection
    grant: Grant
    address: IAddress
    last_event_id: str | None = None
    representation: Representation = PLAIN
    priming: Priming = "event"
    reauthorize: Reauthorize | None = None
    presence: PresenceWish = None
    fixed: bool = True
    protocol: str = ""
