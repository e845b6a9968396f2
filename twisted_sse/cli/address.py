"""
URLs as people type them, completed to real URLs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit, urlunsplit

__all__ = ["Address", "address_of"]

# Allowed as they are in a query, and frequent in selectors.
_SAFE = "*/:,"

# The path of a hub, used if the URL has none.
_DEFAULT_PATH = "/events"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class Address(NamedTuple):
    """
    The URL of a server.

    Attributes:
        url: Absolute, in ASCII.

        completed: Whether the path was added by this program.
    """

    url: str
    completed: bool

    def with_topics(self, topics: Sequence[str]) -> str:
        """
        Return the URL with a ``topic`` in its query for each of *topics*.
        """
        parts = urlsplit(self.url)
        added = "&".join(f"topic={quote(topic, safe=_SAFE)}" for topic in topics)
        return urlunsplit(parts._replace(query="&".join(filter(None, [parts.query, added]))))

    def without_topics(self) -> str:
        """
        Return the URL without the topics of its query, for publishing.
        """
        parts = urlsplit(self.url)
        others = [one for one in parts.query.split("&") if not one.startswith("topic=")]
        return urlunsplit(parts._replace(query="&".join(others)))

    def topics(self) -> list[str]:
        """
        Return the topics of the query.
        """
        pairs = parse_qsl(urlsplit(self.url).query, keep_blank_values=True)
        return [value for name, value in pairs if name == "topic"]


def address_of(text: str) -> Address:
    """
    Parse a URL; ``localhost:8080`` becomes ``http://localhost:8080/events``.

    Raises:
        ValueError: *text* is not a URL; the message is half a sentence.
    """
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() not in ("http", "https"):
        raise ValueError(f"{text!r} has the scheme {scheme[1]}, but it must be http or https")
    parts = urlsplit(text if scheme else f"http://{text}")
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        raise ValueError(f"the port of {text!r} is not a number from 1 to 65535") from None
    if not host or port == 0 or " " in host:
        raise ValueError(f"{text!r} is not a URL such as http://localhost:8080/events")
    if parts.username is not None:
        raise ValueError(f"{text!r} contains a user; use --token-file or --header instead")
    completed = parts.path == ""
    path = _DEFAULT_PATH if completed else quote(parts.path, safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/?%:@!$&'()*+,;=~-._")
    netloc = parts.netloc if parts.netloc.isascii() else _to_ascii(text, parts.netloc)
    return Address(urlunsplit((parts.scheme.lower(), netloc, path, query, "")), completed)


def _to_ascii(text: str, netloc: str) -> str:
    try:
        return netloc.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(f"{text!r} has an invalid host name") from None
