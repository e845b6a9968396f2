"""
The base of resources that can only be read.
"""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse.web.notfound import NotFound
from twisted_sse.web.problem import Problem, answer_problem

__all__ = ["ReadOnly"]

_ALLOWED = "GET, HEAD"


class ReadOnly(Resource):
    """
    Answers 405 to methods other than ``GET`` and ``HEAD``, and 404 below itself.

    Twisted answers 501 to methods that it does not know.
    """

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        return NotFound()

    def render(self, request: Request) -> bytes | int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        if request.method in (b"GET", b"HEAD"):
            return self.render_GET(request)
        detail = f"This resource allows only {_ALLOWED}."
        answer_problem(request, Problem(405, detail, {"Allow": _ALLOWED}))
        return NOT_DONE_YET

    def render_GET(self, request: Request) -> bytes | int:
        """
        Answer ``GET`` and ``HEAD``.
        """
        raise NotImplementedError
