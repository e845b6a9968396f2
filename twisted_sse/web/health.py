"""
Health checks, for load balancers and monitoring.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse.web.readonly import ReadOnly
from twisted_sse.web.resource import has_left

__all__ = ["Health"]


class Health(ReadOnly):
    """
    Answers 200 while *healthy* fires with True, else 503.

    Args:
        healthy: Called for every request, which waits for the result.
    """

    def __init__(self, healthy: Callable[[], Deferred[bool]]) -> None:
        super().__init__()
        self._healthy = healthy

    def render_GET(self, request: Request) -> int:
        """
        Answer ``GET`` and ``HEAD``.
        """
        request.setHeader("Content-Type", "text/plain; charset=utf-8")
        request.setHeader("Cache-Control", "no-store")
        self._healthy().addCallback(self._answer, request)
        return NOT_DONE_YET

    def _answer(self, healthy: bool, request: Request) -> None:
        if has_left(request):
            return
        if not healthy:
            request.setResponseCode(503)
        request.write(b"ok\n" if healthy else b"not now\n")
        request.finish()
