"""
The check of a publication's origin, answered as the protocol wants it.
"""

from __future__ import annotations

from twisted.web.server import Request

from twisted_sse.web.csrf import OriginCheck
from twisted_sse.web.problem import Problem

__all__ = ["MercureOriginCheck"]


class MercureOriginCheck(OriginCheck):
    """
    Answers 400 ``invalid_request`` to a publication that a page of another site may
    have made.
    """

    def check(self, request: Request) -> None:
        """
        See `OriginCheck.check`.
        """
        try:
            super().check(request)
        except Problem as problem:
            challenge = {"WWW-Authenticate": 'Bearer error="invalid_request"'}
            raise Problem(400, problem.detail, challenge) from None
