"""
Serves the JavaScript modules for pages: `/twisted-sse.js` and what belongs to it.

A URL with ``?v=`` and the version of this package never changes, and any other one is
asked for again.  Everybody may load them: they are the same everywhere.
"""

from __future__ import annotations

import gzip
import hashlib
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal, get_args
from urllib.parse import quote

from twisted.web.http import CACHED
from twisted.web.server import Request

from twisted_sse.units import check_choice
from twisted_sse.web.readonly import ReadOnly

__all__ = ["MODULES", "BrowserModule", "ModuleName"]

#: ``twisted-sse.js`` has `SharedEventSource`; ``twisted-sse-topics.js`` has `TopicEventSource` and
#: `changeTopics`.
ModuleName = Literal["twisted-sse.js", "twisted-sse-topics.js"]

#: The names of all modules.
MODULES: Final[tuple[ModuleName, ...]] = get_args(ModuleName)

_STATIC = Path(__file__).parent / "static"

# A year; RFC 8246: it will not change.
_FOREVER = "public, max-age=31536000, immutable"


class BrowserModule(ReadOnly):
    """
    One of the modules.  Put it beside the streams::

        root.putChild(b"twisted-sse.js", BrowserModule())

    Args:
        name: The name of the module.

    Raises:
        ValueError: There is no such module.
    """

    isLeaf = True

    def __init__(self, name: ModuleName = "twisted-sse.js") -> None:
        super().__init__()
        check_choice("name", name, MODULES)
        self._content = (_STATIC / name).read_bytes()
        # The same bytes in every process, whatever the time.
        self._compressed = gzip.compress(self._content, mtime=0)
        self._etag = b'"%b"' % hashlib.sha256(self._content).hexdigest()[:16].encode("ascii")
        self._version = b"v=" + quote(version("twisted-sse")).encode("ascii")

    def render_GET(self, request: Request) -> bytes:
        """
        Answer ``GET`` and ``HEAD``.
        """
        versioned = request.uri.partition(b"?")[2] == self._version
        request.setHeader("Cache-Control", _FOREVER if versioned else "no-cache")
        request.setHeader("Vary", "Accept-Encoding")
        request.setHeader("Access-Control-Allow-Origin", "*")
        request.setHeader("Cross-Origin-Resource-Policy", "cross-origin")
        request.setHeader("X-Content-Type-Options", "nosniff")
        if request.setETag(self._etag) is CACHED:
            return b""
        # HTML: "servers should use text/javascript".
        request.setHeader("Content-Type", "text/javascript; charset=utf-8")
        if b"gzip" not in (request.getHeader(b"Accept-Encoding") or b""):
            return self._content
        request.setHeader("Content-Encoding", "gzip")
        return self._compressed
