"""
The machine: matches a topic in one pass, whatever the selector.

Matching takes time linear in the topic: selectors come from strangers, and one
that could hold the reactor would be a weapon.  So no selector ever becomes a
regular expression; all kinds become a plan, and the plan one small machine that
reads a topic once, forward only.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from twisted_sse.errors import InvalidSelector

__all__ = [
    "BYTE",
    "CONTINUATION",
    "MAX_SELECTOR_STATES",
    "MAX_SELECTOR_VARIABLES",
    "Machine",
    "Plan",
    "TokenClass",
]

#: The most states of a selector's machine.  They are the bits of one number,
#: and a step on a number of this size costs about what a call costs.
MAX_SELECTOR_STATES: Final = 1024

#: The most variables of a selector, because each may add two steps to a
#: character.  Far more than a URL has parts.
MAX_SELECTOR_VARIABLES: Final = 64

# How many steps a machine remembers: it bounds the memory that a stranger's
# selector can claim.  Measured: 6 kB for a usual template, 60 kB for one of 960
# states.
_REMEMBERED_STEPS: Final = 256

# A topic is read token by token: a character, or a percent-encoded byte.
_TOKENS = re.compile("%[0-9A-Fa-f]{2}|.", re.DOTALL)

#: What stands for percent-encoded bytes in a class: those that begin a character
#: of UTF-8, and those that continue one.  Neither can be a token.
BYTE = "%xx"
CONTINUATION = "%8x"


class TokenClass(NamedTuple):
    """
    A set of tokens: those listed, or all but those.
    """

    members: frozenset[str]
    inverted: bool = False

    def accepts(self, token: str) -> bool:
        """
        Say whether *token* is in the set.
        """
        if len(token) > 1:
            token = CONTINUATION if 0x80 <= int(token[1:], 16) < 0xC0 else BYTE
        return (token in self.members) != self.inverted


_CONTINUATIONS = TokenClass(frozenset({CONTINUATION}))


class _Node(dict[str, "_Node"]):
    """
    A set of states, and where the tokens met so far lead from it.
    """

    __slots__ = ("machine", "states")

    def __init__(self, machine: Machine, states: int) -> None:
        self.machine = machine
        self.states = states

    def __missing__(self, token: str) -> _Node:
        return self.machine.step(self, token)


class Machine:
    """
    Matches a topic in one pass, however many ways a selector could match it.

    A nondeterministic automaton: state *i* is bit *i* of a number, and all
    states advance at once.  A token leads from a state to the next, or back to
    the same; a jump leads to later states without a token.  Steps are
    remembered, so that a token mostly costs one dict lookup.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._reach = plan.reach()
        self._jumping = sum(self._reach)
        self._end = 1 << plan.here
        self._start = _Node(self, self._close(1))
        self._nodes: dict[int, _Node] = {}
        self._remembered = 0

    def matches(self, text: str) -> bool:
        """
        Say whether *text* leads from the first state to the last.
        """
        prefix = self._plan.prefix
        if not text.startswith(prefix):
            return False
        node = self._start
        rest = text[len(prefix) :]
        for token in _TOKENS.findall(rest) if "%" in rest else rest:
            node = node[token]
            if not node.states:
                return False
        return node.states & self._end != 0

    def step(self, node: _Node, token: str) -> _Node:
        """
        Work out where *token* leads, and remember it.
        """
        if self._remembered >= _REMEMBERED_STEPS:
            self._forget()
        forward = self._plan.literals.get(token, 0) | _accepting(self._plan.classes, token)
        again = _accepting(self._plan.loops, token)
        states = self._close((node.states & forward) << 1 | node.states & again)
        found = self._nodes.get(states)
        if found is None:
            found = self._nodes[states] = _Node(self, states)
        node[token] = found
        self._remembered += 1
        return found

    def _close(self, states: int) -> int:
        jumping = states & self._jumping
        while jumping:
            lowest = jumping & -jumping
            states |= self._reach[lowest]
            jumping ^= lowest
        return states

    def _forget(self) -> None:
        # Emptied one by one, because nodes refer to each other in circles.
        for node in self._nodes.values():
            node.clear()
        self._nodes.clear()
        self._start.clear()
        self._remembered = 0


def _accepting(classes: dict[TokenClass, int], token: str) -> int:
    states = 0
    for kind, mask in classes.items():
        if kind.accepts(token):
            states |= mask
    return states


class Plan:
    """
    A machine being built: every method adds to its end.
    """

    def __init__(self) -> None:
        #: What every match begins with: found by `startswith`, without states.
        self.prefix = ""
        #: The number of the present state, which is the last so far.
        self.here = 0
        self.literals: dict[str, int] = {}
        self.classes: dict[TokenClass, int] = {}
        self.loops: dict[TokenClass, int] = {}
        self._jumps: dict[int, int] = {}
        self._in_prefix = True
        self._variables = 0

    def mark(self) -> int:
        """
        End the prefix, because the present state will get a loop or a jump.
        """
        self._in_prefix = False
        return self.here

    def variable(self) -> None:
        """
        Count one more variable.
        """
        self._variables += 1
        if self._variables > MAX_SELECTOR_VARIABLES:
            raise InvalidSelector(
                f"The selector has too many variables: use at most {MAX_SELECTOR_VARIABLES}."
            )

    def literal(self, text: str) -> None:
        """
        Add *text*, which matches itself.
        """
        if self._in_prefix:
            self.prefix += text
            return
        for token in _TOKENS.findall(text):
            self.literals[token] = self.literals.get(token, 0) | 1 << self._advance()

    def one(self, kind: TokenClass) -> None:
        """
        Add exactly one token of *kind*.
        """
        self.classes[kind] = self.classes.get(kind, 0) | 1 << self._advance()

    def any(self, kind: TokenClass) -> None:
        """
        Add any number of tokens of *kind*.

        Two of these in a row are one of the wider kind, which is exact because
        whatever meets here is nested: V and comma within V and R, for example.
        """
        self.loops[kind] = self.loops.get(kind, 0) | 1 << self.mark()

    def up_to(self, limit: int, members: frozenset[str]) -> None:
        """
        Add at most *limit* characters of *members*.

        The number is chosen at the beginning, by a jump, so that there is one
        jump and not one for each character.
        """
        start = self.mark()
        for _ in range(limit):
            self.one(TokenClass(members))
            self.any(_CONTINUATIONS)
            self.jump(start, self.here)

    def jump(self, source: int, target: int) -> None:
        """
        Let a match go on at *target* when it is at *source*, which is earlier.
        """
        self._jumps[source] = self._jumps.get(source, 0) | 1 << target

    def gap(self) -> int:
        """
        Add a state that only jumps lead to.
        """
        self._advance()
        return self.here

    def join(self, ends: Iterable[int]) -> None:
        """
        Add a state to which *ends* and the present state lead.
        """
        ended = self.here
        joined = self.gap()
        for end in (*ends, ended):
            self.jump(end, joined)

    def reach(self) -> dict[int, int]:
        """
        For each state that jumps: its bit, and all states that it jumps to.
        """
        reach: dict[int, int] = {}
        for source in sorted(self._jumps, reverse=True):
            targets = self._jumps[source]
            for later, further in reach.items():
                if targets & later:
                    targets |= further
            reach[1 << source] = targets
        return reach

    def _advance(self) -> int:
        before = self.mark()
        self.here += 1
        if self.here >= MAX_SELECTOR_STATES:
            raise InvalidSelector(
                "The selector is too complex: use fewer characters after the first variable,"
                " or shorter prefixes."
            )
        return before
