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
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterator
from types import coroutine
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from twisted_sse.web.generators.items import ItemConverter
from twisted_sse.web.generators.notices import HELD, HeldWarning, explain_asyncio
from twisted_sse.web.generators.source import Item
from twisted_sse.web.generators.writer import StreamWriter

__all__ = ["Pump", "close_iterator"]

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
        frame_of: Frames an item of the source; by default as `ItemConverter` does.

        held: Shared by all streams; by default one of its own.

    Attributes:
        cancelled: Whether `cancel` was called.
    """

    _log = Logger()

    def __init__(
        self,
        iterator: Iterator[Item] | AsyncIterator[Item],
        writer: StreamWriter,
        clock: IReactorTime,
        frame_of: Callable[[Item, object], bytes | None] | None = None,
        held: HeldWarning | None = None,
    ) -> None:
        self._held = HeldWarning() if held is None else held
        self._frame_of = ItemConverter().frame_of if frame_of is None else frame_of
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
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._done = Deferred.fromCoroutine(self._steps(self._work, None))
        else:
            task = loop.create_task(_as_task(self._steps(self._work, loop)))
            self._done = Deferred.fromFuture(task)
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
        except Exception as error:
            if not self.cancelled:
                raise
            self._log.failure("A source failed while it was being cancelled")
            explain_asyncio(error)

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
            await close_iterator(self._iterator)
            raise
        await close_iterator(self._iterator)

    @coroutine
    def _steps(
        self, work: Coroutine[Any, Any, None], loop: asyncio.AbstractEventLoop | None
    ) -> Generator[Any, Any, None]:
        """
        Run *work* from one await to the next, and time each step.

        With *loop*, in asyncio: convert each `Deferred` that *work* awaits to a future.
        """
        seconds = self._clock.seconds
        value: Any = None
        error: BaseException | None = None
        while True:
            began = seconds()
            try:
                waiting = work.send(value) if error is None else work.throw(error)
            except StopIteration:
                return
            finally:
                # Its traceback refers to this frame: a cycle for the garbage collector.
                error = None
                if seconds() - began >= HELD:
                    self._held.warn(self._iterator, seconds() - began)
            try:
                if loop is not None and isinstance(waiting, Deferred):
                    value = yield from waiting.asFuture(loop)
                else:
                    value = yield waiting
            except GeneratorExit:
                # Python is destroying this generator, and may have closed the other one.
                work.close()
                raise
            except BaseException as raised:
                # Every error belongs to the source: CancelledError is not an Exception.
                error = raised

    async def _pump_sync(self, iterator: Iterator[Item]) -> None:
        writer = self._writer
        write, frame_of = writer.write, self._frame_of
        for item in iterator:
            if not write(frame_of(item, iterator)):
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
            if not write(frame_of(item, iterator)):
                await writer.drained()


async def close_iterator(iterator: object) -> None:
    """
    Close *iterator*, and wait for that; not every iterator can be closed.
    """
    aclose = getattr(iterator, "aclose", None)
    close = getattr(iterator, "close", None)
    if aclose is not None:
        await aclose()
    elif close is not None:
        close()


async def _as_task(steps: Generator[Any, Any, None]) -> None:
    # A coroutine of its own, because Python 3.12 no longer makes tasks of generators.
    await steps  # type: ignore[misc]
