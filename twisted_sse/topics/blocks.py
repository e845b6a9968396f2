"""
Blocks: patterns of one kind, matched together.

Patterns are sorted by their texts and cut into blocks, so that the patterns of a
block begin alike: a topic that begins otherwise passes the block at the cost of
comparing its beginning.  So does one that ends like none of the patterns.  A block is
one automaton.  Adding or removing a pattern
changes one block, at about the cost of the pattern's length.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable
from itertools import accumulate
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from twisted_sse.topics.automaton import Automaton
from twisted_sse.topics.plan import Plan
from twisted_sse.topics.tokens import common_length

__all__ = ["BlockList", "Matchable"]

# The most states of a block of several patterns.  A larger block costs less to
# match and more to change.
_BLOCK_STATES: Final = 8192

# The bytes that a state and a pattern take in a block, about, beside what its
# automaton remembers.
_STATE_BYTES: Final = 16
_PATTERN_BYTES: Final = 500

V = TypeVar("V")


class Matchable(Hashable, Protocol):
    """
    A pattern, as an index sees it.
    """

    @property
    def text(self) -> str:
        """
        What patterns are sorted by.
        """

    @property
    def kind(self) -> str | None:
        """
        Equal for patterns that read topics alike.
        """

    @property
    def selects_itself(self) -> bool:
        """
        Whether the topic that is equal to *text* matches, too.
        """

    def plan(self) -> Plan:
        """
        Return what an automaton needs to match this pattern.
        """

    def read(self, topic: str) -> str | None:
        """
        Return *topic* as the automaton reads it, or None if it matches no pattern of this kind.
        """


class BlockList(Generic[V]):
    """
    The blocks of the patterns of one kind; each pattern has a value.
    """

    def __init__(self) -> None:
        self._blocks: list[_Block[V]] = []
        self._block_of: dict[Matchable, _Block[V]] = {}

    def __len__(self) -> int:
        return len(self._block_of)

    @property
    def weight(self) -> int:
        """
        The bytes that the blocks may come to take, about.
        """
        return sum(block.weight for block in self._blocks)

    def add(self, pattern: Matchable, value: V) -> None:
        """
        Add *pattern*, which is not here yet.
        """
        plan = pattern.plan()
        block = self._block_for(pattern.text, plan)
        block.add(pattern, value, plan)
        self._block_of[pattern] = block
        if block.automaton.size > _BLOCK_STATES and len(block.values) > 1:
            self._rebuild(block)

    def remove(self, pattern: Matchable) -> None:
        """
        Remove *pattern*, which is here.
        """
        block = self._block_of.pop(pattern)
        block.remove(pattern)
        if not block.values or 3 * block.removed > 2 * block.automaton.size:
            self._rebuild(block)

    def find(self, tokens: str) -> list[V]:
        """
        Find the values of the patterns that match a topic.

        Args:
            tokens: The topic, as its patterns read it.
        """
        endings = _endings(tokens)
        found: list[V] = []
        for block in self._blocks:
            if not block.endings.keys().isdisjoint(endings):
                found += block.automaton.find(tokens)
        return found

    def has(self, tokens: str) -> bool:
        """
        Return whether any pattern matches a topic.
        """
        endings = _endings(tokens)
        for block in self._blocks:
            if not block.endings.keys().isdisjoint(endings) and block.automaton.find(tokens):
                return True
        return False

    def forget(self) -> None:
        """
        Forget everything that can be worked out again.
        """
        for block in self._blocks:
            block.automaton.forget()

    def _block_for(self, text: str, plan: Plan) -> _Block[V]:
        at = bisect_right(self._blocks, text, key=_lowest)
        if at < len(self._blocks):
            return self._blocks[max(0, at - 1)]
        # Texts that come in order fill one block after the other.
        last = self._blocks[-1] if self._blocks else None
        if last is not None:
            is_full = last.automaton.size + plan.states > _BLOCK_STATES
            if text < last.highest or not is_full:
                return last
        block: _Block[V] = _Block("" if last is None else text, plan.prefix)
        self._blocks.append(block)
        return block

    def _rebuild(self, block: _Block[V]) -> None:
        """
        Build *block* anew, as two if it is large, or with a neighbor if both are small.
        """
        first = self._blocks.index(block)
        last = first + 1
        neighbors = self._blocks[last : last + 1]
        if sum(one.live for one in (block, *neighbors)) <= _BLOCK_STATES // 4:
            last += len(neighbors)
        old = self._blocks[first:last]
        new = _built(block.lowest, [pair for one in old for pair in one.values.items()])
        self._blocks[first:last] = new
        for made in new:
            self._block_of.update(dict.fromkeys(made.values, made))
        for one in old:
            one.automaton.forget()


class _Filed(NamedTuple):
    """
    Where a pattern is in its block.

    Attributes:
        end: Its last state.

        states: How many states it has.

        ending: See `Plan.ending`.
    """

    end: int
    states: int
    ending: str


class _Block(Generic[V]):
    """
    Neighboring patterns, and their automaton.

    Attributes:
        lowest: The texts are not less than this, but for the first block.

        highest: No text is greater than this.

        endings: What topics that match end with, and how many patterns say so.

        removed: How many states belong to patterns that have been removed.
    """

    def __init__(self, lowest: str, stem: str) -> None:
        self.lowest = lowest
        self.highest = lowest
        self.values: dict[Matchable, V] = {}
        self.automaton: Automaton[V] = Automaton(stem)
        self.endings: Counter[str] = Counter()
        self.removed = 0
        self._filed: dict[Matchable, _Filed] = {}

    @property
    def live(self) -> int:
        """
        How many states are in use.
        """
        return self.automaton.size - self.removed

    @property
    def weight(self) -> int:
        """
        The bytes that the block may come to take, about.
        """
        automaton = self.automaton
        states = _STATE_BYTES * automaton.size
        return automaton.bound + states + _PATTERN_BYTES * len(self.values)

    def add(self, pattern: Matchable, value: V, plan: Plan) -> None:
        """
        Add *pattern*, whose plan is *plan*.
        """
        before = self.automaton.size
        end = self.automaton.add(plan, value)
        self.highest = max(self.highest, pattern.text)
        self.values[pattern] = value
        self.endings[plan.ending] += 1
        self._filed[pattern] = _Filed(end, self.automaton.size - before, plan.ending)

    def remove(self, pattern: Matchable) -> None:
        """
        Remove *pattern*; its states stay.
        """
        del self.values[pattern]
        filed = self._filed.pop(pattern)
        self.automaton.remove(filed.end)
        self.removed += filed.states
        self.endings[filed.ending] -= 1
        if not self.endings[filed.ending]:
            del self.endings[filed.ending]


def _endings(tokens: str) -> tuple[str, ...]:
    """
    Every value of `Plan.ending` that a pattern can have that matches *tokens*.
    """
    return "", tokens[-1:], tokens[-2:], tokens[-3:]


def _lowest(block: _Block[V]) -> str:
    return block.lowest


def _built(lowest: str, values: list[tuple[Matchable, V]]) -> list[_Block[V]]:
    """
    Build one block of *values*, or two if they have many states, or none if there are none.
    """
    planned = [(pattern, value, pattern.plan()) for pattern, value in values]
    planned.sort(key=lambda one: one[0].text)
    so_far = list(accumulate(plan.states for _, _, plan in planned))
    cut = len(planned)
    if so_far and so_far[-1] - len(_stem(planned)) * (cut - 1) > _BLOCK_STATES * 3 // 4:
        cut = max(1, bisect_right(so_far, so_far[-1] // 2))
    blocks: list[_Block[V]] = []
    for part in (planned[:cut], planned[cut:]):
        if part:
            block: _Block[V] = _Block(part[0][0].text if blocks else lowest, _stem(part))
            for one in part:
                block.add(*one)
            blocks.append(block)
    return blocks


def _stem(planned: list[tuple[Matchable, V, Plan]]) -> str:
    prefixes = [plan.prefix for _, _, plan in planned]
    least = min(prefixes)
    return least[: common_length(least, max(prefixes))]
