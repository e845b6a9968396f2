"""
Routes that stream what they yield.

The function is called by Klein, so what it raises is Klein's; what it returns is
streamed by one response for all requests of the route.
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
from twisted.python.failure import Failure
from twisted.web.iweb import IRequest
from twisted.web.resource import IResource
from twisted.web.server import Request

from twisted_sse.errors import Forbidden, Unauthorized
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.hub import Hub
from twisted_sse.klein.app import watch_around
from twisted_sse.web.cors import CORS
from twisted_sse.web.generators.response import EventSourceResponse
from twisted_sse.web.generators.source import Items
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import last_event_id, query_of

__all__ = ["EventStreamRoute", "StreamOptions", "event_stream"]

P = ParamSpec("P")

# What a route's function returns: what is streamed, or a wait for it.
_Answer = Items | Awaitable[Items]

# What a function may ask for beside the request, by the names of its arguments.
_OFFERED = {"last_event_id", "draining"}

# Which of them get here, the app's route says.
_METHODS = ("GET", "POST")

# They have a meaning in this package wherever they are raised; all else is for
# the app's error handlers.
_REFUSALS = (Forbidden, Problem, Unauthorized)


class StreamOptions(TypedDict, total=False):
    """
    What `event_stream` takes: all of `EventSourceResponse` but its source.

    *methods* are ``GET`` and ``POST`` by default, if the app's route has them.
    """

    keepalive: float | None
    retry: int | None
    headers: Mapping[str, str] | Iterable[tuple[str, str]]
    status: int
    methods: Iterable[str]
    farewell: ServerSentEvent | None
    error: bool | Callable[[Failure], ServerSentEvent] | None
    cors: CORS | None
    send_timeout: float | None
    hub: Hub | None
    clock: IReactorTime | None


class EventStreamRoute(Generic[P]):
    """
    A route's function whose items are streamed; what `event_stream` makes.

    Called with the same arguments, it returns a resource for that request.
    """

    def __init__(self, function: Callable[P, _Answer], **options: Unpack[StreamOptions]) -> None:
        update_wrapper(self, function)
        methods = options["methods"] = tuple(options.get("methods", _METHODS))
        self._function: Callable[..., _Answer] = function
        self._asked = _OFFERED & inspect.signature(function).parameters.keys()
        self._methods = {method.encode("ascii") for method in methods}
        self._response = EventSourceResponse(self._begin, **options)
        # Between the route's answer and its rendering, in which a reader may leave.
        self._sources: WeakKeyDictionary[Request, tuple[Items | Exception, Deferred[None]]]
        self._sources = WeakKeyDictionary()

    def __get__(self, instance: object, owner: object = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Deferred[IResource]:
        return Deferred.fromCoroutine(self._answer(args, kwargs))

    def drain(self, grace: float = 10.0) -> Deferred[None]:
        """
        See `EventSourceResponse.drain`; not to be called if there is a *hub*.
        """
        return self._response.drain(grace)

    async def _answer(self, args: tuple[Any, ...], parameters: dict[str, Any]) -> IResource:
        request = _request_in(args)
        # HEAD and OPTIONS start no source.
        if request.method in self._methods:
            draining: Deferred[None] = Deferred()
            try:
                offered = self._offered(request, draining)
                source = self._function(*args, **{**offered, **parameters})
                found = await source if isinstance(source, Awaitable) else source
            except _REFUSALS as refusal:
                self._sources[request] = refusal, draining
            else:
                self._sources[request] = found, draining
        return self._response

    def _offered(self, request: Request, draining: Deferred[None]) -> dict[str, object]:
        offered: dict[str, object] = {}
        if "draining" in self._asked:
            offered["draining"] = draining
        if "last_event_id" in self._asked:
            offered["last_event_id"] = last_event_id(request, query_of(request))
        return offered

    def _begin(self, request: Request, draining: Deferred[None]) -> Items:
        source, asked = self._sources.pop(request)
        draining.chainDeferred(asked)
        if isinstance(source, Exception):
            raise source
        return source


def _request_in(args: tuple[Any, ...]) -> Request:
    # An app that belongs to an object gives that first.
    if not args or not IRequest.providedBy(args[-1]):
        raise TypeError(
            "@event_stream needs the request, which klein.Requirer does not pass on: return an"
            " EventSourceResponse instead"
        )
    return cast(Request, args[-1])


@overload
def event_stream(function: Callable[P, _Answer], /) -> EventStreamRoute[P]: ...


@overload
def event_stream(
    **options: Unpack[StreamOptions],
) -> Callable[[Callable[P, _Answer]], EventStreamRoute[P]]: ...


def event_stream(
    function: Callable[..., _Answer] | None = None, /, **options: Unpack[StreamOptions]
) -> EventStreamRoute[...] | Callable[..., EventStreamRoute[...]]:
    """
    Stream what a route yields, or what it returns to be iterated over.

    Stands between ``@app.route`` and ``def``, with or without arguments.  The
    function is called as Klein calls it, and may ask for *last_event_id* and
    *draining* too; see `EventSourceResponse`.

    `Unauthorized`, `Forbidden` and `NoContent` that it raises are answered as by
    a hub; any other error by the app's error handlers.  But a generator does
    nothing before its stream has begun, so what it raises ends the stream.  What
    may be refused is refused by a function, also ``async``, that returns one.

    Raises:
        TypeError, ValueError: As `EventSourceResponse` has it.
    """
    watch_around(inspect.currentframe())
    if function is not None:
        return EventStreamRoute(function, **options)
    return lambda function: EventStreamRoute(function, **options)
