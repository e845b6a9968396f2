"""
URLs: rewrites a topic as a browser would write it.

Only the spelling changes; no URL is ever looked up.

Nothing here does I/O, keeps time, or imports Twisted.  Comments that begin with
"URL:" follow https://url.spec.whatwg.org/.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from twisted_sse.errors import InvalidSelector

__all__ = ["DEFAULT_PORTS", "URL_SAFE", "canonical_url", "origin_of"]

_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>[^/?#@\\]+)"
    r"(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
)

#: URL: the special schemes and their default ports.
DEFAULT_PORTS = {"http": ":80", "https": ":443", "ws": ":80", "wss": ":443", "ftp": ":21"}

#: URL: the characters that the path percent-encode set leaves alone.  One set for
#: path, query and fragment is enough, because patterns and topics both use it.
URL_SAFE = string.punctuation.translate(str.maketrans("", "", '"<>^`{}'))


# The longest topic that is remembered, and how many are: 1 MB at most.
_REMEMBERED_SIZE: Final = 256
_REMEMBERED: Final = 256


def canonical_url(topic: str, base: str) -> str | None:
    """
    Write a topic as a browser would, or return None if it is not a URL with a host.
    """
    write = _write_remembered if len(topic) <= _REMEMBERED_SIZE else _write
    return write(topic, base)


def _write(topic: str, base: str) -> str | None:
    if topic.startswith("/") and not topic.startswith("//"):
        # A path needs some host to be parsed; the result is stripped of it.
        url = canonical_url("x://x" + topic, "")
        return None if url is None else origin_of(base) + url.removeprefix("x://x")
    found = _URL.fullmatch(topic)
    if found is None:
        return None
    scheme = found["scheme"].lower()
    host = found["host"].lower().removesuffix(DEFAULT_PORTS.get(scheme, ":"))
    path = _without_dots(found["path"] or "/")
    query = "" if found["query"] == "?" else found["query"] or ""
    fragment = "" if found["fragment"] == "#" else found["fragment"] or ""
    return f"{scheme}://{host}{quote(path + query + fragment, safe=URL_SAFE)}"


_write_remembered = lru_cache(maxsize=_REMEMBERED)(_write)


def _without_dots(path: str) -> str:
    """
    Remove the dot segments of *path*.

    URL: "A double-dot URL path segment" removes the segment before it; both
    kinds may be written with %2e.
    """
    if "/." not in path and "/%2" not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")[1:]
    for segment in segments:
        plain = segment.lower().replace("%2e", ".")
        if plain == "..":
            del kept[-1:]
        elif plain != ".":
            kept.append(segment)
    if plain in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


@lru_cache(maxsize=16)
def origin_of(base: str) -> str:
    """
    Return the scheme and host of the hub's URL, as a canonical URL begins.

    Returns:
        Both without a slash at the end, or "" if *base* is empty.

    Raises:
        InvalidSelector: *base* is not a URL with a host.
    """
    if not base:
        return ""
    url = canonical_url(base, "")
    if url is None or base.startswith("/"):
        raise InvalidSelector(f"The base {base!r} of the URL Pattern is not a URL with a host.")
    return "/".join(url.split("/")[:3])
