"""
Selectors: which topics a subscriber wants, or may read.

Text becomes a selector once, at the edge; whoever holds a selector knows that it
is valid.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from twisted_sse.topics.names import check_selector
from twisted_sse.topics.templates import URITemplate
from twisted_sse.topics.urlpattern import URLPattern

__all__ = ["Everything", "Exact", "Pattern", "Selector", "parse_selector"]

# How many selectors stay compiled: together with the steps that a machine
# remembers it bounds the memory that strangers' selectors can claim.
_CACHED_SELECTORS: Final = 1024


@dataclass(frozen=True, slots=True)
class Everything:
    """
    Selects every topic.  Written `*`.
    """

    text: str = field(default="*", init=False)

    def matches(self, topic: str) -> bool:
        """
        Say that *topic* is selected.
        """
        return True


@dataclass(frozen=True, slots=True)
class Exact:
    """
    Selects the one topic that is the same, byte for byte.

    Raises:
        InvalidSelector: *text* could not be a topic.
    """

    text: str

    def __post_init__(self) -> None:
        check_selector(self.text)

    def matches(self, topic: str) -> bool:
        """
        Say whether *topic* is selected.
        """
        return topic == self.text


#: What has to be matched, because no index finds it.
Pattern: TypeAlias = URITemplate | URLPattern
#: What a subscriber may ask for.
Selector: TypeAlias = Exact | Everything | URITemplate | URLPattern


@lru_cache(maxsize=_CACHED_SELECTORS)
def parse_selector(text: str) -> Selector:
    """
    Read a selector that came as text: `*`, a URI Template, or an exact name.

    Anything with a brace is a template.  A URL Pattern cannot be told from a
    name, so it has to be said: `URLPattern(text)`.

    Raises:
        InvalidSelector: *text* is none of them, in a sentence for whoever sent it.
    """
    check_selector(text)
    if text == "*":
        return Everything()
    if "{" in text or "}" in text:
        return URITemplate(text)
    return Exact(text)
