"""
URL Patterns: selectors of URLs by their parts.

An invalid pattern is refused when it is made, and never when a topic is matched.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from twisted_sse.topics.automaton import Machine
from twisted_sse.topics.names import check_selector
from twisted_sse.topics.urlparser import compile_url_pattern
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

    Raises:
        InvalidSelector: *text* is not such a pattern, or is too complex.
    """

    text: str
    base: str = ""
    _machine: Machine = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_selector(self.text)
        object.__setattr__(self, "_machine", compile_url_pattern(self.text, self.base))

    def matches(self, topic: str) -> bool:
        """
        Return whether *topic* is selected.
        """
        url = canonical_url(topic, self.base)
        return url is not None and self._machine.matches(url)

    def __reduce__(self) -> tuple[type[URLPattern], tuple[str, str]]:
        # Without the machine, which is made again.
        return URLPattern, (self.text, self.base)
