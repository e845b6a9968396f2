"""
The selectors in tokens.

Their issuer is trusted, but may have copied them from its users: so together they are
bounded as those of a request are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted_sse.errors import InvalidSelector
from twisted_sse.topics import (
    MAX_REQUEST_COST,
    Everything,
    Exact,
    Selection,
    Selector,
    URITemplate,
    URLPattern,
    parse_selector,
)
from twisted_sse.web.tokens.refusal import TokenRefused, shown

__all__ = ["exact_selector", "selection_of", "selector", "url_pattern"]


def selector(text: Any, where: str) -> Selector:
    """
    Parse a selector of Mercure 0.x: ``*``, a name or a URI template.

    Args:
        where: What it is in the token, for the log.

    Raises:
        TokenRefused: It is invalid.
    """
    return _parse(parse_selector, text, where)


def exact_selector(text: Any, where: str) -> Selector:
    """
    Make the selector of a name; ``*`` is everything.

    Raises:
        TokenRefused: It is invalid.
    """
    return Everything() if text == "*" else _parse(Exact, text, where)


def url_pattern(text: Any, base: str, where: str) -> Selector:
    """
    Parse a URL pattern; ``*`` is everything.

    Args:
        base: The URL of the hub, which relative patterns belong to; may be empty.

    Raises:
        TokenRefused: It is invalid.
    """
    if text == "*":
        return Everything()
    return _parse(lambda given: URLPattern(given, base), text, where)


def selection_of(selectors: Sequence[Selector], where: str) -> Selection | tuple[()]:
    """
    Join *selectors*, of which there may be none.

    Raises:
        TokenRefused: They are too complex together.
    """
    cost = sum(one.cost for one in set(selectors) if isinstance(one, URITemplate | URLPattern))
    if cost > MAX_REQUEST_COST:
        raise TokenRefused(f"{where} is too complex: it costs {cost}, more than {MAX_REQUEST_COST}")
    return Selection.of(selectors) if selectors else ()


def _parse(parse: Callable[[str], Selector], text: Any, where: str) -> Selector:
    if not isinstance(text, str):
        raise TokenRefused(f"{where} has {shown(text)}, not a text")
    try:
        return parse(text)
    except InvalidSelector as error:
        raise TokenRefused(
            f"{where} has {shown(text)}, which is not a selector: {str(error).removesuffix('.')}"
        ) from None
