"""
Pages and the files that they load, from memory.

`twisted.web.static.File` would also serve ranges: a short request with thousands of
them makes it send megabytes.  RFC 9110, 14.2: "A server MAY ignore the Range header
field".
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from twisted.web.http import CACHED
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse.web.notfound import NotFound
from twisted_sse.web.readonly import ReadOnly

__all__ = ["Page", "StaticFile"]

# The Content-Security-Policy of our pages: load everything from this server.
_POLICY = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"

# HTML: "servers should use text/javascript".  The types do not depend on the machine.
_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


class StaticFile(ReadOnly):
    """
    One file, with the headers that protect our pages.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._content = path.read_bytes()
        self._type = _TYPES[path.suffix]
        self._etag = b'"%b"' % hashlib.sha256(self._content).hexdigest()[:16].encode("ascii")

    def render_GET(self, request: Request) -> bytes:
        """
        Answer ``GET`` and ``HEAD``.
        """
        request.setHeader("Content-Security-Policy", _POLICY)
        request.setHeader("X-Content-Type-Options", "nosniff")
        request.setHeader("Cache-Control", "no-cache")
        if request.setETag(self._etag) is CACHED:
            return b""
        request.setHeader("Content-Type", self._type)
        return self._content


class Page(Resource):
    """
    One of our pages, with the files that it loads.

    Args:
        directory: Has its files.

        name: The name of the page.
    """

    def __init__(self, directory: Path, name: str) -> None:
        super().__init__()
        self._page = StaticFile(directory / name)
        files = NotFound()
        for path in directory.iterdir():
            files.putChild(path.name.encode("ascii"), StaticFile(path))
        self.putChild(b"static", files)

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        return self._page if path == b"" else NotFound()
