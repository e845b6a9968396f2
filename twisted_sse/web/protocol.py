"""
What differs between the protocols that subscribers speak: how a request is read, and
which headers tell where its stream starts.

`Subscriptions` does everything else, alike for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

from twisted.web.server import Request

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.events.preamble import StreamStart
from twisted_sse.events.publication import is_safe_id
from twisted_sse.web.form import take_form
from twisted_sse.web.query import Query, query_of

__all__ = ["EVENTS", "Opening", "StartHeaders", "SubscriberProtocol"]

#: Names and values.
StartHeaders = Sequence[tuple[bytes, bytes]]


class Opening(NamedTuple):
    """
    A stream that is about to begin.

    Attributes:
        connection: It counts already, and nothing has been written to it.

        start: Where the stream starts, as the subscriber is shown it.

        query: What the subscriber asked for.

        grant: What the subscriber may read.
    """

    connection: Connection
    start: StreamStart
    query: Query
    grant: Grant


class SubscriberProtocol(Protocol):
    """
    One protocol.

    Attributes:
        start_headers: The names of the headers that `headers_of` may return.
    """

    start_headers: Sequence[bytes]

    def take_form(self, request: Request, max_topics: int | None) -> None:
        """
        Add the form in the body of *request* to its query; see `form.take_form`.
        """

    def query(self, request: Request) -> Query:
        """
        Parse the query of *request*, and its form.

        Raises:
            Problem: It cannot be obeyed.
        """

    def headers_of(self, start: StreamStart) -> StartHeaders:
        """
        Return the headers of the response that tell where the stream starts.
        """

    def begin(self, opening: Opening) -> None:
        """
        Note that a stream is about to begin.
        """


class _Events:
    start_headers: Sequence[bytes] = (b"Last-Event-ID",)

    def take_form(self, request: Request, max_topics: int | None) -> None:
        take_form(request, max_topics)

    def query(self, request: Request) -> Query:
        return query_of(request)

    def headers_of(self, start: StreamStart) -> StartHeaders:
        return _position_headers(start.position.id)

    def begin(self, opening: Opening) -> None:
        pass


# benchmarks (memory, accept): subscribers that come between two events start alike.
@lru_cache(maxsize=64)
def _position_headers(event_id: str) -> StartHeaders:
    if event_id and is_safe_id(event_id):
        return ((b"Last-Event-ID", event_id.encode("utf-8")),)
    return ()


#: The protocol of this package, at ``/events``.
EVENTS: SubscriberProtocol = _Events()
