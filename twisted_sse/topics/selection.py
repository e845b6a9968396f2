"""
Selections: what one subscriber asks for, may read, and so gets to see.

A selection is a value: equal ones can be shared, and what it selects never changes.

Nothing here does I/O, keeps time, or imports Twisted.  Comments that begin with
"Mercure:" follow that protocol.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics.names import check_selector
from twisted_sse.topics.selectors import Everything, Exact, Pattern, Selector, parse_selector
from twisted_sse.topics.templates import URITemplate
from twisted_sse.topics.urlpattern import URLPattern

__all__ = ["Interest", "Selection"]


@dataclass(frozen=True, slots=True)
class Selection:
    """
    What one subscriber asks for, or may read: any of several selectors.

    Made by `Selection.of`.  Equal to every selection of the same selectors,
    whatever their order, so that subscribers with equal ones can share work.

    Attributes:
        everything: Whether `*` is among the selectors; the others are then
            left out, because they add nothing.

        exact: The names, to index by.

        patterns: The templates and URL patterns, sorted, without duplicates.
    """

    everything: bool
    exact: frozenset[str]
    patterns: tuple[Pattern, ...]

    @classmethod
    def of(cls, selectors: Iterable[str | Selector]) -> Selection:
        """
        Make a selection.

        Args:
            selectors: Text is read by `parse_selector`.

        Raises:
            InvalidSelector: There is none, or one of them is invalid.
        """
        if isinstance(selectors, str):
            selectors = (selectors,)
        parsed = {_selector(s) for s in selectors}
        if not parsed:
            raise InvalidSelector("There is no selector: give at least one, or * for everything.")
        if any(isinstance(s, Everything) for s in parsed):
            return cls(True, frozenset(), ())
        exact = frozenset(s.text for s in parsed if isinstance(s, Exact))
        patterns = [s for s in parsed if isinstance(s, URITemplate | URLPattern)]
        return cls(False, exact, tuple(sorted(patterns, key=repr)))

    def matches(self, topics: Sequence[str]) -> bool:
        """
        Say whether any selector matches any of *topics*.
        """
        if self.everything or not self.exact.isdisjoint(topics):
            return True
        for pattern in self.patterns:
            for topic in topics:
                if pattern.matches(topic):
                    return True
        return False


@dataclass(frozen=True, slots=True)
class Interest:
    """
    What one subscriber gets to see: what it wants, as far as it is allowed.

    Attributes:
        wanted: What it asked for.

        readable: What its grant lets it read, or None for nothing.

        public: Whether publications that are not private need no grant.
    """

    wanted: Selection
    readable: Selection | None
    public: bool

    def matches(self, topics: Sequence[str], private: bool) -> bool:
        """
        Say whether the subscriber gets a publication.

        Mercure: one topic has to be wanted and one readable, and they need not
        be the same one.
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


def _selector(value: str | Selector) -> Selector:
    if isinstance(value, Everything | Exact | URITemplate | URLPattern):
        return value
    check_selector(value)
    return parse_selector(value)
