"""
The forms in which a consumer takes signals.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable

from twisted_sse.client.signals import Signal
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Events", "Next", "Signals", "hand_over"]

#: Waits for the next signal; raises StopAsyncIteration when there is none.
Next = Callable[[], Awaitable[Signal]]


class Signals(AsyncIterator[Signal]):
    """
    All of them.
    """

    def __init__(self, following: Next) -> None:
        self._following = following

    async def __anext__(self) -> Signal:
        return await self._following()


class Events(AsyncIterator[ServerSentEvent]):
    """
    The events alone.
    """

    def __init__(self, following: Next) -> None:
        self._following = following

    async def __anext__(self) -> ServerSentEvent:
        while True:
            signal = await self._following()
            if isinstance(signal, ServerSentEvent):
                return signal


async def hand_over(
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
