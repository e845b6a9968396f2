"""
Asks a source for its items, at the pace at which they are taken.

A source is asked in one coroutine from its first item to its last, so it is
cancelled at its await, and closed in the same place, whatever ends it.  Ready
items cost no `Deferred`: the coroutine waits only where the source waits.

Context variables that a source sets are its own.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterable, AsyncIterator, Coroutine, Generator, Iterable, Iterator
from types import coroutine
from typing import Any, TypeGuard

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.errors import InvalidEvent
from twisted_sse.events import codec
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.generators.writer import StreamWriter

__all__ = ["Item", "Items", "Pump", "event_of", "is_iterable", "iterator_of", "not_a_source"]

#: What a source yields; ``None`` is passed over.
Item = ServerSentEvent | str | dict[str, Any] | None

#: What is asked for its items.
Items = Iterable[Item] | AsyncIterable[Item]

# What is thrown into a coroutine at its await.
_CANCELLED = (defer.CancelledError, asyncio.CancelledError)

# They can be iterated over, and nobody means that.
_NOT_A_SOURCE = (str, bytes, bytearray, dict, Deferred)


def event_of(item: Item) -> ServerSentEvent:
    """
    Make an event of what a source yielded; a ``dict`` is data, as JSON.

    No key of a ``dict`` means anything here: a payload that happens to have
    ``data`` or ``event`` in it arrives as it is.

    Raises:
        InvalidEvent: It cannot be sent.
    """
    if isinstance(item, str):
        return ServerSentEvent(item)
    if isinstance(item, ServerSentEvent):
        return item
    if isinstance(item, dict):
        return ServerSentEvent.json(item)
    kind = type(item).__name__
    raise InvalidEvent(f"The source yielded a {kind}: yield ServerSentEvent, str, dict or None.")


def _frame_of(item: Item) -> bytes | None:
    if item is None:
        return None
    if isinstance(item, str):
        return codec.encode_data(item)
    return codec.encode(event_of(item))


def is_iterable(source: object) -> TypeGuard[Iterable[Item]]:
    """
    Whether *source* is an iterable of items, and not a single value.
    """
    return isinstance(source, Iterable) and not isinstance(source, _NOT_A_SOURCE)


def iterator_of(source: object) -> Iterator[Item] | AsyncIterator[Item]:
    """
    Begin to iterate over *source*, which runs nothing of a generator.

    Raises:
        TypeError: It is no source.
    """
    if isinstance(source, AsyncIterable):
        return aiter(source)
    if is_iterable(source):
        return iter(source)
    raise not_a_source(source)


def not_a_source(source: object) -> TypeError:
    """
    What to raise for what cannot be iterated over.
    """
    kind = type(source).__name__
    return TypeError(
        f"A {kind} is no source: give a generator, an async generator, an iterable, an async"
        " iterable, or a function that returns one of them"
    )


class Pump:
    """
    Asks *iterator*, and gives *outlet* what it yields.

    It is closed when it ends, when it fails and when it is cancelled, the
    awaits of its ``finally`` included.  Of a generator that was never asked for
    an item Python runs nothing, not even its ``finally``.

    Under an asyncio reactor it runs as an asyncio task, in which both
    `Deferred` and asyncio's awaitables can be awaited.

    Attributes:
        cancelled: Whether somebody wanted it to end.
    """

    _log = Logger()

    def __init__(
        self,
        iterator: Iterator[Item] | AsyncIterator[Item],
        writer: StreamWriter,
        clock: IReactorTime,
    ) -> None:
        self._iterator = iterator
        self._writer = writer
        self._clock = clock
        self.cancelled = False
        self._work: Coroutine[Any, Any, None] | None = None
        self._done: Deferred[None] | None = None

    def start(self) -> Deferred[None]:
        """
        Ask for the first item as soon as the outlet has room.

        Returns:
            Fires when the source has ended and is closed; fails with what it
            raised.  If it was cancelled, that is logged instead.
        """
        self._work = self._ask()
        self._done = _run(self._work)
        return self._done

    def cancel(self) -> None:
        """
        Cancel the source at its await, and close it.
        """
        self.cancelled = True
        if self._work is None or self._done is None:
            return
        state = inspect.getcoroutinestate(self._work)
        if state == inspect.CORO_SUSPENDED:
            self._done.cancel()
        elif state != inspect.CORO_CLOSED:
            # It is running just now, or its task is about to begin.
            self._clock.callLater(0, self.cancel)

    async def _ask(self) -> None:
        try:
            await self._ask_and_close()
        except _CANCELLED:
            if not self.cancelled:
                raise
        except Exception:
            if not self.cancelled:
                raise
            self._log.failure("A source failed when it was cancelled")

    async def _ask_and_close(self) -> None:
        try:
            await self._writer.drained()
            if isinstance(self._iterator, AsyncIterator):
                await self._ask_async(self._iterator)
            else:
                await self._ask_sync(self._iterator)
        except GeneratorExit:
            # Python throws away what waits for something that nobody knows any
            # more: nothing can be awaited here, and it closes the source too.
            raise
        except BaseException:
            await _close(self._iterator)
            raise
        await _close(self._iterator)

    async def _ask_sync(self, iterator: Iterator[Item]) -> None:
        writer = self._writer
        write = writer.write
        for item in iterator:
            if not write(_frame_of(item)):
                await writer.drained()
            if self.cancelled:
                return

    async def _ask_async(self, iterator: AsyncIterator[Item]) -> None:
        writer = self._writer
        write = writer.write
        async for item in iterator:
            # It may have yielded in spite of being cancelled.
            if self.cancelled:
                return
            if not write(_frame_of(item)):
                await writer.drained()


async def _close(iterator: object) -> None:
    aclose = getattr(iterator, "aclose", None)
    close = getattr(iterator, "close", None)
    if aclose is not None:
        await aclose()
    elif close is not None:
        close()


def _run(work: Coroutine[Any, Any, None]) -> Deferred[None]:
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return Deferred.fromCoroutine(work)
    return Deferred.fromFuture(loop.create_task(_as_task(work, loop)))


@coroutine
def _as_task(
    work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
) -> Generator[Any, Any, None]:
    """
    Let asyncio run *work*: what it awaits of Twisted's becomes asyncio's.
    """
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            waiting = work.send(value) if error is None else work.throw(error)
        except StopIteration:
            return
        finally:
            # It has this frame in its traceback: a cycle for the garbage collector.
            error = None
        try:
            if isinstance(waiting, Deferred):
                value = yield from waiting.asFuture(loop)
            else:
                value = yield waiting
        except BaseException as raised:
            # Whatever it is, it is the source's: CancelledError is not an Exception.
            error = raised
