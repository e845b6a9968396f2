"""
Health checks, for load balancers and monitoring.

Everybody may ask, so an answer says what is wrong, and names no file and no address.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse.broker.readiness import Fault, FaultyPart
from twisted_sse.web.readonly import ReadOnly
from twisted_sse.web.resource import has_left

__all__ = ["Health", "Ready"]

# By what is at fault.
_SENTENCES: Mapping[FaultyPart, str] = {
    "stopping": "The hub is about to stop.",
    "reading": "The event history cannot be read now.",
    "writing": "Publications cannot be kept now.",
    "following": "What other hubs publish does not arrive.",
    "workers": "A process of the hub does not run.",
    "self-test": "An event that the hub has published to itself has not arrived.",
}


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


class Ready(ReadOnly):
    """
    Answers 200 if there are no faults, else 503; either way with JSON that says which.

    Args:
        examine: Called for every request, which waits for the result.

        reasons: Whether the answer has the reason of each fault, which may name files and
            addresses.
    """

    def __init__(
        self, examine: Callable[[], Deferred[list[Fault]]], *, reasons: bool = False
    ) -> None:
        super().__init__()
        self._examine = examine
        self._reasons = reasons

    def render_GET(self, request: Request) -> int:
        """
        Answer ``GET`` and ``HEAD``.
        """
        request.setHeader("Content-Type", "application/json")
        request.setHeader("Cache-Control", "no-store")
        self._examine().addCallback(self._answer, request)
        return NOT_DONE_YET

    def _answer(self, faults: Sequence[Fault], request: Request) -> None:
        if has_left(request):
            return
        if faults:
            request.setResponseCode(503)
        problems = [self._problem(fault) for fault in faults]
        text = json.dumps({"ready": not faults, "problems": problems}, ensure_ascii=False)
        request.write(text.encode("utf-8") + b"\n")
        request.finish()

    def _problem(self, fault: Fault) -> dict[str, str]:
        problem = {"part": fault.part, "detail": _SENTENCES[fault.part]}
        return {**problem, "reason": fault.reason} if self._reasons else problem
