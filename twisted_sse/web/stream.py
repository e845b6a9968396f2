"""
The resource that subscribers read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from functools import partial
from sys import intern
from typing import NamedTuple

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.representation import PLAIN, Representation
from twisted_sse.broker.broker import Broker
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant, check_grant
from twisted_sse.broker.presence.presence import PresenceWish
from twisted_sse.broker.subscriber import Subscriber
from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.events.media import accepts
from twisted_sse.events.preamble import Priming, StreamStart
from twisted_sse.topics import Selection
from twisted_sse.transport.http.doorrequest import DoorRequest
from twisted_sse.transport.http.repeatedhead import RepeatedHead
from twisted_sse.transport.sink import Sink
from twisted_sse.transport.sinks.choice import sink_for
from twisted_sse.units import check_choice, check_count
from twisted_sse.web.auth import NOTHING
from twisted_sse.web.cors import CORS
from twisted_sse.web.format import format_of
from twisted_sse.web.presence import presence_wish
from twisted_sse.web.problem import Problem
from twisted_sse.web.protocol import EVENTS, Opening, StartHeaders, SubscriberProtocol
from twisted_sse.web.query import Query, header_id, last_event_id
from twisted_sse.web.reauthorization import Reauthorization
from twisted_sse.web.repeatedstream import MakeSubscriber, RepeatedStream
from twisted_sse.web.replication import Replication
from twisted_sse.web.resource import Authorize, MethodResource, everybody
from twisted_sse.web.topics import Topics, is_connection_name

__all__ = ["STREAM_HEADERS", "EventStreamResource", "StreamsResource", "Subscriptions"]

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
        topics: The topics of every subscriber; ``None`` lets each one choose by
            ``?topic=``.

        priming: How a stream tells its position before the first event.

        max_topics: The most selectors in one request; ``None`` for no limit.

        authorize: Called again when a user's grant has changed; ``None`` if
            everybody may read what is not private.

        protocol: How requests are read.
    """

    def __init__(
        self,
        broker: Broker,
        *,
        topics: Iterable[str] | None = None,
        priming: Priming = "event",
        max_topics: int | None = 100,
        authorize: Authorize | None = None,
        protocol: SubscriberProtocol = EVENTS,
    ) -> None:
        check_choice("priming", priming, ("event", "block", None))
        check_count("max_topics", max_topics, none="for no limit")
        self._broker = broker
        self._admission = broker.admission
        self._selection = None if topics is None else Selection.of(topics)
        self._priming: Priming = priming
        self._max_topics = max_topics
        self._protocol = protocol
        self._replication = Replication(broker, self._replicate)
        self._authorize = authorize
        if authorize is not None and not callable(authorize):
            raise TypeError(
                f"authorize is {authorize!r}: give a function that takes a request and returns a"
                " Grant; for topics, write resource(topics=['news']) or subscribe('news')"
            )

    def grant(self, request: Request) -> Grant | Deferred[Grant]:
        """
        See `Authorize`.  A grant that changes while it is looked up is looked up
        again.
        """
        authorize = partial(self._authorize or everybody, request)
        return self._admission.reauthorizer.ask(authorize)

    def get(self, request: Request, grant: Grant) -> Deferred[None]:
        """
        Answer ``GET``: with the stream.
        """
        asked = self._check(request, grant)
        if asked.query.replication is not None:
            return self._replication.get(request, grant, asked.selection, asked.query)
        return self._open(request, grant, asked)

    def query(self, request: Request, grant: Grant) -> Deferred[None]:
        """
        Answer ``QUERY``, and ``POST`` to ``subscribe``: with the stream of the topics
        in the body.
        """
        if grant is NOTHING:
            raise Unauthorized("Subscribing needs a token: Authorization: Bearer TOKEN.")
        self._protocol.take_form(request, self._max_topics)
        return self.get(request, grant)

    def topics_of(self, name: str) -> Topics:
        """
        Answers requests to change the topics of the connection *name*.
        """
        return Topics(self._broker, name, self._max_topics)

    def head(self, request: Request, grant: Grant) -> None:
        """
        Answer ``HEAD``: with the headers of ``GET``, and no stream.
        """
        asked = self._check(request, grant)
        self._admission.check_capacity(request.getClientAddress(), grant.user)
        _set_headers(request)
        last_id = last_event_id(request, asked.query)
        start = self._admission.start_of(asked.selection, grant, last_id)
        if start is not None:
            _set_all(request, self._protocol.headers_of(start))
        request.finish()

    def _check(self, request: Request, grant: Grant, current: Selection | None = None) -> _Asked:
        """
        Find out what *request* asks for, and refuse it if *grant* does not cover it.

        Args:
            current: The topics that its stream has now, if it is open.
        """
        # RFC 9110, 5.3: several lines of one header are one list.
        accept = b", ".join(request.requestHeaders.getRawHeaders(b"Accept", []))
        # Bytes: a plain `Site` hands on values that are no UTF-8.
        if not accepts(accept.decode("latin-1"), "text/event-stream"):
            raise Problem(406, "This is an event stream: accept text/event-stream, or */*.")
        grant.check_time(self._broker.now())
        query = self._protocol.query(request)
        if query.replication is not None:
            self._replication.check_grant(grant)
        selection = current or self._selection or query.selection(self._max_topics)
        if not grant.may_read(selection):
            if grant is ANONYMOUS:
                raise Unauthorized("Send a token: Authorization: Bearer TOKEN.")
            raise Forbidden("Your token does not allow reading any of these topics.")
        if query.replication is not None:
            self._replication.check_selection(selection, query.replication)
        if current is not None:
            return _Asked(selection, query)
        wish = presence_wish(query, selection, self._broker.presence)
        return _Asked(selection, query, format_of(query, self._admission.keepalive), wish)

    def _replicate(
        self,
        request: Request,
        grant: Grant,
        selection: Selection,
        query: Query,
        representation: Representation,
    ) -> Deferred[None]:
        """
        See `twisted_sse.web.replication.OpenStream`.
        """
        wish = presence_wish(query, selection, self._broker.presence)
        return self._open(request, grant, _Asked(selection, query, representation, wish))

    def _open(self, request: Request, grant: Grant, asked: _Asked) -> Deferred[None]:
        reauthorization = None
        if self._authorize is not None:
            reauthorization = Reauthorization(request, self._reauthorize)
        # Not one more text for each stream.
        protocol = intern(request.clientproto.decode("latin-1"))
        make = partial(self._subscriber, asked, grant, protocol, reauthorization)
        subscriber = make(sink_for(request), request.getClientAddress(), header_id(request))
        begin = partial(self._begin, request, asked.query, grant)
        connection, opened = self._admission.admit(subscriber, begin)
        if reauthorization is not None:
            reauthorization.connection = connection
        if connection.phase == "opening":
            # Before the stream is open, nothing else reports that the client has left.
            request.notifyFinish().addBoth(lambda _: connection.gone())
        elif isinstance(request, DoorRequest) and request.wants_repeat and grant is ANONYMOUS:
            make = partial(self._subscriber, asked, grant, protocol, None)
            request.repeat = self._repeat(request, asked.query, connection.audience, make)
        return opened

    def _subscriber(
        self,
        asked: _Asked,
        grant: Grant,
        protocol: str,
        reauthorize: Reauthorization | None,
        sink: Sink,
        address: IAddress,
        last_event_id: str | None,
    ) -> Subscriber:
        selection, query, representation, wish = asked
        return Subscriber(
            sink=sink,
            selection=selection,
            grant=grant,
            address=address,
            last_event_id=last_event_id or query.last_event_id,
            representation=representation,
            priming=self._priming,
            reauthorize=reauthorize,
            presence=wish,
            # Without a `stream-open` nobody would learn the connection's name.
            fixed=self._selection is not None
            or self._priming != "event"
            or representation.shows_everything,
            protocol=protocol,
        )

    def _begin(
        self,
        request: Request,
        query: Query,
        grant: Grant,
        connection: Connection,
        start: StreamStart,
    ) -> None:
        _set_headers(request)
        headers, frames = self._first_bytes(query, grant, connection, start)
        _set_all(request, headers)
        request.write(frames)

    def _first_bytes(
        self, query: Query, grant: Grant, connection: Connection, start: StreamStart
    ) -> tuple[StartHeaders, bytes]:
        """
        What tells where a stream starts: headers of the response, and the first frames.
        """
        self._protocol.begin(Opening(connection, start, query, grant))
        broker = self._broker
        frames = connection.audience.representation.preamble(
            start,
            broker.position,
            broker.reconnection.next(),
            self._priming,
            self._admission.introduction(connection),
        )
        return self._protocol.headers_of(start), frames

    def _repeat(
        self, request: DoorRequest, query: Query, audience: Audience, subscriber: MakeSubscriber
    ) -> RepeatedStream:
        """
        What answers requests that are equal to *request*, which has been answered.
        """
        preceding, _ = STREAM_HEADERS[-1]
        head = RepeatedHead(request, preceding, self._protocol.start_headers)
        first_bytes = partial(self._first_bytes, query, ANONYMOUS)
        return RepeatedStream(self._admission, audience, subscriber, first_bytes, head)

    def _reauthorize(
        self, request: Request, connection: Connection | None
    ) -> Grant | Awaitable[Grant]:
        assert self._authorize is not None
        granted = self._authorize(request)
        if isinstance(granted, Awaitable):
            return self._check_later(granted, request, connection)
        return self._checked(granted, request, connection)

    async def _check_later(
        self, granted: Awaitable[Grant], request: Request, connection: Connection | None
    ) -> Grant:
        return self._checked(await granted, request, connection)

    def _checked(self, grant: Grant, request: Request, connection: Connection | None) -> Grant:
        current = None if connection is None else connection.topics
        self._check(request, check_grant(grant), current)
        return grant


