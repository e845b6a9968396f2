"""
Sources: what can be streamed, and what their items mean.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import Any, TypeGuard

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web.server import Request

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.query import last_event_id, query_of

__all__ = [
    "FieldsWarning",
    "FindSource",
    "Item",
    "Items",
    "Source",
    "event_of",
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
FindSource = Callable[[Request, Deferred[None]], object]

# The arguments that a source function may declare.
_OFFERED = ("request", "last_event_id", "draining")

# The keys of a dict that other libraries take for an event, and those that an event has.
_FIELDS = {"data", "event", "id", "retry", "comment"}
_NEEDED = {"data", "event"}

# Iterable, but streaming their elements is surely a mistake.
_NOT_A_SOURCE = (str, bytes, bytearray, dict, Deferred)


def event_of(item: Item) -> ServerSentEvent:
    """
    Convert an item of a source to an event, as `twisted_sse.Hub.publish` converts data.

    The keys of a ``dict`` have no meaning here: a payload that contains ``data``
    or ``event`` arrives unchanged.

    Raises:
        InvalidEvent: *item* cannot be sent.
    """
    if isinstance(item, str):
        return ServerSentEvent(item)
    if isinstance(item, ServerSentEvent):
        return item
    try:
        return ServerSentEvent.json(item)
    except InvalidEvent as error:
        kind = type(item).__name__
        raise InvalidEvent(
            f"The source yielded a {kind}, which is not a ServerSentEvent, not a str, and"
            f" cannot be written as JSON: {error}"
        ) from error


class FieldsWarning:
    """
    Warns once of items whose keys are fields of an event: other libraries would send the
    fields of such a ``dict``.
    """

    _log = Logger()

    def __init__(self) -> None:
        self._given = False

    def check(self, item: object, source: object) -> None:
        """
        Log a warning if *item* of *source* is such a ``dict``, and none was logged yet.
        """
        if self._given or not isinstance(item, dict):
            return
        if item.keys() <= _FIELDS and not _NEEDED.isdisjoint(item):
            self._given = True
            self._log.warn(
                "The source {source} yields a dict, which is sent as JSON data.  To send its"
                " fields, yield ServerSentEvent({fields}) instead.",
                source=getattr(source, "__qualname__", type(source).__name__),
                fields=", ".join(f"{name}=..." for name in item),
            )


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

    def call(request: Request, draining: Deferred[None]) -> object:
        offered: dict[str, object] = {"request": request, "draining": draining}
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
