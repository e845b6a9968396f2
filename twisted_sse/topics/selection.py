"""
Selections: the topics that one subscriber asks for, may read, and so receives.

A selection is an immutable value: equal selections can be shared.

Nothing here does I/O, keeps time, or imports Twisted.  Comments that begin with
"Mercure:" follow that protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from sys import getsizeof
from typing import Final

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics.cache import BoundedCache
from twisted_sse.topics.matchers import Matcher
from twisted_sse.topics.names import check_selector
from twisted_sse.topics.patternindex import PatternIndex
from twisted_sse.topics.selectors import Everything, Exact, Pattern, Selector, parse_selector
from twisted_sse.topics.templates import URITemplate
from twisted_sse.topics.urlpattern import URLPattern

__all__ = ["MAX_REQUEST_COST", "MAX_REQUEST_SIZE", "Interest", "Selection"]

#: The most bytes of UTF-8 in all selectors of one request together.  A hundred
#: selectors, the most that a request may have by default, of 650 bytes each.
MAX_REQUEST_SIZE: Final = 64 * 1024

#: The most that all templates and URL patterns of one request may cost together: one
#: for each character, a prefix (`:3`) counts as its length, and eight for each variable.
#: Room for a hundred of 300 characters.  Measured: 13 ms to parse, at most.
MAX_REQUEST_COST: Final = 32 * 1024

# What the indexes of selections may take together, in bytes: those of a hundred
# replays that go on at once, if each has ten usual templates.
_INDEX_BYTES: Final = 16 * 1024 * 1024

# What a selection and each of its selectors take beside their text, in bytes:
# measured with tracemalloc on CPython 3.11.
_SELECTION_BYTES: Final = 400
_SELECTOR_BYTES: Final = 150


@dataclass(frozen=True, slots=True)
class Selection:
    """
    The topics that any of several selectors selects.

    Made by `Selection.of`.  Selections of the same selectors are equal, whatever
    their order, so that their subscribers can share work.

    Iterating over one gives the texts of its selectors in alphabetical order, and so does
    `str`.

    Attributes:
        everything: Whether `*` is among the selectors; the others are then
            left out, because they add nothing.

        exact: The exact names.

        patterns: The templates and URL patterns, sorted, without duplicates.
    """

    everything: bool
    exact: frozenset[str]
    patterns: tuple[Pattern, ...]
    # A hash of a hundred templates takes long, and every cache asks for it.
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_hash", hash((self.everything, self.exact, self.patterns)))

    def __hash__(self) -> int:
        return self._hash

    def __iter__(self) -> Iterator[str]:
        if self.everything:
            yield "*"
        yield from sorted([*self.exact, *(pattern.text for pattern in self.patterns)])

    def __len__(self) -> int:
        return self.everything + len(self.exact) + len(self.patterns)

    def __str__(self) -> str:
        return ", ".join(self)

    def __reduce__(self) -> tuple[type[Selection], tuple[object, ...]]:
        # Without the hash, which differs between processes.
        return Selection, (self.everything, self.exact, self.patterns)

    @property
    def weight(self) -> int:
        """
        The bytes that this selection takes in memory, about.
        """
        texts = [*self.exact, *(pattern.text for pattern in self.patterns)]
        return _SELECTION_BYTES + sum(_SELECTOR_BYTES + getsizeof(text) for text in texts)

    @classmethod
    def requested(cls, asked: Sequence[str | Matcher]) -> Selection:
        """
        Make the selection that a client asks for.

        Args:
            asked: Sent by the client, so trust nothing about it.  A str is parsed by
                `parse_selector`.

        Raises:
            InvalidSelector: *asked* is empty or larger than `MAX_REQUEST_SIZE`, costs
                more than `MAX_REQUEST_COST`, or a part of it is invalid.
        """
        texts = [one.text if isinstance(one, Matcher) else one for one in asked]
        # A character has at least one byte, so this bounds the encoding, too.
        size = sum(map(len, texts))
        if size <= MAX_REQUEST_SIZE:
            size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
        _check_size(size)
        selectors: set[Selector] = set()
        cost = 0
        for one in asked:
            selector = one.parse() if isinstance(one, Matcher) else _selector(one)
            if isinstance(selector, URITemplate | URLPattern) and selector not in selectors:
                cost += selector.cost
            _check_cost(cost)
            selectors.add(selector)
        return cls.of(selectors)

    @classmethod
    def of(cls, selectors: Iterable[str | Selector]) -> Selection:
        """
        Make a selection.

        Args:
            selectors: A str is parsed by `parse_selector`.

        Raises:
            InvalidSelector: *selectors* is empty, or one of them is invalid.
        """
        if isinstance(selectors, str):
            selectors = (selectors,)
        parsed = {_selector(s) for s in selectors}
        if not parsed:
            raise InvalidSelector("No selector is given: give at least one, or * for every topic.")
        if any(isinstance(s, Everything) for s in parsed):
            return cls(True, frozenset(), ())
        exact = frozenset(s.text for s in parsed if isinstance(s, Exact))
        patterns = [s for s in parsed if isinstance(s, URITemplate | URLPattern)]
        return cls(False, exact, tuple(sorted(patterns, key=repr)))

    def changed(self, add: Selection | None, remove: Selection | None) -> Selection | None:
        """
        Return this selection without the selectors of *remove* and with those of *add*;
        ``None`` if none is left.

        Raises:
            InvalidSelector: The result is larger than a request may be; see `requested`.
        """
        left = self if remove is None else self.without(remove)
        if left is None or add is None:
            return left or add
        if left.everything or add.everything:
            return Selection(True, frozenset(), ())
        exact = left.exact | add.exact
        patterns = tuple(sorted({*left.patterns, *add.patterns}, key=repr))
        texts = [*exact, *(pattern.text for pattern in patterns)]
        _check_size(sum(len(text.encode("utf-8")) for text in texts))
        _check_cost(sum(pattern.cost for pattern in patterns))
        return Selection(False, exact, patterns)

    def without(self, other: Selection) -> Selection | None:
        """
        Return the selectors that are not in *other*; ``None`` if all are.
        """
        everything = self.everything and not other.everything
        exact = self.exact - other.exact
        patterns = tuple(one for one in self.patterns if one not in other.patterns)
        if not (everything or exact or patterns):
            return None
        return Selection(everything, exact, patterns)

    def matches(self, topics: Sequence[str]) -> bool:
        """
        Return whether any selector selects any of *topics*.
        """
        if self.everything or not self.exact.isdisjoint(topics):
            return True
        if not self.patterns:
            return False
        index = _indexes.get(self)
        if index is None:
            index = self._index()
        return any(map(index.has, topics))

    def _index(self) -> PatternIndex[bool]:
        index: PatternIndex[bool] = PatternIndex()
        for pattern in self.patterns:
            index.add(pattern, True)
        _indexes.put(self, index, index.weight)
        return index


# Of the selections that are matched one by one, as a replay does: made when needed.
_indexes: BoundedCache[Selection, PatternIndex[bool]] = BoundedCache(
    _INDEX_BYTES, PatternIndex[bool].forget
)


@dataclass(frozen=True, slots=True)
class Interest:
    """
    The publications that one subscriber receives: what it wants and may read.

    Attributes:
        wanted: The topics that it asked for.

        readable: The topics that its grant covers, or None for no topic.

        public: Whether it may read every publication that is not private.
    """

    wanted: Selection
    readable: Selection | None
    public: bool

    def matches(self, topics: Sequence[str], private: bool) -> bool:
        """
        Return whether the subscriber receives a publication.

        Mercure: one topic has to be wanted and one readable; they may differ.
        """
        if not self.wanted.matches(topics):
            return False
        if self.public and not private:
            return True
        return self.readable is not None and self.readable.matches(topics)

    def may_read(self, topics: Sequence[str], private: bool) -> bool:
        """
        Say whether the subscriber may read a publication, wanted or not.
        """
        if self.public and not private:
            return True
        return self.readable is not None and self.readable.matches(topics)


def _check_size(size: int) -> None:
    if size > MAX_REQUEST_SIZE:
        raise InvalidSelector(
            f"The selectors are too long: use at most {MAX_REQUEST_SIZE} bytes of UTF-8 in all."
        )


def _check_cost(cost: int) -> None:
    if cost > MAX_REQUEST_COST:
        raise InvalidSelector(
            "The selectors are too complex together: use fewer of them, fewer variables,"
            " or shorter prefixes."
        )


def _selector(value: str | Selector) -> Selector:
    if isinstance(value, Everything | Exact | URITemplate | URLPattern):
        return value
    check_selector(value)
    return parse_selector(value)
