"""
The automaton: matches a topic against many selectors in one pass.

Selectors come from clients that nobody trusts, so no selector ever becomes a
regular expression, and no selector, nor many together, can make a topic cost more
than a bounded number of steps for each of its characters.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from collections.abc import Sequence
from sys import getsizeof
from typing import Any, Final, Generic, TypeVar

from twisted_sse.topics.plan import TRACKS, Plan, Track
from twisted_sse.topics.tokens import NO_TOKEN, TokenClass, common_length

__all__ = ["Automaton"]

V = TypeVar("V")

# How many sets of states an automaton remembers, if each is reached by a few
# tokens: enough for the different topics of a busy hub, measured.
_REMEMBERED_SETS: Final = 256

# The bytes of a set of states beside its number, and of one step: measured with
# tracemalloc on CPython 3.11.
_SET_BYTES: Final = 330
_STEP_BYTES: Final = 110


# How many tokens are read in one way: remembering steps, or not.
_PART: Final = 64

# The most parts that are read without remembering, after one in which most steps were
# new.  Measured: a step that is not remembered costs less than half of a new one that is.
_MOST_SKIPPED: Final = 63


class _Node(dict[str, "_Node"]):
    """
    A set of states, and the sets that the tokens met so far lead to.

    Attributes:
        found: The values of the selectors that match here, when they are known.
    """

    __slots__ = ("automaton", "found", "states")

    def __init__(self, automaton: Automaton[Any], states: int) -> None:
        self.automaton = automaton
        self.states = states
        self.found: Sequence[Any] | None = None

    def __missing__(self, token: str) -> _Node:
        return self.automaton.step(self, token)


class Automaton(Generic[V]):
    """
    A nondeterministic automaton whose states all advance at once.

    State *i* is bit *i* of a number.  A step takes about twenty operations on
    numbers of `size` bits, whatever the selectors are, and is remembered, so that
    a token mostly costs one dict lookup.  What is remembered is bounded; when steps
    hardly ever come again, few are.

    The first states are the stem: a literal text, from which the selectors branch
    off that share some of it.

    Args:
        stem: The tokens that the selectors to come have in common, about.

    Attributes:
        size: The number of states; those of removed selectors count.
    """

    def __init__(self, stem: str) -> None:
        self._literals = stem + NO_TOKEN
        self._stem = stem
        # Every topic that can match begins with this much of the stem.
        self._shared = stem
        # For each state of the stem, as a set of one: the selectors that begin there.
        self._branches: dict[int, int] = {}
        self._branching = 0
        self._classes: dict[TokenClass, int] = {}
        self._loops: dict[TokenClass, int] = {}
        self._tracks = tuple(Track() for _ in range(TRACKS))
        self._ends: dict[int, V] = {}
        self._ending = 0
        # Remembered: the states that read a token, for each token met.
        self._reading: dict[str, int] = {}
        self._moves: dict[str, tuple[int, int]] = {}
        self._nodes: dict[int, _Node] = {}
        self._start: _Node | None = None
        self._remembered = 0
        # How many steps were new, and how many parts to read without remembering: now,
        # and after the last part in which most steps were new.
        self._new = 0
        self._skipping = 0
        self._skipped = 0
        self.size = len(stem) + 1

    @property
    def bound(self) -> int:
        """
        The most bytes that is remembered, about.
        """
        return _REMEMBERED_SETS * (_SET_BYTES + self.size // 8)

    def add(self, plan: Plan, value: V) -> int:
        """
        Add the selector of *plan*.

        Returns:
            Its last state, by which it can be removed.
        """
        depth = common_length(self._stem, plan.prefix)
        rest = plan.prefix[depth:]
        start = self.size
        offset = start + len(rest)
        self.size = offset + plan.here + 1
        if len(self._ends) == 0 or depth < len(self._shared):
            self._shared = self._stem[:depth]
        branch = 1 << depth
        self._branches[branch] = self._branches.get(branch, 0) | 1 << start
        self._branching |= branch
        self._add_literals(start, rest + plan.literals + NO_TOKEN)
        for kinds, added in ((self._classes, plan.classes), (self._loops, plan.loops)):
            for kind, states in added.items():
                kinds[kind] = kinds.get(kind, 0) | states << offset
        for track, skips in zip(self._tracks, plan.tracks, strict=True):
            if skips.sources:
                track.sources |= skips.sources << offset
                track.run |= skips.run << offset
                track.sinks |= skips.sinks << offset
        end = self.size - 1
        self._ends[end] = value
        self._ending |= 1 << end
        self._forget_steps()
        return end

    def remove(self, end: int) -> None:
        """
        Remove the selector whose last state is *end*; its states stay.
        """
        del self._ends[end]
        self._ending ^= 1 << end
        self._forget_steps()

    def find(self, topic: str) -> Sequence[V]:
        """
        Return the values of the selectors that match *topic*, a text of tokens.
        """
        shared = self._shared
        if not topic.startswith(shared):
            return ()
        node = self._start
        if node is None:
            node = self._start = self._node(self._close(1 << len(shared)))
        for at in range(len(shared), len(topic), _PART):
            part = topic[at : at + _PART]
            node = self._skip(node, part) if self._skipping else self._follow(node, part)
            if not node.states:
                return ()
        found = node.found
        if found is None:
            found = node.found = self._found(node.states & self._ending)
            self._remembered += 8 * len(found)
        return found

    def step(self, node: _Node, token: str) -> _Node:
        """
        Work out where *token* leads, and remember it.
        """
        if self._remembered > self.bound:
            self._make_room()
        forward, again = self._moves.get(token) or self._moves_of(token)
        states = node.states
        states = self._close((states & forward) << 1 | states & again)
        found = node[token] = self._node(states)
        self._new += 1
        self._remembered += _STEP_BYTES
        return found

    def forget(self) -> None:
        """
        Forget everything that can be worked out again.
        """
        self._reading.clear()
        self._forget_steps()

    def _follow(self, node: _Node, tokens: str) -> _Node:
        """
        Follow *tokens* from *node*, and remember each step.
        """
        before = self._new
        for token in tokens:
            node = node[token]
            if not node.states:
                return node
        if 2 * (self._new - before) > len(tokens):
            self._skipped = min(2 * self._skipped + 1, _MOST_SKIPPED)
            self._skipping = self._skipped
        else:
            self._skipped = 0
        return node

    def _skip(self, node: _Node, tokens: str) -> _Node:
        """
        Do what `_follow` does, without remembering.
        """
        self._skipping -= 1
        states, moves = node.states, self._moves
        has_skips = any(track.sources for track in self._tracks)
        for token in tokens:
            forward, again = moves.get(token) or self._moves_of(token)
            states = (states & forward) << 1 | states & again
            if has_skips or states & self._branching:
                states = self._close(states)
            if not states:
                break
        return self._nodes.get(states) or _Node(self, states)

    def _make_room(self) -> None:
        # Kept if they are few: the states that read a token take longest to work out.
        self._forget_steps()
        if self._remembered > self.bound // 2:
            self.forget()

    def _add_literals(self, start: int, literals: str) -> None:
        self._literals += literals
        added: dict[str, int] = {}
        for state, token in enumerate(literals):
            if token in self._reading and token != NO_TOKEN:
                added[token] = added.get(token, 0) | 1 << state
        for token, states in added.items():
            self._reading[token] |= states << start

    def _node(self, states: int) -> _Node:
        node = self._nodes.get(states)
        if node is None:
            node = self._nodes[states] = _Node(self, states)
            self._remembered += _SET_BYTES + self.size // 8
        return node

    def _close(self, states: int) -> int:
        """
        Add the states to which branches and skips lead from *states*.
        """
        branch = states & self._branching
        if branch:
            # The stem has no loops, so at most one of its states is reached.
            states |= self._branches[branch]
        for track in self._tracks:
            sources = states & track.sources
            if sources:
                states |= ((sources + track.run) ^ track.run) & track.sinks
        return states

    def _moves_of(self, token: str) -> tuple[int, int]:
        """
        Return the states that *token* leads on from, and those that it stays in.
        """
        if self._remembered > self.bound:
            self._make_room()
        forward = self._reading.get(token)
        if forward is None:
            forward = self._reading[token] = _places(token, self._literals)
        again = 0
        for kind, states in self._classes.items():
            if kind.accepts(token):
                forward |= states
        for kind, states in self._loops.items():
            if kind.accepts(token):
                again |= states
        self._remembered += _STEP_BYTES + 3 * (self.size // 8)
        moves = self._moves[token] = (forward, again)
        return moves

    def _found(self, ending: int) -> tuple[V, ...]:
        found = []
        # A text is searched faster than a number is changed.
        bits = f"{ending:b}"[::-1]
        end = bits.find("1")
        while end >= 0:
            found.append(self._ends[end])
            end = bits.find("1", end + 1)
        return tuple(found)

    def _forget_steps(self) -> None:
        # Emptied one by one, because nodes refer to each other in circles; listed
        # first, because another thread may be matching.
        for node in list(self._nodes.values()):
            node.clear()
        self._nodes.clear()
        self._moves.clear()
        self._start = None
        self._remembered = sum(map(getsizeof, self._reading.values()))


def _places(token: str, text: str) -> int:
    """
    Return where *token* stands in *text*, as a number with a bit for each place.
    """
    places = bytearray(len(text) // 8 + 1)
    at = -1 if token == NO_TOKEN else text.find(token)
    while at >= 0:
        places[at >> 3] |= 1 << (at & 7)
        at = text.find(token, at + 1)
    return int.from_bytes(places, "little")
