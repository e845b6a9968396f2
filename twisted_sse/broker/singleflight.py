"""
Asks once for all who ask the same while the answer is on its way.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

__all__ = ["SingleFlight"]

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """
    Questions that have no answer yet, and who waits for each.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[Deferred[T]]] = {}

    def call(self, key: Hashable, ask: Callable[[], Deferred[T]]) -> Deferred[T]:
        """
        Wait for the answer to the question *key*; *ask* it if nobody has.

        Returns:
            A `Deferred` of its own for everybody: one that is cancelled does
            not take the answer from the others.
        """
        answer: Deferred[T] = Deferred()
        if key in self._waiting:
            self._waiting[key].append(answer)
            return answer
        self._waiting[key] = [answer]
        ask().addBoth(self._land, key)
        return answer

    def _land(self, result: T | Failure, key: Hashable) -> None:
        for answer in self._waiting.pop(key):
            if isinstance(result, Failure):
                answer.errback(result)
            else:
                answer.callback(result)
