"""
Coalesces equal calls: while one is under way, others wait for its result.
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
    The calls that are under way, by key, and the callers that wait for each.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[Deferred[T]]] = {}

    def call(self, key: Hashable, start: Callable[[], Deferred[T]]) -> Deferred[T]:
        """
        Wait for the result of the call *key*; begin it with *start* if it is not
        under way.

        Returns:
            A `Deferred` for this caller alone: cancelling it does not affect the
            others.
        """
        waiter: Deferred[T] = Deferred()
        if key in self._waiting:
            self._waiting[key].append(waiter)
            return waiter
        self._waiting[key] = [waiter]
        start().addBoth(self._finish, key)
        return waiter

    def _finish(self, result: T | Failure, key: Hashable) -> None:
        for waiter in self._waiting.pop(key):
            if isinstance(result, Failure):
                waiter.errback(result)
            else:
                waiter.callback(result)
