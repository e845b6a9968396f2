"""
Iterates over a source that blocks, in the threads of the reactor's pool.

Each item is one call in a thread, and there is one call at a time.  A call that runs
cannot be interrupted: whoever closes the source waits for its end.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextvars import copy_context
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorThreads, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.clock import GlobalClock
from twisted_sse.web.generators.source import Item

__all__ = ["ThreadedIterator", "check_thread"]

_END = object()

_ASYNC = (
    "thread=True is for plain generators, and this source is asynchronous: leave out thread=True,"
    " and await deferToThread(...) where the source blocks"
)


class ThreadedIterator(AsyncIterator[Item]):
    """
    The items of *iterator*, each of which is made in a thread.

    Raises:
        TypeError: *iterator* is asynchronous.
    """

    _log = Logger()

    def __init__(self, iterator: Iterator[Item] | AsyncIterator[Item], clock: IReactorTime) -> None:
        if isinstance(iterator, AsyncIterator):
            raise TypeError(_ASYNC)
        self._iterator = iterator
        self._reactor = _reactor_of(clock)
        self._context = copy_context()
        self._closing = False
        # Fires when the call that runs in a thread has returned.
        self._returned: Deferred[None] | None = None

    async def __anext__(self) -> Item:
        item = await self._call(self._next)
        if item is _END:
            raise StopAsyncIteration
        return item

    async def aclose(self) -> None:
        """
        Close the source in a thread, after the call that runs.
        """
        self._closing = True
        if self._returned is not None:
            await self._returned
        close = getattr(self._iterator, "close", None)
        if close is not None:
            await self._call(close)

    def _next(self) -> Item:
        # The source may have been closed while this call waited for a thread.
        return _END if self._closing else next(self._iterator, _END)

    def _call(self, function: Callable[[], Any]) -> Deferred[Any]:
        result: Deferred[Any] = Deferred()
        returned = self._returned = Deferred()

        def finish(success: bool, value: Any) -> None:
            self._returned = None
            cancelled = result.called
            if not cancelled:
                result.callback(value)
            elif not success:
                self._log.failure("A source failed while it was being cancelled", value)
            returned.callback(None)

        def in_thread(success: bool, value: Any | Failure) -> None:
            self._reactor.callFromThread(finish, success, value)

        pool = self._reactor.getThreadPool()
        pool.callInThreadWithCallback(in_thread, self._context.run, function)
        return result


def check_thread(thread: object, source: object) -> None:
    """
    Check the argument *thread* of a response that streams *source*.

    Raises:
        TypeError: It is not a bool, or it is true and *source* is asynchronous.
    """
    if not isinstance(thread, bool):
        raise TypeError(f"thread is {thread!r}: give True or False")
    if thread and (isinstance(source, AsyncIterable) or inspect.isasyncgenfunction(source)):
        raise TypeError(_ASYNC)


def _reactor_of(clock: IReactorTime) -> IReactorThreads:
    found = clock.reactor if isinstance(clock, GlobalClock) else clock
    if IReactorThreads.providedBy(found):
        return IReactorThreads(found)
    # A clock for tests has no threads.
    from twisted.internet import reactor

    return IReactorThreads(reactor)
