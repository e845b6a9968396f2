"""
Selectors: the topics that a subscriber wants, or may read.

Text becomes a selector once, at the edge; a selector is always valid.

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

# The longest selector that is remembered, and how many are: 1 MB at most.
_REMEMBERED_SIZE: Final = 128
_REMEMBERED: Final = 1024


@dataclass(frozen=True, slots=True)
class Everything:
    """
    Selects every topic.  It is written `*`.
    """

    text: str = field(default="*", init=False)

    def matches(self, topic: str) -> bool:
        """
        Return True: every topic is selected.
        """
        return True


@dataclass(frozen=True, slots=True)
class Exact:
    """
    Selects the topic that is equal to *text*, byte for byte.

    Raises:
        InvalidSelector: *text* cannot be a topic.
    """

    text: str

    def __post_init__(self) -> None:
        check_selector(self.text)

    def matches(self, topic: str) -> bool:
        """
        Return whether *topic* is selected.
        """
        return topic == self.text


#: A selector of many topics, which only matching can tell.
Pattern: TypeAlias = URITemplate | URLPattern
#: Any selector.
Selector: TypeAlias = Exact | Everything | URITemplate | URLPattern


def parse_selector(text: str) -> Selector:
    """
    Parse a selector: `*`, a URI Template, or an exact name.

    Any text with a brace is a template.  A URL Pattern looks like a name, so it
    has to be made explicitly: `URLPattern(text)`.

    Raises:
        InvalidSelector: *text* is none of these; the message is for its sender.
    """
    check_selector(text)
    parse = _parse_remembered if len(text) <= _REMEMBERED_SIZE else _parse
    return parse(text)


def _parse(text: str) -> Selector:
    if text == "*":
        return Everything()
    if "{" in text or "}" in text:
        return URITemplate(text)
    return Exact(text)


_parse_remembered = lru_cache(maxsize=_REMEMBERED)(_parse)
