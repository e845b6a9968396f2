"""
The resource for paths that do not exist.
"""

from __future__ import annotations

from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse.web.problem import Problem, answer_problem

__all__ = ["NotFound"]


class NotFound(Resource):
    """
    Answers 404, for itself and for all children that were not put there.
    """

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `twisted.web.resource.IResource.getChildWithDefault`.
        """
        # Another one: what was put here is not below a child that does not exist.
        return NotFound()

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        answer_problem(request, Problem(404, "Nothing is served at this URL; check its path."))
        return NOT_DONE_YET
