"""
Matchers: selectors as a client asks for them, before they are parsed.

A text alone does not say how it is meant: ``/books/:id`` is an exact name and a URL
Pattern, ``{a}`` an exact name and a URI Template.  So a matcher has both, the text and
its type.  Parsing takes time, so a request is counted and measured first.

Nothing here does I/O, keeps time, or imports Twisted.  Comments that begin with
"Mercure:" follow that protocol.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from twisted_sse.topics.names import check_selector
from twisted_sse.topics.selectors import Everything, Exact, Selector
from twisted_sse.topics.urlpattern import URLPattern

__all__ = ["MatchType", "Matcher"]

#: How the text of a `Matcher` is meant.
MatchType = Literal["exact", "urlpattern"]


class Matcher(NamedTuple):
    """
    A selector that has a type.

    Attributes:
        type: ``exact`` for one topic, even if the text has braces; ``urlpattern``
            for a URL Pattern.

        text: Sent by the client, so trust nothing about it.

        base: The URL that paths belong to; see `URLPattern`.
    """

    type: MatchType
    text: str
    base: str = ""

    def parse(self) -> Selector:
        """
        Parse the text.

        Raises:
            InvalidSelector: It is not a selector of this type.
        """
        # Mercure: "*" matches every topic, whatever the type.
        if self.text == "*":
            return Everything()
        if self.type == "exact":
            return Exact(self.text)
        check_selector(self.text)
        return URLPattern(self.text, self.base)