class _Asked(NamedTuple):
    """
    What a request asks for.
    """

    selection: Selection
    query: Query
    representation: Representation = PLAIN
    presence: PresenceWish = None


class StreamsResource(MethodResource):
    """
    A resource with streams, whose topics can be changed at its children.
    """

    streams: Subscriptions

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        name = path.decode("latin-1")
        if is_connection_name(name):
            return self.connection(name)
        return super().getChild(path, request)

    def connection(self, name: str) -> Resource:
        """
        The resource of the connection *name*.
        """
        topics = self.streams.topics_of(name)
        return self.sibling({"PATCH": topics.patch, "POST": topics.patch})


class EventStreamResource(StreamsResource):
    """
    An event stream to put into a tree of resources, or to return from a route.

    Args:
        authorize: Returns the grant of a request, and is called again with the
            same request after `Hub.grant_changed` for its user.  By default
            everybody may read what is not private.

        cors: Which web pages of other origins may read.  By default none.

        topics: The topics of every subscriber; ``None`` lets each one choose by
            ``?topic=``.

        priming: How a stream tells its position before the first event: by a
            ``stream-open`` event, by a quiet block with only an ID, or not.

        max_topics: The most selectors in one request; ``None`` for no limit.

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
        max_topics: int | None = 100,
    ) -> None:
        streams = Subscriptions(
            broker, topics=topics, priming=priming, max_topics=max_topics, authorize=authorize
        )
        self.streams = streams
        handlers = {"GET": streams.get, "HEAD": streams.head, "QUERY": streams.query}
        grant = everybody if authorize is None else streams.grant
        cors = CORS() if cors is None else cors
        super().__init__(handlers, grant, cors, refusals=broker.refusals)
        self.putChild(b"subscribe", self.sibling({"POST": streams.query}))


def _set_all(request: Request, headers: StartHeaders) -> None:
    for name, value in headers:
        request.responseHeaders.setRawHeaders(name, [value])


def _set_headers(request: Request) -> None:
    headers = request.responseHeaders
    for name, values in STREAM_HEADERS:
        headers.setRawHeaders(name, values)
