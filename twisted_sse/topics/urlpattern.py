"""
URL Patterns: selectors of URLs by their parts.

An invalid pattern is refused when it is made, and never when a topic is matched.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted_sse.topics.names import check_selector
from twisted_sse.topics.patternindex import matches_alone
from twisted_sse.topics.plan import Plan
from twisted_sse.topics.tokens import tokens_of
from twisted_sse.topics.urlparser import parse_url_pattern
from twisted_sse.topics.urls import canonical_url

__all__ = ["URLPattern"]


@dataclass(frozen=True, slots=True)
class URLPattern:
    """
    Selects URLs by a subset of the WHATWG URL Pattern.

    `:name` matches one or more characters of a path segment or host label, `*`
    any characters of the component it stands in, `{...}` groups, `{...}?`,
    `:name?` and `*?` are optional (with the slash before, as in `/books/:id?`),
    and a backslash takes the next character literally.  A query or fragment
    that the pattern does not mention may be anything.  Regular expressions and
    the modifiers `+` and `*` are refused.

    Topics are parsed as a browser parses URLs, as far as that matters here: the
    letter case of scheme and host, default ports, dot segments, and the
    percent-encoding of characters that a URL cannot contain make no difference.
    A non-ASCII host is only compared as it is written.  A topic that is not such
    a URL, or has a user name, is not selected.

    Args:
        text: `scheme://host/path...`, or a path that begins with a slash.

        base: The URL of the hub.  A path, in *text* or a topic, belongs to
            this origin.  Without a base, paths match paths and URLs match URLs.

    Attributes:
        cost: What parsing and matching it takes: see `MAX_REQUEST_COST`.

    Raises:
        InvalidSelector: *text* is not such a pattern, or is too complex.
    """

    text: str
    base: str = ""
    cost: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_selector(self.text)
        object.__setattr__(self, "cost", self.plan().cost)

    @property
    def kind(self) -> str:
        """
        Equal for patterns that read topics alike.
        """
        return self.base

    @property
    def selects_itself(self) -> bool:
        """
        Whether the topic that is equal to *text* is selected, too.
        """
        return False

    def plan(self) -> Plan:
        """
        Return what an automaton needs to match this pattern.
        """
        return parse_url_pattern(self.text, self.base)

    def read(self, topic: str) -> str | None:
        """
        Return *topic* as the automaton reads it, or None if it is not a URL with a host.
        """
        url = canonical_url(topic, self.base)
        return None if url is None else tokens_of(url)

    def matches(self, topic: str) -> bool:
        """
        Return whether *topic* is selected.
        """
        return matches_alone(self, topic)
