"""
What a token of Mercure 1.0 grants: the claim ``authorization_details``.

Follows RFC 9396 and draft-dunglas-mercure-08; comments that begin with "Mercure 1.0:"
follow the latter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from twisted_sse.topics import Selector
from twisted_sse.web.tokens.claims import Granted
from twisted_sse.web.tokens.refusal import TokenRefused, shown
from twisted_sse.web.tokens.selectors import exact_selector, selection_of, url_pattern

__all__ = ["DETAIL_TYPE", "MAX_DETAILS", "MAX_DETAIL_TOPICS", "read_authorization_details"]

#: The type of the details that are meant for a hub.
DETAIL_TYPE: Final = "https://mercure.rocks/authorization-detail"

#: The most details of one token, and the most topics of all of them.
MAX_DETAILS: Final = 100
MAX_DETAIL_TOPICS: Final = 100

_CLAIM = "authorization_details"


def read_authorization_details(claims: Mapping[str, Any], base: str) -> Granted:
    """
    Read what a token grants.  Without the claim it grants nothing.

    Args:
        base: The URL of the hub, which relative URL patterns belong to.

    Raises:
        TokenRefused: A detail is malformed; no other is accepted then.
    """
    details = claims.get(_CLAIM, [])
    if not isinstance(details, list):
        raise TokenRefused(f"{_CLAIM} is {shown(details)}, not a list")
    if len(details) > MAX_DETAILS:
        raise TokenRefused(f"{_CLAIM} has {len(details)} details, more than {MAX_DETAILS}")
    granted: dict[str, list[Selector]] = {"subscribe": [], "publish": []}
    payloads = []
    topics = 0
    for detail, where in _own(details):
        actions = _actions(detail, where)
        selectors = _selectors(detail, base, where)
        topics += len(selectors)
        if topics > MAX_DETAIL_TOPICS:
            raise TokenRefused(f"{_CLAIM} has more than {MAX_DETAIL_TOPICS} topics")
        # Mercure 1.0: actions that are not known are ignored.
        for action in granted.keys() & actions:
            granted[action] += selectors
        if "subscribe" in actions:
            # A detail without a payload counts: it hides those after it.
            payloads.append((selection_of(selectors, where), detail.get("payload")))
    return Granted(
        selection_of(granted["subscribe"], _CLAIM),
        selection_of(granted["publish"], _CLAIM),
        tuple(payloads),
    )


def _own(details: list[Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    """
    The details that are meant for a hub, each with what the log calls it.
    """
    for number, detail in enumerate(details):
        where = f"{_CLAIM}[{number}]"
        if not isinstance(detail, Mapping):
            raise TokenRefused(f"{where} is {shown(detail)}, not an object")
        # RFC 9396, 2: "type: [...] This field is REQUIRED."
        if not isinstance(detail.get("type"), str):
            raise TokenRefused(f"{where} has no type")
        if detail["type"] == DETAIL_TYPE:
            yield detail, where


def _actions(detail: Mapping[str, Any], where: str) -> set[str]:
    actions = detail.get("actions")
    if not isinstance(actions, list) or not actions:
        raise TokenRefused(f"{where} has no actions")
    for action in actions:
        if not isinstance(action, str):
            raise TokenRefused(f"{where} has the action {shown(action)}, not a text")
    return set(actions)


def _selectors(detail: Mapping[str, Any], base: str, where: str) -> list[Selector]:
    topics = detail.get("topics")
    if not isinstance(topics, list) or not topics:
        raise TokenRefused(f"{where} has no topics")
    if len(topics) > MAX_DETAIL_TOPICS:
        raise TokenRefused(f"{where} has {len(topics)} topics, more than {MAX_DETAIL_TOPICS}")
    return [
        _selector(topic, base, f"{where}.topics[{number}]") for number, topic in enumerate(topics)
    ]


def _selector(topic: Any, base: str, where: str) -> Selector:
    if not isinstance(topic, Mapping):
        raise TokenRefused(f"{where} is {shown(topic)}, not an object")
    if "match" not in topic:
        raise TokenRefused(f"{where} has no match")
    kind = topic.get("match_type", "exact")
    if kind == "exact":
        return exact_selector(topic["match"], where)
    if kind == "urlpattern":
        return url_pattern(topic["match"], base, where)
    raise TokenRefused(f"{where} has the match_type {shown(kind)}, which is not known")
