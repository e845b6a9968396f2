"""
Calls that have not returned yet, so that stopping can wait for them or cancel them.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import HistoryUnavailable

__all__ = ["PendingCalls"]

T = TypeVar("T")


class PendingCalls:
    """
    The pending calls of a service.
    """

    def __init__(self) -> None:
        self._calls: set[Deferred[Any]] = set()
        self._empty: Deferred[None] | None = None

    def run(self, call: Coroutine[Any, Any, T]) -> Deferred[T]:
        """
        Run *call*; if it is cancelled, it fails with `HistoryUnavailable`.
        """
        running: Deferred[T] = Deferred.fromCoroutine(_run(call))
        self._calls.add(running)

        def ended(result: Any) -> Any:
            self._calls.discard(running)
            if not self._calls and self._empty is not None:
                empty, self._empty = self._empty, None
                empty.callback(None)
            return result

        return running.addBoth(ended)

    def cancel(self) -> None:
        """
        Cancel all pending calls.
        """
        for call in list(self._calls):
            call.cancel()

    async def finish(self, timeout: float, clock: IReactorTime) -> None:
        """
        Wait until all pending calls have returned, and cancel them after *timeout*.
        """
        if self._calls:
            self._empty = Deferred()
            cancelling = clock.callLater(timeout, self.cancel)
            await self._empty
            if cancelling.active():
                cancelling.cancel()


async def _run(call: Coroutine[Any, Any, T]) -> T:
    try:
        return await call
    except CancelledError:
        raise HistoryUnavailable("The edge is stopping.") from None
