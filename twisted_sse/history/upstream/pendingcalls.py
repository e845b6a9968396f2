"""
Answers that somebody waits for.
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
    Knows which answers are still to come, so that none of them is left out when
    the edge stops.
    """

    def __init__(self) -> None:
        self._answers: set[Deferred[Any]] = set()
        self._empty: Deferred[None] | None = None

    def begin(self, answering: Coroutine[Any, Any, T]) -> Deferred[T]:
        """
        Run *answering*; if it is cancelled it ends with `HistoryUnavailable`.
        """
        answer: Deferred[T] = Deferred.fromCoroutine(_answer(answering))
        self._answers.add(answer)

        def ended(result: Any) -> Any:
            self._answers.discard(answer)
            if not self._answers and self._empty is not None:
                empty, self._empty = self._empty, None
                empty.callback(None)
            return result

        return answer.addBoth(ended)

    def cancel(self) -> None:
        """
        Wait for none of them any more.
        """
        for answer in list(self._answers):
            answer.cancel()

    async def end(self, patience: float, clock: IReactorTime) -> None:
        """
        Wait until there is none, and after so many seconds for none any more.
        """
        if self._answers:
            self._empty = Deferred()
            giving_up = clock.callLater(patience, self.cancel)
            await self._empty
            if giving_up.active():
                giving_up.cancel()


async def _answer(answering: Coroutine[Any, Any, T]) -> T:
    try:
        return await answering
    except CancelledError:
        raise HistoryUnavailable("The edge is stopping.") from None
