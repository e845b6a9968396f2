"""
Sources: what can be streamed.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TypeGuard

from twisted.internet.defer import Deferred
from twisted.web.server import Request

from twisted_sse.web.generators.responsestream import ResponseStream
from twisted_sse.web.query import last_event_id, query_of

__all__ = [
    "FindSource",
    "Item",
    "Items",
    "Source",
    "iterator_of",
    "source_finder",
]

#: What a source yields: an event, a string as data, anything else as JSON; ``None`` is
#: skipped.
Item = Any

#: A source: it is iterated over for its items.
Items = Iterable[Item] | AsyncIterable[Item]

#: What is streamed, or a function that returns it for a request.
Source = Items | Callable[..., Items]

#: Finds the source for a request.
FindSource = Callable[[Request, ResponseStream], object]

# The arguments that a source function may declare.
_OFFERED = ("request", "last_event_id", "draining", "stream")

# Iterable, but streaming their elements is surely a mistake.
_NOT_A_SOURCE = (str, bytes, bytearray, dict, Deferred)


def _is_iterable(source: object) -> TypeGuard[Iterable[Item]]:
    """
    Whether *source* is an iterable of items, not a single value.
    """
    return isinstance(source, Iterable) and not isinstance(source, _NOT_A_SOURCE)


def iterator_of(source: object) -> Iterator[Item] | AsyncIterator[Item]:
    """
    Return an iterator over *source*.  No code of a generator runs yet.

    Raises:
        TypeError: *source* cannot be iterated over.
    """
    if isinstance(source, AsyncIterable):
        return aiter(source)
    if _is_iterable(source):
        return iter(source)
    raise _not_a_source(source)


def source_finder(source: Source) -> FindSource:
    """
    Return the function that finds the source for a request.
    """
    if isinstance(source, Iterator | AsyncIterator):
        return _once(source)
    if isinstance(source, AsyncIterable) or _is_iterable(source):
        return lambda *_: source
    if not callable(source):
        raise _not_a_source(source)
    if inspect.iscoroutinefunction(source):
        raise TypeError(
            "The source is a coroutine function that does not yield: yield the items in it"
        )
    wanted = _wanted(source)

    def call(request: Request, stream: ResponseStream) -> object:
        offered: dict[str, object] = {
            "request": request,
            "draining": stream.draining,
            "stream": stream,
        }
        given = {name: offered[name] for name in wanted & offered.keys()}
        if "last_event_id" in wanted:
            given["last_event_id"] = last_event_id(request, query_of(request))
        return source(**given)

    return call


def _once(iterator: object) -> FindSource:
    unused = [iterator]

    def use(*_: object) -> object:
        if unused:
            return unused.pop()
        raise RuntimeError(
            "The source of this response is an iterator that has been streamed already: give a"
            " function that returns a new one for each request"
        )

    return use


def _wanted(function: Callable[..., object]) -> frozenset[str]:
    signature = inspect.signature(function)
    parameters = signature.parameters.values()
    anything = any(each.kind is each.VAR_KEYWORD for each in parameters)
    by_name = {each.name for each in parameters if each.kind not in (0, 2)}
    wanted = frozenset(name for name in _OFFERED if anything or name in by_name)
    # Raises TypeError, which names the arguments that it needs as well.
    signature.bind(**dict.fromkeys(wanted))
    return wanted


def _not_a_source(source: object) -> TypeError:
    """
    Make the error for an object that is not a source.
    """
    kind = type(source).__name__
    return TypeError(
        f"A {kind} is not a source: give a generator, an async generator, an iterable, an async"
        " iterable, or a function that returns one of them"
    )
