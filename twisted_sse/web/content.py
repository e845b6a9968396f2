"""
Reads the body of a request.
"""

from __future__ import annotations

from typing import Any

from twisted.web.server import Request

from twisted_sse.web.problem import Problem

__all__ = ["MAX_BODY", "is_too_large", "read_body", "too_large"]

#: The most bytes of a body by default: a large batch of publications.
MAX_BODY = 1024 * 1024


def read_body(request: Request, limit: int | None) -> bytes:
    """
    Return the body of *request*.

    Args:
        limit: The most bytes; ``None`` for no limit.

    Raises:
        Problem: It is larger.
    """
    content: Any = request.content
    body: bytes = content.read(-1 if limit is None else limit + 1)
    if is_too_large(request) or (limit is not None and len(body) > limit):
        raise too_large(limit)
    return body


def is_too_large(request: Request) -> bool:
    """
    Whether the site has discarded the body of *request*, as `StreamSite` does.
    """
    return getattr(request, "too_large", False)


def too_large(limit: int | None) -> Problem:
    """
    The answer to a request whose body is larger than *limit*.
    """
    more = "too many" if limit is None else f"more than {limit}"
    return Problem(413, f"The body has {more} bytes: send less at once.", limit="body")
