"""
Selections: the topics that one subscriber asks for, may read, and so receives.

A selection is an immutable value: equal selections can be shared.

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
    The topics that any of several selectors selects.

    Made by `Selection.of`.  Selections of the same selectors are equal, whatever
    their order, so that their subscribers can share work.

    Attributes:
        everything: Whether `*` is among the selectors; the others are then
            left out, because they add nothing.

        exact: The exact names.

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

    def matches(self, topics: Sequence[str]) -> bool:
        """
        Return whether any selector selects any of *topics*.
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


def _selector(value: str | Selector) -> Selector:
    if isinstance(value, Everything | Exact | URITemplate | URLPattern):
        return value
    check_selector(value)
    return parse_selector(value)
