"""
What differs between the protocols that subscribers speak: how a request is read, and
which headers tell where its stream starts.

`Subscriptions` does everything else, alike for all of them.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from twisted.web.server import Request

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.events.preamble import StreamStart
from twisted_sse.events.publication import is_safe_id
from twisted_sse.web.form import take_form
from twisted_sse.web.query import Query, query_of

__all__ = ["EVENTS", "Opening", "SubscriberProtocol"]


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
    """

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

    def begin(self, request: Request, opening: Opening) -> None:
        """
        Set the headers of the response that tell where the stream starts.
        """


class _Events:
    def take_form(self, request: Request, max_topics: int | None) -> None:
        take_form(request, max_topics)

    def query(self, request: Request) -> Query:
        return query_of(request)

    def begin(self, request: Request, opening: Opening) -> None:
        event_id = opening.start.position.id
        if event_id and is_safe_id(event_id):
            position = event_id.encode("utf-8")
            request.responseHeaders.setRawHeaders(b"Last-Event-ID", [position])


#: The protocol of this package, at ``/events``.
EVENTS: SubscriberProtocol = _Events()
