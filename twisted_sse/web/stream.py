"""
The resource that subscribers read.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.server import Request

from twisted_sse.connection import Connection, Reason
from twisted_sse.errors import Forbidden, HubClosed, Unauthorized
from twisted_sse.exchange import Exchange
from twisted_sse.grant import ANONYMOUS, Grant
from twisted_sse.opening import Priming, Start, first_frames
from twisted_sse.sinks import sink_for
from twisted_sse.topics import Selection
from twisted_sse.web.cors import CORS
from twisted_sse.web.endpoint import Authorize, Endpoint, everybody
from twisted_sse.web.negotiate import accepts
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import last_event_id, query_of

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
    """

    def __init__(
        self,
        exchange: Exchange,
        *,
        topics: Iterable[str] | None = None,
        priming: Priming = "event",
        max_topics: int = 100,
    ) -> None:
        self._exchange = exchange
        self._selection = None if topics is None else Selection.of(topics)
        self._priming: Priming = priming
        self._max_topics = max_topics

    def get(self, request: Request, grant: Grant) -> Deferred[None]:
        """
        Answer ``GET``: with the stream.
        """
        wanted, last_id = self._asked(request, grant)
        connection = self._exchange.admit(
            sink_for(request), grant.interest(wanted), grant.user, request.getClientAddress()
        )
        # Before the stream is open nobody else would hear that the client left.
        request.notifyFinish().addBoth(lambda _: connection.gone())
        located = self._exchange.locate(connection, last_id)
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
        self._exchange.check_room(request.getClientAddress())
        _set_headers(request)
        request.finish()

    def _asked(self, request: Request, grant: Grant) -> tuple[Selection, str | None]:
        # RFC 9110, 5.3: several lines of one header are one list.
        accept = ", ".join(request.requestHeaders.getRawHeaders("Accept", []))
        if not accepts(accept, "text/event-stream"):
            raise Problem(406, "This is an event stream: accept text/event-stream, or */*.")
        query = query_of(request)
        wanted = self._selection or query.selection(self._max_topics)
        if not grant.may_read(wanted):
            if grant is ANONYMOUS:
                raise Unauthorized("Send a token: Authorization: Bearer TOKEN.")
            raise Forbidden("Your token does not let you read any of these topics.")
        return wanted, last_event_id(request, query)

    def _begin(self, start: Start, request: Request, connection: Connection) -> None:
        if connection.ended is Reason.GONE:
            return
        if connection.ended is not None:
            raise HubClosed("This stream was ended before it began; come back in a moment.")
        _set_headers(request)
        position = start.position.id.encode("utf-8")
        request.responseHeaders.setRawHeaders(b"Last-Event-ID", [position])
        request.write(first_frames(start, self._exchange.retry, self._priming))
        self._exchange.open(connection, start)

    def _give_up(self, failure: Failure, connection: Connection) -> Failure:
        connection.end(Reason.FAILED)
        return failure


class EventStreamResource(Endpoint):
    """
    An event stream to put into a tree of resources, or to return from a route.

    Args:
        authorize: Says what a request is allowed.  By default everybody may
            read what is not private.

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
        exchange: Exchange,
        *,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        topics: Iterable[str] | None = None,
        priming: Priming = "event",
        max_topics: int = 100,
    ) -> None:
        streams = Subscriptions(exchange, topics=topics, priming=priming, max_topics=max_topics)
        handlers = {"GET": streams.get, "HEAD": streams.head}
        super().__init__(handlers, authorize or everybody, cors or CORS())


def _set_headers(request: Request) -> None:
    headers = request.responseHeaders
    for name, values in STREAM_HEADERS:
        headers.setRawHeaders(name, values)
