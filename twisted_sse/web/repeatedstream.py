"""
Streams for requests that repeat each other; see `twisted_sse.transport.http.repeats`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.interfaces import IAddress

from twisted_sse.broker.admission import Admission
from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.subscriber import Subscriber
from twisted_sse.events.preamble import StreamStart
from twisted_sse.transport.http.repeatedhead import RepeatedHead
from twisted_sse.transport.sink import Sink
from twisted_sse.web.protocol import StartHeaders

__all__ = ["FirstBytes", "MakeSubscriber", "RepeatedStream"]

#: Takes the sink, the address of the client, and the last event ID in the header.
MakeSubscriber = Callable[[Sink, IAddress, "str | None"], Subscriber]

#: What tells where a stream starts: headers of the response, and the first frames.
FirstBytes = Callable[[Connection, StreamStart], tuple[StartHeaders, bytes]]


class RepeatedStream:
    """
    Answers requests for the same stream, at the door; a
    `twisted_sse.transport.http.repeats.Repeat`.

    Args:
        audience: That of the first stream.

        head: That of the first response.
    """

    __slots__ = ("_admission", "_audience", "_first_bytes", "_head", "_subscriber")

    def __init__(
        self,
        admission: Admission,
        audience: Audience,
        subscriber: MakeSubscriber,
        first_bytes: FirstBytes,
        head: RepeatedHead,
    ) -> None:
        self._admission = admission
        self._audience = audience
        self._subscriber = subscriber
        self._first_bytes = first_bytes
        self._head = head

    def __call__(self, door: Any, last_event_id: str | None) -> bool:
        """
        See `twisted_sse.transport.http.repeats.Repeat`.
        """
        subscriber = self._subscriber(door, door.peer, last_event_id)
        begin = partial(self._begin, door)
        return self._admission.admit_at_once(subscriber, self._audience, begin)

    def _begin(self, door: Any, connection: Connection, start: StreamStart) -> None:
        headers, frames = self._first_bytes(connection, start)
        body = door.framing(frames) if frames else b""
        door.transmit(self._head.with_headers(headers) + body)
