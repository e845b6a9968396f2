"""
What people type for a URL, and what is meant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

__all__ = ["Address", "address_of"]

# They need no percent sign in a query, and selectors are full of them.
_PLAIN = "*/:,"

# A hub's path, where there is nothing else to go by.
_EVENTS = "/events"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class Address(NamedTuple):
    """
    Attributes:
        url: Absolute, in ASCII.

        completed: Whether the path is our guess.
    """

    url: str
    completed: bool

    def with_topics(self, topics: Sequence[str]) -> str:
        """
        The URL with a ``topic`` for each of *topics* added to its query.
        """
        parts = urlsplit(self.url)
        added = "&".join(f"topic={quote(topic, safe=_PLAIN)}" for topic in topics)
        return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, added]))))

    def without_topics(self) -> str:
        """
        The URL without the topics of its query, for publishing.
        """
        parts = urlsplit(self.url)
        kept = [one for one in parts.query.split("&") if not one.startswith("topic=")]
        return urlunsplit(parts._replace(query="&".join(kept)))

    def topics(self) -> list[str]:
        """
        The topics of its query.
        """
        pairs = parse_qsl(urlsplit(self.url).query, keep_blank_values=True)
        return [value for name, value in pairs if name == "topic"]


def address_of(text: str) -> Address:
    """
    Read a URL; ``localhost:8080`` is ``http://localhost:8080/events``.

    Raises:
        ValueError: It is none; half a sentence.
    """
    given = _SCHEME.match(text)
    if given is not None and given[1].lower() not in ("http", "https"):
        raise ValueError(f"{text!r} has the scheme {given[1]}; http and https are understood")
    parts = urlsplit(text if given else f"http://{text}")
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError(f"{text!r} has no number as its port") from None
    if not host or port == 0 or " " in host:
        raise ValueError(f"{text!r} is no URL; write it as http://localhost:8080/events")
    if parts.username is not None:
        raise ValueError(f"{text!r} has a user in it; send a token or a header instead")
    completed = parts.path == ""
    path = _EVENTS if completed else quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~-._")
    netloc = parts.netloc if parts.netloc.isascii() else _in_ascii(text, parts.netloc)
    return Address(urlunsplit((parts.scheme.lower(), netloc, path, query, "")), completed)


def _in_ascii(text: str, netloc: str) -> str:
    try:
        return netloc.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{text!r} has a host that is no name") from None
