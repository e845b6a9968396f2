"""
A cache bounded by what it holds, and not by how many entries it has.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

__all__ = ["BoundedCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class BoundedCache(Generic[K, V]):
    """
    Keeps values up to a total weight; the least recently used are discarded first.

    May be used in several threads.

    Args:
        bound: The most weight to hold, in bytes.

        discard: Is called with each value that the cache no longer holds.
    """

    def __init__(self, bound: int, discard: Callable[[V], object] | None = None) -> None:
        self._bound = bound
        self._discard = discard
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._lock = Lock()
        #: What the values weigh together, in bytes.
        self.weight = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """
        Return the value of *key*, or None if the cache does not hold it.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return None
            self._entries.move_to_end(key)
            return entry[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """
        Hold *value* for *key*, unless it alone is heavier than the bound.

        Args:
            weight: What key and value weigh together, in bytes.
        """
        discarded = []
        with self._lock:
            if key in self._entries:
                discarded.append(self._remove(key))
            if weight <= self._bound:
                self._entries[key] = (value, weight)
                self.weight += weight
            while self.weight > self._bound:
                discarded.append(self._remove(next(iter(self._entries))))
        self._discard_all(discarded)

    def clear(self) -> None:
        """
        Discard everything.
        """
        with self._lock:
            discarded = [value for value, _ in self._entries.values()]
            self._entries.clear()
            self.weight = 0
        self._discard_all(discarded)

    def _remove(self, key: K) -> V:
        value, weight = self._entries.pop(key)
        self.weight -= weight
        return value

    def _discard_all(self, values: list[V]) -> None:
        if self._discard is not None:
            for value in values:
                self._discard(value)
