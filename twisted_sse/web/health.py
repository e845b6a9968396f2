"""
Answers those who watch over servers.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse.web.missing import Missing

__all__ = ["Health"]


class Health(Resource):
    """
    200 while *healthy* says yes, else 503.

    Args:
        healthy: Asked for every request.
    """

    def __init__(self, healthy: Callable[[], bool]) -> None:
        super().__init__()
        self._healthy = healthy

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`: there are none.
        """
        return Missing()

    def render_GET(self, request: Request) -> bytes:
        """
        Answer ``GET`` and, by Twisted's doing, ``HEAD``.
        """
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        request.setHeader("Cache-Control", "no-store")
        if self._healthy():
            return b"ok\n"
        request.setResponseCode(503)
        return b"not now\n"
