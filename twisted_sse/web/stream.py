"""
The resource that subscribers read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from functools import partial

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.server import Request

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection, EndReason
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Forbidden, HubClosed, Unauthorized
from twisted_sse.events.media import accepts
from twisted_sse.events.preamble import Priming, StreamStart, annotated_first_frames, first_frames
from twisted_sse.topics import Selection
from twisted_sse.transport.sinks.choice import sink_for
from twisted_sse.transport.sinks.framing import Annotating
from twisted_sse.web.cors import CORS
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import Query, last_event_id, query_of
from twisted_sse.web.replication import HistoryQueries, check_annotated
from twisted_sse.web.resource import Authorize, MethodResource, everybody

__all__ = ["STREAM_HEADERS", "EventStreamResource", "Subscriptions"]

STREAM_HEADERS = (
    (b"Content-Type", [b"text/event-stream"]),
    # "no-cache" would allow storing; "no-transform" forbids compressing, which
    # holds events back.
    (b"Cache-Control", [b"no-store, no-transform"]),
    # nginx buffers what it passes on unless told not to.
    (b"X-Accel-Buffering", [b"no"]),
)


class Subscriptions:
    """
    Answers requests for a stream.

    Args:
        topics: What every subscriber gets; ``None`` lets each choose by
            ``?topic=``.

        priming: How a stream tells its position before the first event.

        max_topics: The most selectors in one request.

        authorize: Asked again when a user's grant has changed; ``None``: nobody
            is.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        topics: Iterable[str] | None = None,
        priming: Priming = "event",
        max_topics: int = 100,
        authorize: Authorize | None = None,
    ) -> None:
        self._broker = broker
        self._selection = None if topics is None else Selection.of(topics)
        self._priming: Priming = priming
        self._max_topics = max_topics
        self._excerpts = HistoryQueries(broker)
        self._authorize = authorize

    def ask(self, request: Request) -> Grant | Deferred[Grant]:
        """
        See `Authorize`.  An answer that a change has overtaken is not given.
        """
        return self._broker.terms.ask(partial(self._authorize or everybody, request))

    def get(self, request: Request, grant: Grant) -> Deferred[None]:
        """
        Answer ``GET``: with the stream.
        """
        wanted, query = self._asked(request, grant)
        last_id = last_event_id(request, query)
        if query.excerpt is not None:
            return self._excerpts.get(request, wanted, last_id, query)
        connection = self._broker.admit(
            sink_for(request),
            grant.interest(wanted),
            grant.user,
            request.getClientAddress(),
            annotated=query.annotated,
        )
        if grant is not ANONYMOUS:
            self._hold(connection, grant, request)
        # Before the stream is open nobody else would hear that the client left.
        request.notifyFinish().addBoth(lambda _: connection.gone())
        located = self._broker.locate(connection, last_id)
        return located.addCallbacks(
            self._begin,
            self._give_up,
            callbackArgs=(request, connection),
            errbackArgs=(connection,),
        )

    def head(self, request: Request, grant: Grant) -> None:
        """
        Answer ``HEAD``: with what ``GET`` would be answered with, and no stream.
        """
        self._asked(request, grant)
        self._broker.check_capacity(request.getClientAddress())
        _set_headers(request)
        request.finish()

    def _hold(self, connection: Connection, grant: Grant, request: Request) -> None:
        ask = None if self._authorize is None else partial(self._ask_again, request)
        self._broker.terms.hold(connection, grant, ask)

    def _ask_again(self, request: Request) -> Grant | Awaitable[Grant]:
        assert self._authorize is not None
        granted = self._authorize(request)
        if isinstance(granted, Grant):
            return self._checked(granted, request)
        return self._check_later(granted, request)

    async def _check_later(self, granted: Awaitable[Grant], request: Request) -> Grant:
        return self._checked(await granted, request)

    def _checked(self, grant: Grant, request: Request) -> Grant:
        self._asked(request, grant)
        return grant

    def _asked(self, request: Request, grant: Grant) -> tuple[Selection, Query]:
        # RFC 9110, 5.3: several lines of one header are one list.
        accept = ", ".join(request.requestHeaders.getRawHeaders("Accept", []))
        if not accepts(accept, "text/event-stream"):
            raise Problem(406, "This is an event stream: accept text/event-stream, or */*.")
        grant.check_time(self._broker.clock.seconds())
        query = query_of(request)
        wanted = self._selection or query.selection(self._max_topics)
        if not grant.may_read(wanted):
            if grant is ANONYMOUS:
                raise Unauthorized("Send a token: Authorization: Bearer TOKEN.")
            raise Forbidden("Your token does not let you read any of these topics.")
        if query.annotated:
            check_annotated(grant, wanted, query)
        return wanted, query

    def _begin(self, start: StreamStart, request: Request, connection: Connection) -> None:
        if connection.ended is EndReason.GONE:
            return
        if connection.ended is not None:
            raise HubClosed("This stream was ended before it began; come back in a moment.")
        _set_headers(request)
        position = start.position.id.encode("utf-8")
        request.responseHeaders.setRawHeaders(b"Last-Event-ID", [position])
        request.write(self._first_frames(start, connection))
        self._broker.open(connection, start)

    def _first_frames(self, start: StreamStart, connection: Connection) -> bytes:
        if isinstance(connection.audience.framing, Annotating):
            return annotated_first_frames(start, self._broker.position)
        return first_frames(start, self._broker.retry, self._priming)

    def _give_up(self, failure: Failure, connection: Connection) -> Failure:
        connection.end(EndReason.FAILED)
        return failure


class EventStreamResource(MethodResource):
    """
    An event stream to put into a tree of resources, or to return from a route.

    Args:
        authorize: Says what a request is allowed, and says it again with the
            same request when `Hub.grant_changed` tells of its user.  By default
            everybody may read what is not private.

        cors: Which web pages of other origins may read.  By default none.

        topics: What every subscriber gets; ``None`` lets each choose by
            ``?topic=``.

        priming: How a stream tells its position before the first event: by a
            ``stream-open`` event, by a quiet block with only an ID, or not.

        max_topics: The most selectors in one request.

    Raises:
        InvalidSelector: One of *topics* is not a selector.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        topics: Iterable[str] | None = None,
        priming: Priming = "event",
        max_topics: int = 100,
    ) -> None:
        streams = Subscriptions(
            broker, topics=topics, priming=priming, max_topics=max_topics, authorize=authorize
        )
        handlers = {"GET": streams.get, "HEAD": streams.head}
        asked = everybody if authorize is None else streams.ask
        super().__init__(handlers, asked, cors or CORS())


def _set_headers(request: Request) -> None:
    headers = request.responseHeaders
    for name, values in STREAM_HEADERS:
        headers.setRawHeaders(name, values)
