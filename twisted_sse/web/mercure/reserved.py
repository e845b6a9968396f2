"""
The reserved topics: those whose URL is the hub's own, or below it.

Only the hub publishes to them.  A topic may be written in many ways for one URL, so it is
resolved as a browser would, and in case of doubt it is reserved.  Comments that begin
with "URL:" follow https://url.spec.whatwg.org/.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_reserved"]

# URL: the special schemes.  A backslash is a slash in them, and so in relative references,
# because the hub's URL has one of them.
_SPECIAL: Final = {"http", "https", "ws", "wss", "ftp", "file"}

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")

# RFC 3986, 2.3: "URIs that differ in the replacement of an unreserved character with its
# corresponding percent-encoded US-ASCII octet are equivalent".
_ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


def is_reserved(topic: str, hub_path: str) -> bool:
    """
    Whether *topic* is the URL of the hub, or one below it, at any scheme and host.

    Args:
        topic: A topic without control characters.

        hub_path: The path of the hub's URL.
    """
    path = _path(topic.strip(" "), hub_path)
    if path is None:
        return False
    path = _without_dots(_ENCODED.sub(_decode_unreserved, path))
    return path == hub_path or path.startswith(f"{hub_path}/")


def _path(topic: str, hub_path: str) -> str | None:
    """
    The path of *topic*, as a URL reference that the hub resolves, or ``None``.
    """
    found = _SCHEME.match(topic)
    scheme = found[1].lower() if found else ""
    rest = re.split("[?#]", topic[found.end() :] if found else topic, maxsplit=1)[0]
    special = not scheme or scheme in _SPECIAL
    if special:
        rest = rest.replace("\\", "/")
    if rest.startswith("//"):
        # URL: in special schemes, more slashes before the host are ignored.
        authority = rest.lstrip("/") if special else rest[2:]
        return "/" + authority.partition("/")[2]
    if rest.startswith("/"):
        return rest
    if not special:
        return None
    # Relative, also after a scheme: URL: "special relative or authority state".
    return f"{hub_path.rpartition('/')[0]}/{rest}" if rest else hub_path


def _decode_unreserved(found: re.Match[str]) -> str:
    character = chr(int(found[1], 16))
    return character if _UNRESERVED.fullmatch(character) else found[0]


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/")[1:]:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return "/" + "/".join(kept)
