"""
Routes that stream what they yield.

Klein calls the function, so it also handles its errors.  One response streams the
results of the function for all requests of the route.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import update_wrapper
from types import MethodType
from typing import Any, Generic, ParamSpec, TypedDict, Unpack, cast, overload
from weakref import WeakKeyDictionary

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request

from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.jsontext import Encoder
from twisted_sse.hub import Hub
from twisted_sse.klein.app import upgrade_around
from twisted_sse.web.cors import CORS
from twisted_sse.web.dialects.dialect import Dialect
from twisted_sse.web.generators.response import ErrorEvent, EventSourceResponse
from twisted_sse.web.generators.responsestream import ResponseStream
from twisted_sse.web.generators.source import Items
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import last_event_id, query_of

__all__ = ["EventStreamRoute", "StreamOptions", "event_stream"]

P = ParamSpec("P")

# The result of a route's function: a source, or an awaitable of one.
_Result = Items | Awaitable[Items]

# The arguments that a function may declare beside the request.
_OFFERED = {"last_event_id", "draining", "stream"}

# The app's route may allow fewer.
_METHODS = ("GET", "POST")

# The errors that mean the same everywhere in this package; all others go to the
# app's error handlers.
_REFUSALS = (Forbidden, Problem, Unauthorized)


class StreamOptions(TypedDict, total=False):
    """
    The options of `event_stream`: those of `EventSourceResponse` without *source*.

    *methods* is ``GET`` and ``POST`` by default, as far as the app's route allows
    them.
    """

    keepalive: float | None
    retry: int | None
    retry_spread: int | None
    headers: Mapping[str, str] | Iterable[tuple[str, str]]
    status: int
    methods: Iterable[str]
    farewell: ServerSentEvent | None
    error: bool | ErrorEvent | None
    dialect: Dialect | None
    cors: CORS | None
    send_timeout: float | None
    thread: bool
    encoder: Encoder | None
    hub: Hub | None
    clock: IReactorTime | None


class EventStreamRoute(Generic[P]):
    """
    The function of a route whose items are streamed; made by `event_stream`.

    Call it with the arguments of the function to get a resource for that request.
    """

    def __init__(self, function: Callable[P, _Result], **options: Unpack[StreamOptions]) -> None:
        update_wrapper(self, function)
        methods = options["methods"] = tuple(options.get("methods", _METHODS))
        self._function: Callable[..., _Result] = function
        self._wanted = _OFFERED & inspect.signature(function).parameters.keys()
        self._methods = {method.encode("ascii") for method in methods}
        self._response = _RouteResponse(self._take_source, **options)
        # From the result of the function until its request is rendered.  Weak, because the
        # subscriber may leave in between.
        self._sources: WeakKeyDictionary[Request, Items | Exception] = WeakKeyDictionary()

    def __get__(self, instance: object, owner: object = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Deferred[IResource]:
        return Deferred.fromCoroutine(self._answer(args, kwargs))

    def drain(self, grace: float = 8.0) -> Deferred[None]:
        """
        See `EventSourceResponse.drain`.  With a *hub*, the hub does this.
        """
        return self._response.drain(grace)

    async def _answer(self, args: tuple[Any, ...], parameters: dict[str, Any]) -> IResource:
        request = _request_in(args)
        # HEAD and OPTIONS do not start the source.
        if request.method in self._methods:
            stream = self._response.streams[request] = ResponseStream()
            try:
                offered = self._offered(request, stream)
                source = self._function(*args, **{**offered, **parameters})
                source = await source if isinstance(source, Awaitable) else source
            except _REFUSALS as refusal:
                self._sources[request] = refusal
            else:
                self._sources[request] = source
        return self._response

    def _offered(self, request: Request, stream: ResponseStream) -> dict[str, object]:
        possible = {"stream": stream, "draining": stream.draining}
        offered = {name: value for name, value in possible.items() if name in self._wanted}
        if "last_event_id" in self._wanted:
            offered["last_event_id"] = last_event_id(request, query_of(request))
        return offered

    def _take_source(self, request: Request) -> Items:
        source = self._sources.pop(request)
        if isinstance(source, Exception):
            raise source
        return source


class _RouteResponse(EventSourceResponse):
    """
    Streams to the streams that the function of the route was offered.
    """

    def __init__(self, source: Callable[..., Items], **options: Unpack[StreamOptions]) -> None:
        super().__init__(source, **options)
        self.streams: WeakKeyDictionary[Request, ResponseStream] = WeakKeyDictionary()

    def _new_stream(self, request: Request) -> ResponseStream:
        return self.streams.pop(request)


def _request_in(args: tuple[Any, ...]) -> Request:
    # The app of an object passes that object first.
    if not args or not IRequest.providedBy(args[-1]):
        raise TypeError(
            "@event_stream needs the request, which klein.Requirer does not pass on: return an"
            " EventSourceResponse instead"
        )
    return cast(Request, args[-1])


@overload
def event_stream(function: Callable[P, _Result], /) -> EventStreamRoute[P]: ...


@overload
def event_stream(
    **options: Unpack[StreamOptions],
) -> Callable[[Callable[P, _Result]], EventStreamRoute[P]]: ...


def event_stream(
    function: Callable[..., _Result] | None = None, /, **options: Unpack[StreamOptions]
) -> EventStreamRoute[...] | Callable[..., EventStreamRoute[...]]:
    """
    Stream the items that a route yields, or those of the iterable it returns.

    Use it between ``@app.route`` and ``def``, with or without options.  The
    function gets the arguments that Klein passes, and may also declare
    *last_event_id*, *draining* and *stream*; see `EventSourceResponse`.

    If the function raises `Unauthorized`, `Forbidden` or `NoContent`, the request
    is answered as by a hub; other errors go to the app's error handlers.  A
    generator runs only after its stream has begun, so its errors end the stream.
    To refuse requests, use a function, plain or ``async``, that returns a
    generator.

    Raises:
        TypeError, ValueError: As for `EventSourceResponse`.
    """
    upgrade_around(inspect.currentframe())
    if function is not None:
        return EventStreamRoute(function, **options)
    return lambda function: EventStreamRoute(function, **options)
