"""
The index of patterns: finds those that match a topic, all at once.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from typing import Final, Generic, TypeVar

from twisted_sse.topics.blocks import BlockList, Matchable
from twisted_sse.topics.cache import BoundedCache

__all__ = ["PatternIndex", "matches_alone"]

V = TypeVar("V")


class PatternIndex(Generic[V]):
    """
    Patterns of every kind, each with a value.
    """

    def __init__(self) -> None:
        self._kinds: dict[str | None, tuple[Matchable, BlockList[V]]] = {}
        self._themselves: dict[str, V] = {}

    def __len__(self) -> int:
        return sum(len(blocks) for _, blocks in self._kinds.values())

    @property
    def weight(self) -> int:
        """
        The bytes that the index may come to take, about.
        """
        return sum(blocks.weight for _, blocks in self._kinds.values())

    def add(self, pattern: Matchable, value: V) -> None:
        """
        Add *pattern*, which is not in the index yet.
        """
        if pattern.kind not in self._kinds:
            self._kinds[pattern.kind] = (pattern, BlockList())
        _, blocks = self._kinds[pattern.kind]
        blocks.add(pattern, value)
        if pattern.selects_itself:
            self._themselves[pattern.text] = value

    def remove(self, pattern: Matchable) -> None:
        """
        Remove *pattern*, which is in the index.
        """
        _, blocks = self._kinds[pattern.kind]
        blocks.remove(pattern)
        if not blocks:
            del self._kinds[pattern.kind]
        if pattern.selects_itself:
            del self._themselves[pattern.text]

    def find(self, topic: str) -> list[V]:
        """
        Find the values of the patterns that match *topic*; one may come twice.
        """
        found = [self._themselves[topic]] if topic in self._themselves else []
        for reader, blocks in self._kinds.values():
            tokens = reader.read(topic)
            if tokens is not None:
                found += blocks.find(tokens)
        return found

    def has(self, topic: str) -> bool:
        """
        Return whether any pattern matches *topic*.
        """
        if topic in self._themselves:
            return True
        for reader, blocks in self._kinds.values():
            tokens = reader.read(topic)
            if tokens is not None and blocks.has(tokens):
                return True
        return False

    def forget(self) -> None:
        """
        Forget everything that can be worked out again.
        """
        for _, blocks in self._kinds.values():
            blocks.forget()


# What the indexes of patterns that are matched alone may take together, in bytes.
_ALONE_BYTES: Final = 1024 * 1024

_alone: BoundedCache[Matchable, PatternIndex[bool]] = BoundedCache(
    _ALONE_BYTES, PatternIndex[bool].forget
)


def matches_alone(pattern: Matchable, topic: str) -> bool:
    """
    Return whether *pattern* matches *topic*.
    """
    index = _alone.get(pattern)
    if index is None:
        index = PatternIndex()
        index.add(pattern, True)
        _alone.put(pattern, index, index.weight)
    return index.has(topic)
