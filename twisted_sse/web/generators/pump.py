"""
Iterates over a source, at the pace at which its items are written.

One coroutine iterates over a source from its first item to its last, so the
source is cancelled at its await, and closed in the same place, however it ends.
Items that are ready cost no `Deferred`: the coroutine waits only where the source
waits.

Context variables that a source sets are not visible outside of it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator
from types import coroutine
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.events import codec
from twisted_sse.web.generators.source import FieldsWarning, Item, event_of
from twisted_sse.web.generators.writer import StreamWriter

__all__ = ["Pump"]

# Raised in a coroutine at its await when it is cancelled.
_CANCELLED = (defer.CancelledError, asyncio.CancelledError)


class Pump:
    """
    Writes the items of *iterator* to *writer*.

    The iterator is closed when it ends, fails or is cancelled, and the awaits of
    its ``finally`` are waited for.  If a generator was never asked for an item,
    Python runs none of its code, not even ``finally``.

    Under an asyncio reactor it runs as an asyncio task, which can await both
    `Deferred` and asyncio's awaitables.

    Args:
        warning: Shared by the streams of a response; by default one of its own.

    Attributes:
        cancelled: Whether `cancel` was called.
    """

    _log = Logger()

    def __init__(
        self,
        iterator: Iterator[Item] | AsyncIterator[Item],
        writer: StreamWriter,
        clock: IReactorTime,
        warning: FieldsWarning | None = None,
    ) -> None:
        self._warning = FieldsWarning() if warning is None else warning
        self._iterator = iterator
        self._writer = writer
        self._clock = clock
        self.cancelled = False
        self._work: Coroutine[Any, Any, None] | None = None
        self._done: Deferred[None] | None = None

    def start(self) -> Deferred[None]:
        """
        Request the first item as soon as the writer accepts data.

        Returns:
            Fires when the source has ended and is closed; fails with the error
            that it raised.  After `cancel` that error is logged instead.
        """
        self._work = self._pump()
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
            # It is running right now, or its task is about to begin.
            self._clock.callLater(0, self.cancel)

    async def _pump(self) -> None:
        try:
            await self._pump_and_close()
        except _CANCELLED:
            if not self.cancelled:
                raise
        except Exception:
            if not self.cancelled:
                raise
            self._log.failure("A source failed while it was being cancelled")

    async def _pump_and_close(self) -> None:
        try:
            await self._writer.drained()
            if isinstance(self._iterator, AsyncIterator):
                await self._pump_async(self._iterator)
            else:
                await self._pump_sync(self._iterator)
        except GeneratorExit:
            # Python is destroying this coroutine, because nothing refers to it
            # any more.  It cannot await here, and Python closes the source too.
            raise
        except BaseException:
            await _close(self._iterator)
            raise
        await _close(self._iterator)

    def _frame_of(self, item: Item) -> bytes | None:
        if item is None:
            return None
        if isinstance(item, str):
            return codec.encode_data(item)
        self._warning.check(item, self._iterator)
        return codec.encode(event_of(item))

    async def _pump_sync(self, iterator: Iterator[Item]) -> None:
        writer = self._writer
        write, frame_of = writer.write, self._frame_of
        for item in iterator:
            if not write(frame_of(item)):
                await writer.drained()
            if self.cancelled:
                return

    async def _pump_async(self, iterator: AsyncIterator[Item]) -> None:
        writer = self._writer
        write, frame_of = writer.write, self._frame_of
        async for item in iterator:
            # A source may yield although it was cancelled.
            if self.cancelled:
                return
            if not write(frame_of(item)):
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


async def _as_task(work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop) -> None:
    # A coroutine of its own, because Python 3.12 no longer makes tasks of generators.
    await _with_futures(work, loop)


@coroutine
def _with_futures(
    work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop
) -> Generator[Any, Any, None]:
    """
    Run *work* in asyncio: convert each `Deferred` that it awaits to a future.
    """
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            waiting = work.send(value) if error is None else work.throw(error)
        except StopIteration:
            return
        finally:
            # Its traceback refers to this frame: a cycle for the garbage collector.
            error = None
        try:
            if isinstance(waiting, Deferred):
                value = yield from waiting.asFuture(loop)
            else:
                value = yield waiting
        except BaseException as raised:
            # Every error belongs to the source: CancelledError is not an Exception.
            error = raised
