"""
Responses to requests that never reach a resource.

A resource answers with the same kind of document: see `twisted_sse.web.problem`.
"""

from __future__ import annotations

import json
from http import HTTPStatus

__all__ = ["Refusal", "refusal"]


class Refusal(Exception):
    """
    Raised when a request cannot be accepted, for example by a parser.

    Args:
        status: The HTTP status code.

        detail: One sentence that says what is wrong and what to do.

        limit: The limit that refuses the request, if it is one; see
            `twisted_sse.transport.refusals.LIMITS`.
    """

    def __init__(self, status: int, detail: str, limit: str | None = None) -> None:
        super().__init__(status, detail)
        self.status = status
        self.detail = detail
        self.limit = limit


def refusal(status: int, detail: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """
    Return the headers and the body of a response by RFC 9457.
    """
    title = HTTPStatus(status).phrase
    body = json.dumps({"type": "about:blank", "title": title, "status": status, "detail": detail})
    encoded = body.encode("utf-8")
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(encoded)),
        (b"cache-control", b"no-store"),
    ]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        # RFC 9110, 10.2.1: "An empty Allow field value indicates that the resource
        # allows no methods".  This is used for CONNECT, whose target is no resource.
        headers.append((b"allow", b""))
    return headers, encoded
