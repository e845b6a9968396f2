"""
A generator as a resource: what it yields is the stream.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.clock import GlobalClock
from twisted_sse.events import codec
from twisted_sse.events.control import FAILED
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.transport.sinks.choice import sink_for
from twisted_sse.web.cors import CORS
from twisted_sse.web.generators.source import Items, Pump, is_iterable, iterator_of, not_a_source
from twisted_sse.web.generators.streams import GeneratorStreams
from twisted_sse.web.generators.writer import StreamWriter
from twisted_sse.web.query import last_event_id, query_of
from twisted_sse.web.resource import MethodResource, everybody
from twisted_sse.web.stream import STREAM_HEADERS

__all__ = ["EventSourceResponse", "ResponseOwner", "Source"]

#: What is streamed, or a function that returns it for each request.
Source = Items | Callable[..., Items]

# Finds the source for a request.
_Beginner = Callable[[Request, Deferred[None]], object]

# What a function may ask for, by the names of its arguments.
_OFFERED = ("request", "last_event_id", "draining")

# Twisted sets them, and a stream has no length.
_NOT_OURS = (b"content-length", b"transfer-encoding")

# RFC 9110, 15.3.5, 15.3.6 and 15.4.5: these have no content.
_BODILESS = (204, 205, 304)

_FAILED = ServerSentEvent.json({"reason": "failed"}, event=FAILED)


class ResponseOwner(Protocol):
    """
    What a response needs of the hub that it belongs to.

    Attributes:
        clock: What the response is timed with.

        responses: Where its streams are registered.
    """

    clock: IReactorTime

    @property
    def responses(self) -> GeneratorStreams:
        """
        Where its streams are registered.
        """


class EventSourceResponse(MethodResource):
    """
    Streams what a source yields: `ServerSentEvent`, ``str`` (data), ``dict``
    (data, as JSON) or ``None`` (nothing).

    The source is asked at the reader's pace, and never while the reader is
    behind.  When the reader leaves, the source is cancelled at its await and
    closed; its ``finally`` may await.  ``HEAD`` does not start it.

    With a hub the streams end with the hub's service.  Without one they end with
    `drain`; if the reactor stops without it, the network connections are lost,
    and awaits of a ``finally`` may not come back.

    Args:
        source: A generator, an async generator, an iterable, an async iterable;
            or a function that returns one for each request, and that may have
            the arguments *request*, *last_event_id* (``str`` or ``None``: sent
            by the client, so trust nothing about it) and *draining* (a
            `Deferred` that fires with ``None`` when the server stops).  What a
            function raises is answered as an error, before the stream begins.
            Iterators can be streamed once.

        keepalive: A comment is sent after so many silent seconds; ``None``
            sends none.

        retry: The reconnection time, in milliseconds.

        headers: Of the answer; they replace ours of the same name.

        status: Of the answer.  A browser's ``EventSource`` takes only 200.

        methods: What is answered with the stream, beside ``HEAD`` for ``GET``.

        farewell: The last event of a stream whose source has ended.

        error: The last event of a stream whose source has failed: ``True`` for
            a ``stream-error`` that says nothing of the reason, or what makes an
            event of the failure.  The log has the reason in any case.

        cors: Which web pages of other origins may read.  By default none.

        send_timeout: A reader that takes nothing for so many seconds is cut;
            ``None`` cuts nobody.

        hub: What the streams belong to: it tells sources that it stops, and has
            the timers that they share.  A response may be made for one request:
            the hub knows its streams, and not the response.

        clock: The hub's if there is a hub, else the reactor's, by default.

    Raises:
        TypeError: *source* is no source, or asks for what is not offered.

        ValueError: An answer with *status* has no body, *methods* names none or
            one that is answered already, one of *headers* is Twisted's, or
            *clock* is another than the hub's.
    """

    _log = Logger()

    isLeaf = True

    def __init__(
        self,
        source: Source,
        *,
        keepalive: float | None = 15.0,
        retry: int | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        status: int = 200,
        methods: Iterable[str] = ("GET",),
        farewell: ServerSentEvent | None = None,
        error: bool | Callable[[Failure], ServerSentEvent] | None = None,
        cors: CORS | None = None,
        send_timeout: float | None = 60.0,
        hub: ResponseOwner | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        if status in _BODILESS:
            raise ValueError(f"An answer with status {status} has no body")
        super().__init__(self._handlers_of(methods), everybody, cors or CORS())
        self._begin = _beginner(source)
        self._keepalive = keepalive
        self._first = b"" if retry is None else codec.encode(ServerSentEvent(retry=retry))
        self._headers = _headers(headers)
        self._status = status
        self._farewell = farewell
        self._error = error
        self._send_timeout = send_timeout
        self._clock = _clock_of(hub, clock)
        self._hub = hub
        self._running = GeneratorStreams(self._clock) if hub is None else hub.responses

    def drain(self, grace: float = 10.0) -> Deferred[None]:
        """
        Tell all sources that the server stops, and refuse new requests with 503.

        To be called once, as with ``reactor.addSystemEventTrigger("before",
        "shutdown", response.drain)``, and not with a hub, which does it.

        Args:
            grace: After so many seconds sources that have not ended are
                cancelled, and their streams end.

        Returns:
            Fires when all streams have ended; it never fails.

        Raises:
            RuntimeError: The response has a hub.
        """
        if self._hub is not None:
            raise RuntimeError("This response ends with its hub: stop the hub's service instead")
        return Deferred.fromCoroutine(self._running.drain(grace))

    def _handlers_of(self, methods: Iterable[str]) -> dict[str, Any]:
        handlers: dict[str, Any] = dict.fromkeys(methods, self._stream)
        if not handlers or not handlers.keys().isdisjoint({"HEAD", "OPTIONS"}):
            raise ValueError("Name methods other than HEAD and OPTIONS, such as GET and POST")
        return handlers | {"HEAD": self._head} if "GET" in handlers else handlers

    def _stream(self, request: Request, grant: Grant) -> None:
        self._running.check_open()
        draining: Deferred[None] = Deferred()
        iterator = iterator_of(self._begin(request, draining))
        writer = self._running.writer(sink_for(request), self._keepalive, self._send_timeout)
        pull = Pump(iterator, writer, self._clock)
        self._write_head(request)
        request.write(self._first)
        self._running.add(pull, writer, draining)
        ending = pull.start()
        ending.addCallback(lambda _: None if pull.cancelled else self._farewell)
        ending.addErrback(self._last_words)
        ending.addCallback(self._finish, pull, writer)
        writer.open(pull.cancel)

    def _head(self, request: Request, grant: Grant) -> None:
        self._running.check_open()
        self._write_head(request)
        request.finish()

    def _write_head(self, request: Request) -> None:
        request.setResponseCode(self._status)
        for name, values in self._headers:
            request.responseHeaders.setRawHeaders(name, values)

    def _last_words(self, failure: Failure) -> ServerSentEvent | None:
        self._log.failure("The source of a stream failed", failure)
        if not callable(self._error):
            return _FAILED if self._error else None
        try:
            return self._error(failure)
        except Exception:
            self._log.failure("A failure could not be made an event")
            return _FAILED

    def _finish(self, final: ServerSentEvent | None, pull: Pump, writer: StreamWriter) -> None:
        self._running.remove(pull)
        writer.finish(*([] if final is None else [codec.encode(final)]))


def _clock_of(hub: ResponseOwner | None, clock: IReactorTime | None) -> IReactorTime:
    if hub is None:
        return GlobalClock() if clock is None else clock
    if clock is not None and clock is not hub.clock:
        raise ValueError("A response has the clock of its hub: leave one of the two out")
    return hub.clock


def _beginner(source: Source) -> _Beginner:
    """
    What finds the source for a request.
    """
    if isinstance(source, Iterator | AsyncIterator):
        return _once(source)
    if isinstance(source, AsyncIterable) or is_iterable(source):
        return lambda *_: source
    if not callable(source):
        raise not_a_source(source)
    if inspect.iscoroutinefunction(source):
        raise TypeError("The source is a coroutine function: yield in it, and it is a source")
    wanted = _wanted(source)

    def call(request: Request, draining: Deferred[None]) -> object:
        offered: dict[str, object] = {"request": request, "draining": draining}
        given = {name: offered[name] for name in wanted & offered.keys()}
        if "last_event_id" in wanted:
            given["last_event_id"] = last_event_id(request, query_of(request))
        return source(**given)

    return call


def _once(iterator: object) -> _Beginner:
    unused = [iterator]

    def use(*_: object) -> object:
        if unused:
            return unused.pop()
        raise RuntimeError(
            "The source of this response is an iterator, and it has been used: give a function"
            " that makes one for each request"
        )

    return use


def _wanted(function: Callable[..., object]) -> frozenset[str]:
    signature = inspect.signature(function)
    parameters = signature.parameters.values()
    anything = any(each.kind is each.VAR_KEYWORD for each in parameters)
    by_name = {each.name for each in parameters if each.kind not in (0, 2)}
    wanted = frozenset(name for name in _OFFERED if anything or name in by_name)
    # TypeError tells what else it would need.
    signature.bind(**dict.fromkeys(wanted))
    return wanted


def _headers(
    given: Mapping[str, str] | Iterable[tuple[str, str]],
) -> list[tuple[bytes, list[bytes]]]:
    headers = Headers(dict(STREAM_HEADERS))
    theirs = Headers()
    for name, value in given.items() if isinstance(given, Mapping) else given:
        theirs.addRawHeader(name, value)
    for raw_name, values in theirs.getAllRawHeaders():
        if raw_name.lower() in _NOT_OURS:
            raise ValueError(f"{raw_name.decode()} is not yours to set")
        headers.setRawHeaders(raw_name, values)
    return [(name, list(values)) for name, values in headers.getAllRawHeaders()]
