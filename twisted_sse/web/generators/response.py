"""
A resource that streams the items of a generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.connections.retry import ReconnectionTime
from twisted_sse.clock import clock_for
from twisted_sse.errors import HubClosed
from twisted_sse.events import codec
from twisted_sse.events.control import FAILED
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.jsontext import Encoder, check_encoder
from twisted_sse.transport.sinks.choice import sink_for
from twisted_sse.units import (
    check_instance,
    check_milliseconds,
    check_seconds,
    known_arguments,
)
from twisted_sse.web.content import MAX_BODY
from twisted_sse.web.cors import CORS
from twisted_sse.web.dialects.dialect import Dialect, Reading
from twisted_sse.web.generators.framing import DialectFraming, ItemFraming, PlainFraming
from twisted_sse.web.generators.head import ResponseHead
from twisted_sse.web.generators.items import ItemConverter
from twisted_sse.web.generators.notices import explain_asyncio
from twisted_sse.web.generators.pump import Pump
from twisted_sse.web.generators.responsestream import ResponseStream
from twisted_sse.web.generators.source import Source, iterator_of, source_finder
from twisted_sse.web.generators.streams import GeneratorStreams
from twisted_sse.web.generators.threads import ThreadedIterator, check_thread
from twisted_sse.web.resource import MethodResource, everybody

__all__ = ["ErrorEvent", "EventSourceResponse", "ResponseOwner"]

#: Makes the last event of a stream that fails; ``None`` breaks the response off.
ErrorEvent = Callable[[Failure], ServerSentEvent | None]

_FAILED = ServerSentEvent.json({"reason": "failed"}, event=FAILED)
_STOPPED = ServerSentEvent.json({"reason": "stopped"}, event=FAILED)


class ResponseOwner(Protocol):
    """
    What a response needs from its hub.

    Attributes:
        clock: Times the response.

        encoder: The encoder of its responses that have none of their own.

        responses: The registry of its streams.
    """

    clock: IReactorTime
    encoder: Encoder | None

    @property
    def responses(self) -> GeneratorStreams:
        """
        The registry of its streams.
        """


class EventSourceResponse(MethodResource):
    """
    Streams the items of a source: `ServerSentEvent`, ``str`` (data), ``None``
    (nothing), or anything else (data, as JSON; see `ServerSentEvent.json`).

    A stream ends in good order when its source ends.  If the source fails, or is still
    running when the server stops, the response does not look complete: over HTTP/1.1
    the connection is closed without the last chunk, over HTTP/2 the stream is reset,
    and over HTTP/1.0 the connection is reset.  With *error*, an event says so instead.

    Items are requested at the subscriber's pace, and never while the subscriber
    is behind.  When the subscriber leaves, the source is cancelled at its await
    and closed; its ``finally`` may await.  ``HEAD`` does not start the source.

    With a hub, the streams end with the hub's service.  Without a hub, `drain`
    ends them; if the reactor stops before, the network connections are lost, and
    what a ``finally`` awaits may never resume.

    Args:
        source: A generator, an async generator, an iterable, an async iterable,
            or a function that returns one of them for each request.  The
            function may declare the arguments *request*, *last_event_id*
            (``str`` or ``None``: sent by the client, so trust nothing about it),
            *draining* (a `Deferred` that fires with ``None`` when the server
            stops) and *stream* (an `ResponseStream`; its *reason* says why the stream
            ends).  If the function raises, the request is answered with an error
            and no stream begins.  An iterator can be streamed only once.

        keepalive: Seconds of silence after which a comment is sent; ``None``
            sends no comments.

        retry: The shortest reconnection time, in milliseconds; ``None`` leaves it to the
            browser.

        retry_spread: Each stream has a different reconnection time, at most this much
            longer, so that subscribers do not all come back at the same moment after a
            crash.  In milliseconds; by default as much as *retry*.

        headers: Response headers; they replace the default ones of the same
            name.

        status: The response status.  A browser's ``EventSource`` accepts only
            200.

        methods: The methods that are answered with the stream.  ``HEAD`` is
            added to ``GET``.

        farewell: The last event of a stream whose source has ended.

        error: The last event of a stream whose source has failed, or is cancelled
            because the server stops: ``True`` sends ``stream-error``, which does not
            tell the error; a function makes an event from the failure, which is
            `HubClosed` if the server stops, or returns ``None`` for no event.  What
            ends with an event ends in good order.  A failure is logged in any case.

        dialect: What the clients expect beyond the format of event streams, such as
            `twisted_sse.web.dialects.AISDK`; then *farewell* and *error* are its own.

        cors: The origins whose web pages may read the stream; by default none.

        send_timeout: Seconds after which the connection of a subscriber that
            takes nothing is aborted; ``None`` waits forever.

        thread: Whether to make the items in the threads of the reactor's pool, for
            a plain generator that blocks.  The function itself is called in the
            reactor's thread.

        encoder: Called for values that `json` cannot write, like the *default* of
            `json.dumps`; see `ServerSentEvent.json`.  By default that of *hub*.

        hub: The hub that the streams belong to.  It tells the sources when it
            stops, and shares its timers between the streams.  It holds the
            streams and not the response, so a response may be made for a single
            request.

        clock: By default that of *hub*, or the global reactor.

    Raises:
        TypeError: *source* cannot be streamed, or declares an argument that is
            not offered, or is asynchronous although *thread* is true.

        ValueError: A response with *status* has no body, *methods* is empty or
            contains ``HEAD`` or ``OPTIONS``, one of *headers* is set by Twisted,
            or *clock* differs from that of *hub*; or an option is the dialect's.
    """

    _log = Logger()

    isLeaf = True

    # The beginning of the message for an item that cannot be sent.
    _given = "The source {source} yielded"

    @known_arguments
    def __init__(
        self,
        source: Source,
        *,
        keepalive: float | None = 15.0,
        retry: int | None = None,
        retry_spread: int | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        status: int = 200,
        methods: Iterable[str] = ("GET",),
        farewell: ServerSentEvent | None = None,
        error: bool | ErrorEvent | None = None,
        dialect: Dialect | None = None,
        cors: CORS | None = None,
        send_timeout: float | None = 60.0,
        thread: bool = False,
        encoder: Encoder | None = None,
        hub: ResponseOwner | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        check_seconds("keepalive", keepalive, none="to send no comments")
        check_seconds("send_timeout", send_timeout, none="to wait forever")
        check_milliseconds("retry", retry, none="to leave it to the browser")
        check_milliseconds("retry_spread", retry_spread, none="for as much as retry")
        check_thread(thread, source)
        check_encoder(encoder)
        _check_error(error)
        _check_dialect(dialect, farewell, error, retry)
        if farewell is not None:
            check_instance("farewell", farewell, ServerSentEvent, "ServerSentEvent('bye')")
        cors = CORS() if cors is None else cors
        handlers = self._handlers_of(methods)
        # A source may read the body of other methods, and then its site has the limit.
        max_body = MAX_BODY if handlers.keys() <= {"GET", "HEAD"} else None
        super().__init__(handlers, everybody, cors, max_body=max_body)
        if encoder is None and hub is not None:
            encoder = hub.encoder
        self._items = ItemConverter(encoder, self._given)
        self._find_source = source_finder(source)
        self._keepalive = keepalive
        self._head = ResponseHead(status, headers)
        self._farewell = farewell
        self._error = error
        self._dialect = dialect
        self._plain = PlainFraming(self._items.frame_of, self._last_events)
        self._send_timeout = send_timeout
        self._thread = thread
        self._clock = _clock_of(hub, clock)
        self._hub = hub
        self._streams = GeneratorStreams(self._clock) if hub is None else hub.responses
        self._reconnection = ReconnectionTime(retry, retry_spread, self._streams.turns)

    def drain(self, grace: float = 8.0) -> Deferred[None]:
        """
        Tell all sources that the server stops, and refuse new requests with 503.

        Call this once, for example with ``reactor.addSystemEventTrigger("before",
        "shutdown", response.drain)``.  A hub drains its responses itself.

        Args:
            grace: Seconds that the sources may take to end.  Then they are
                cancelled, and their streams end.

        Returns:
            Fires when all streams have ended; it never fails.

        Raises:
            RuntimeError: The response has a hub.
        """
        if self._hub is not None:
            raise RuntimeError("The hub drains this response: stop the hub's service instead")
        return Deferred.fromCoroutine(self._streams.drain(grace))

    def _handlers_of(self, methods: Iterable[str]) -> dict[str, Any]:
        if isinstance(methods, str):
            raise TypeError(f"methods is {methods!r}: give a list, [{methods!r}]")
        handlers: dict[str, Any] = dict.fromkeys(methods, self._stream)
        if not handlers or not handlers.keys().isdisjoint({"HEAD", "OPTIONS"}):
            raise ValueError("Name methods such as GET and POST, and neither HEAD nor OPTIONS")
        return handlers | {"HEAD": self._answer_head} if "GET" in handlers else handlers

    def _stream(self, request: Request, grant: Grant) -> None:
        self._streams.check_open()
        stream = self._new_stream(request)
        reading, framing = self._read(request)
        iterator = iterator_of(self._find_source(request, stream))
        if self._thread:
            iterator = ThreadedIterator(iterator, self._clock)
        writer = self._streams.writer(sink_for(request), self._keepalive, self._send_timeout)
        pump = Pump(iterator, writer, self._clock, framing.frame_of, self._streams.held)
        self._begin(request, stream, reading)
        ending = pump.start()
        ending.addCallbacks(
            lambda _: self._finish(stream), lambda failure: self._break_off(stream, failure)
        )
        stream.begin(writer, pump.cancel, framing.last_events)

    def _new_stream(self, request: Request) -> ResponseStream:
        """
        Make the stream that answers *request*.
        """
        return ResponseStream()

    def _read(self, request: Request) -> tuple[Reading | None, ItemFraming]:
        if self._dialect is None:
            return None, self._plain
        reading = self._dialect.read(request)
        return reading, DialectFraming(self._items, reading)

    def _begin(self, request: Request, stream: ResponseStream, reading: Reading | None) -> None:
        self._head.write(request, None if reading is None else reading.headers)
        retry = self._reconnection.next()
        request.write(b"" if retry is None else codec.encode(ServerSentEvent(retry=retry)))
        self._streams.add(stream)

    def _answer_head(self, request: Request, grant: Grant) -> None:
        self._streams.check_open()
        reading, _ = self._read(request)
        self._head.write(request, None if reading is None else reading.headers)
        request.finish()

    def _last_events(
        self, outcome: Outcome, failure: Failure | None
    ) -> Iterable[ServerSentEvent] | None:
        if outcome == "cancelled":
            return ()
        if failure is None:
            return () if self._farewell is None else (self._farewell,)
        event = self._error_event(failure)
        return None if event is None else (event,)

    def _error_event(self, failure: Failure) -> ServerSentEvent | None:
        default = _STOPPED if failure.check(HubClosed) else _FAILED
        if not callable(self._error):
            return default if self._error else None
        try:
            return self._error(failure)
        except Exception:
            self._log.failure("The error function of a stream failed")
            return default

    def _finish(self, stream: ResponseStream) -> None:
        self._streams.remove(stream)
        stream.finish()

    def _break_off(self, stream: ResponseStream, failure: Failure) -> None:
        self._log.failure("The source of a stream failed", failure)
        explain_asyncio(failure.value)
        self._streams.remove(stream)
        stream.fail(failure)


def _check_error(error: object) -> None:
    if not (error is None or isinstance(error, bool) or callable(error)):
        raise TypeError(
            f"error is {error!r}: give True for an event that does not tell the error, or a"
            " function that makes an event from a Failure"
        )


def _check_dialect(dialect: Dialect | None, farewell: object, error: object, retry: object) -> None:
    if dialect is None:
        return
    if isinstance(dialect, type) or not callable(getattr(dialect, "read", None)):
        raise TypeError(f"dialect is {dialect!r}: give one of twisted_sse.web.dialects, AISDK()")
    if farewell is not None or error is not None:
        raise ValueError("The dialect ends the stream: leave out farewell and error")
    if retry is not None and not dialect.reconnects:
        raise ValueError("The clients of this dialect do not know retry: leave it out")


def _clock_of(hub: ResponseOwner | None, clock: IReactorTime | None) -> IReactorTime:
    if hub is None:
        return clock_for(clock)
    if clock is not None and clock_for(clock) is not hub.clock:
        raise ValueError("A response uses the clock of its hub: leave out one of the two")
    return hub.clock
