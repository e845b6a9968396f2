"""
Reads the body of a request.
"""

from __future__ import annotations

from typing import Any

from twisted.web.server import Request

from twisted_sse.web.problem import Problem

__all__ = ["read_body"]


def read_body(request: Request, limit: int) -> bytes:
    """
    Return the body of *request*.

    Args:
        limit: The most bytes.

    Raises:
        Problem: It is larger, or the site has discarded it.
    """
    content: Any = request.content
    body: bytes = content.read(limit + 1)
    if len(body) > limit or getattr(request, "too_large", False):
        raise Problem(413, f"The body has more than {limit} bytes: send less at once.")
    return body
