"""
Plans: what an automaton needs to know of one selector.

The parsers of selectors write a plan from left to right; an automaton joins the
plans of many selectors.  A plan is thrown away after use.

The law of skips: a skip leads from its source to every sink to its right, up to
where its track is interrupted.  An automaton follows the tracks in their order,
each once, so a skip on one track never has to lead to a source on an earlier one.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from typing import Final

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics.tokens import CONTINUATIONS, NO_TOKEN, TokenClass, tokens_of

__all__ = ["MAX_SELECTOR_STATES", "MAX_SELECTOR_VARIABLES", "TRACKS", "Plan", "Track"]

#: The most states that a selector has after its literal prefix.  The states are
#: the bits of numbers, so each costs memory and time.
MAX_SELECTOR_STATES: Final = 1024

#: The most variables of a selector.  Far more than a URL has parts.
MAX_SELECTOR_VARIABLES: Final = 64

# A variable takes as long to parse as this many characters, measured.
_VARIABLE_COST: Final = 8

#: How many tracks of skips a plan has.
TRACKS: Final = 3

_CONTINUATIONS = TokenClass(CONTINUATIONS)


class Track:
    """
    Skips: epsilon transitions from sources to the sinks on their right.

    A skip is a carry of an addition: adding a source to *run* flips every bit
    from the source up to the first bit that is not in *run*.

    Attributes:
        sources: The states that a skip begins at.

        run: The states that a skip passes.

        sinks: The states that a skip leads to.
    """

    __slots__ = ("run", "sinks", "sources")

    def __init__(self) -> None:
        self.sources = self.run = self.sinks = 0


class Plan:
    """
    The states of one selector.  Sets of states are numbers: state *i* is bit *i*.

    Every method adds to the end.

    Attributes:
        prefix: The tokens that every match begins with; they have no states.

        here: The present state, which is the last so far.

        literals: The token that leads from each state to the next, or `NO_TOKEN`.

        classes: Like *literals*, for classes of tokens.

        loops: The classes of tokens that lead from a state to itself.

        tracks: The skips.
    """

    def __init__(self) -> None:
        self.prefix = ""
        self.here = 0
        self.literals = ""
        self.classes: dict[TokenClass, int] = {}
        self.loops: dict[TokenClass, int] = {}
        self.tracks = tuple(Track() for _ in range(TRACKS))
        self._in_prefix = True
        self._variables = 0

    @property
    def states(self) -> int:
        """
        The number of states, with one for each token of the prefix.
        """
        return len(self.prefix) + self.here + 1

    @property
    def cost(self) -> int:
        """
        The number of states; each variable counts as eight more.
        """
        return self.states + _VARIABLE_COST * self._variables

    @property
    def ending(self) -> str:
        """
        The last tokens that every match ends with, at most three.

        Measured: with three, a topic with a random ending passes most blocks of ten
        thousand templates with random endings.
        """
        # The tokens after the last state that is reached in another way than by a literal.
        reached = 0
        for states in self.loops.values():
            reached |= states
        for states in self.classes.values():
            reached |= states << 1
        for track in self.tracks:
            reached |= track.sinks
        fixed = (
            self.literals[reached.bit_length() - 1 :] if reached else self.prefix + self.literals
        )
        return fixed[-3:]

    def mark(self) -> int:
        """
        End the prefix, because the present state gets a loop or a skip; return it.
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
            self.prefix += tokens_of(text)
            return
        self._advance(tokens_of(text))

    def one(self, kind: TokenClass) -> None:
        """
        Add exactly one token of *kind*.
        """
        self.classes[kind] = self.classes.get(kind, 0) | 1 << self.mark()
        self._advance(NO_TOKEN)

    def any(self, kind: TokenClass) -> None:
        """
        Add any number of tokens of *kind*.

        Two of these in a row are one of the wider kind, which is exact because
        the kinds that meet here are nested: V and comma within V and R, for example.
        """
        self.loops[kind] = self.loops.get(kind, 0) | 1 << self.mark()

    def gap(self) -> int:
        """
        Add a state that only skips lead to, and return it.
        """
        self._advance(NO_TOKEN)
        return self.here

    def up_to(self, limit: int, kind: TokenClass) -> int:
        """
        Add at most *limit* characters of *kind*, however many bytes each has.

        Returns:
            The set of the states at which they may end.
        """
        first = self.mark()
        self._advance(NO_TOKEN * limit)
        begun, ended = (1 << self.here) - (1 << first), (2 << self.here) - (2 << first)
        self.classes[kind] = self.classes.get(kind, 0) | begun
        self.loops[_CONTINUATIONS] = self.loops.get(_CONTINUATIONS, 0) | ended
        return ended | 1 << first

    def skip(self, track: int, source: int, sink: int) -> None:
        """
        Let a match at *source* go on at *sink*, which is later.
        """
        self.skip_all(track, 1 << source, sink)

    def skip_all(self, track: int, sources: int, sink: int) -> None:
        """
        Let a match at any of *sources*, a set of states, go on at *sink*.
        """
        skips = self.tracks[track]
        skips.sources |= sources
        skips.run |= (1 << sink) - (sources & -sources)
        skips.sinks |= 1 << sink

    def join(self, track: int, sources: int) -> None:
        """
        Add a state to which all of *sources*, a set of states, skip.
        """
        self.skip_all(track, sources, self.gap())

    def _advance(self, tokens: str) -> None:
        self.mark()
        self.literals += tokens
        self.here += len(tokens)
        if self.here >= MAX_SELECTOR_STATES:
            raise InvalidSelector(
                "The selector is too complex: use fewer characters after the first variable,"
                " or shorter prefixes."
            )
