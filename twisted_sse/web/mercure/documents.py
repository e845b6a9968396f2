"""
The documents that describe subscriptions, in both versions of the protocol.

Values in, JSON out; nothing here knows requests or connections.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import quote

from twisted_sse.topics import Matcher

__all__ = [
    "DOCUMENT_TYPES",
    "MATCHER_TYPES",
    "MatcherType",
    "Subscription",
    "collection",
    "path_of",
    "subscription",
]

#: How the text of a matcher is meant.  ``uritemplate`` is that of version 0.x, whose
#: selectors with a brace have no type in 1.0.
MatcherType = Literal["exact", "urlpattern", "uritemplate"]

#: All of them.
MATCHER_TYPES: Final[tuple[MatcherType, ...]] = ("exact", "urlpattern", "uritemplate")

#: The media types of the documents, by version.
DOCUMENT_TYPES: Final = {"mercure-0.x": "application/ld+json", "mercure-1.0": "application/json"}

_CONTEXT = "https://mercure.rocks/"


class Subscription(NamedTuple):
    """
    One matcher of one connection.

    Attributes:
        type: The type of the matcher.

        match: Its text.

        subscriber: A URN that stands for the connection.

        payload: What the grant tells others about the subscriber, or ``None``.
    """

    type: MatcherType
    match: str
    subscriber: str
    payload: Any = None

    def path(self, hub_path: str, version: str) -> str:
        """
        The path of its document.
        """
        typed = [self.type] if version == "mercure-1.0" else []
        return path_of(hub_path, *typed, self.match, self.subscriber)

    def document(self, hub_path: str, version: str, *, active: bool) -> dict[str, Any]:
        """
        Its document.

        Args:
            active: Whether it is there, or has ended.
        """
        path = self.path(hub_path, version)
        head: dict[str, Any]
        if version == "mercure-1.0":
            head = {
                "id": path,
                "type": "subscription",
                "match_type": self.type,
                "match": self.match,
            }
        else:
            head = {
                "@context": _CONTEXT,
                "id": path,
                "type": "Subscription",
                "topic": self.match,
            }
        payload = {} if self.payload is None else {"payload": self.payload}
        return {**head, "subscriber": self.subscriber, "active": active, **payload}


def subscription(asked: str | Matcher, subscriber: str, payload: Any = None) -> Subscription:
    """
    Describe a matcher as it was asked for; a str is a selector of version 0.x.
    """
    if isinstance(asked, Matcher):
        return Subscription(asked.type, asked.text, subscriber, payload)
    is_template = "{" in asked or "}" in asked
    return Subscription("uritemplate" if is_template else "exact", asked, subscriber, payload)


def collection(
    version: str, path: str, last_event_id: str, members: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """
    The document of several subscriptions.

    Args:
        path: That of the collection.

        last_event_id: The ID of the newest event.

        members: The documents of the subscriptions.
    """
    if version == "mercure-1.0":
        return {"id": path, "type": "subscriptions", "subscriptions": members}
    return {
        "@context": _CONTEXT,
        "id": path,
        "type": "Subscriptions",
        "lastEventID": last_event_id,
        "subscriptions": members,
    }


def path_of(hub_path: str, *variables: str) -> str:
    """
    The path of the subscriptions that *variables* select.
    """
    # Mercure: simple expansion of RFC 6570, which leaves only unreserved characters.
    return "/".join([f"{hub_path}/subscriptions", *(quote(one, safe="") for one in variables)])
