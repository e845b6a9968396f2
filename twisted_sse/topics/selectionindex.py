"""
The index of selections: finds those that match a publication, all at once.

Exact names are found by a dict, templates and URL patterns by one index of all of
them, so selections that do not match cost a publication next to nothing.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from twisted_sse.topics.patternindex import PatternIndex
from twisted_sse.topics.selection import Selection
from twisted_sse.topics.selectors import Pattern

__all__ = ["SelectionIndex"]

K = TypeVar("K")

# Selections in the order in which they were added.
_Selections = dict[Selection, None]


class SelectionIndex:
    """
    Selections, each counted as often as it has been added.
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._counts: dict[Selection, int] = {}
        self._everything: _Selections = {}
        self._by_name: dict[str, _Selections] = {}
        self._by_pattern: dict[Pattern, _Selections] = {}
        self._patterns: PatternIndex[_Selections] = PatternIndex()

    def __len__(self) -> int:
        return len(self._counts)

    def add(self, selection: Selection) -> None:
        """
        Add *selection* once more.
        """
        count = self._counts.get(selection, 0)
        self._counts[selection] = count + 1
        if count == 0:
            self._file(selection)

    def remove(self, selection: Selection) -> None:
        """
        Remove *selection* once.

        Raises:
            KeyError: It has been removed as often as it was added.
        """
        self._counts[selection] -= 1
        if self._counts[selection] == 0:
            del self._counts[selection]
            self._unfile(selection)
        if not self._counts:
            # A dict does not shrink when its entries are deleted.
            self._clear()

    def matching(self, topics: Sequence[str]) -> dict[Selection, None]:
        """
        Find the selections that match any of *topics*, each once.
        """
        found = dict(self._everything)
        # benchmarks (publish): most hubs have no patterns.
        has_patterns = bool(self._by_pattern)
        for topic in topics:
            named = self._by_name.get(topic)
            if named is not None:
                found.update(named)
            if has_patterns:
                for selections in self._patterns.find(topic):
                    found.update(selections)
        return found

    def _file(self, selection: Selection) -> None:
        if selection.everything:
            self._everything[selection] = None
        for name in selection.exact:
            self._by_name.setdefault(name, {})[selection] = None
        for pattern in selection.patterns:
            selections = self._by_pattern.get(pattern)
            if selections is None:
                selections = self._by_pattern[pattern] = {}
                self._patterns.add(pattern, selections)
            selections[selection] = None

    def _unfile(self, selection: Selection) -> None:
        self._everything.pop(selection, None)
        for name in selection.exact:
            _discard(self._by_name, name, selection)
        for pattern in selection.patterns:
            _discard(self._by_pattern, pattern, selection)
            if pattern not in self._by_pattern:
                self._patterns.remove(pattern)


def _discard(index: dict[K, _Selections], key: K, selection: Selection) -> None:
    selections = index[key]
    del selections[selection]
    if not selections:
        del index[key]
