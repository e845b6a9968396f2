"""
Iterators over the signals of a stream.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

from twisted_sse.client.signals import Signal
from twisted_sse.events.event import ServerSentEvent

__all__ = ["EventIterator", "NextSignal", "SignalIterator", "dispatch"]

#: Waits for the next signal; raises StopAsyncIteration after the last one.
NextSignal = Callable[[], Awaitable[Signal]]


class SignalIterator(AsyncIterator[Signal]):
    """
    Iterates over all signals.
    """

    def __init__(self, next_signal: NextSignal) -> None:
        self._next_signal = next_signal

    async def __anext__(self) -> Signal:
        return await self._next_signal()


class EventIterator(AsyncIterator[ServerSentEvent]):
    """
    Iterates over the events alone.
    """

    def __init__(self, next_signal: NextSignal) -> None:
        self._next_signal = next_signal

    async def __anext__(self) -> ServerSentEvent:
        while True:
            signal = await self._next_signal()
            if isinstance(signal, ServerSentEvent):
                return signal


async def dispatch(
    signals: AsyncIterator[Signal],
    on_event: Callable[[ServerSentEvent], object],
    on_signal: Callable[[Signal], object] | None,
) -> None:
    """
    Call a function for each signal, and wait for what it returns.
    """
    async for signal in signals:
        result: object = None
        if isinstance(signal, ServerSentEvent):
            result = on_event(signal)
        elif on_signal is not None:
            result = on_signal(signal)
        if inspect.isawaitable(result):
            await result
