"""
Error responses by RFC 9457: ``application/problem+json``, with a sentence that
says what to do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from math import ceil

from twisted.python.failure import Failure
from twisted.web.server import Request

from twisted_sse.errors import (
    EndsNotKept,
    Forbidden,
    HistoryUnavailable,
    HubClosed,
    InvalidEvent,
    InvalidSelector,
    InvalidToken,
    InvalidTopic,
    PerhapsKept,
    TooManyConnections,
    TooManyConnectionsFromAddress,
    TooManyConnectionsOfUser,
    TooManyPublications,
    TooManyRuns,
    TooManyRunsOfUser,
    TooManyTopics,
    TopicEnded,
    Unauthorized,
)
from twisted_sse.web.logged import note_refusal

__all__ = ["Problem", "answer_problem", "limit_behind", "problem_of", "with_outcome"]

# The statuses of refusals: who asks is not allowed to, or there is no room.  Their
# sentences have no topic in them, so a log may have them.
_REFUSALS = (401, 403, 429, 503)

# When to try again after 429 and 503, in seconds, if the error does not say.
_RETRY_AFTER = 5.0

# The most bytes of topics in a problem document, about.
_MOST_TOLD = 8 * 1024

_STATUS = {
    Unauthorized: 401,
    Forbidden: 403,
    TooManyConnectionsFromAddress: 429,
    TooManyConnectionsOfUser: 429,
    TooManyPublications: 429,
    TooManyRunsOfUser: 429,
    InvalidEvent: 400,
    InvalidSelector: 400,
    InvalidTopic: 400,
    TopicEnded: 409,
    EndsNotKept: 501,
    HistoryUnavailable: 503,
    HubClosed: 503,
    TooManyConnections: 503,
    TooManyRuns: 503,
}

# The limits behind errors; see `twisted_sse.transport.refusals.LIMITS`.
_LIMITS = {
    TooManyConnections: "connections",
    TooManyConnectionsFromAddress: "connections_per_address",
    TooManyConnectionsOfUser: "connections_per_user",
    TooManyPublications: "publish_rate",
    TooManyTopics: "publication_topics",
}


class Problem(Exception):
    """
    Raised to answer a request with an error.

    Args:
        status: The HTTP status code.

        detail: One sentence that says what is wrong and what to do.

        headers: Additional headers of the answer.

        members: Additional members of the answer's JSON.

        limit: The limit that refuses the request, if it is one.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        members: Mapping[str, object] | None = None,
        limit: str | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.members = dict(members or {})
        self.limit = limit


def limit_behind(failure: Failure) -> str | None:
    """
    Return the limit that *failure* is about, one of
    `twisted_sse.transport.refusals.LIMITS`, or ``None``.
    """
    error = failure.value
    if isinstance(error, Problem):
        return error.limit
    return next((limit for kind, limit in _LIMITS.items() if isinstance(error, kind)), None)


def problem_of(failure: Failure, request: Request, *, publishes: bool) -> Problem | None:
    """
    Return the answer for *failure*; ``None`` for an unexpected error.

    Args:
        publishes: Whether *request* wanted to publish.
    """
    error = failure.value
    if isinstance(error, Problem):
        return error
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), None)
    if status is None:
        return None
    headers: Mapping[str, str] = {}
    if status in (401, 403):
        headers = {"WWW-Authenticate": _challenge(status, error, request)}
    elif status in (429, 503):
        seconds = getattr(error, "retry_after", _RETRY_AFTER)
        headers = {"Retry-After": str(max(1, ceil(seconds)))}
    members = {"ended": _told(error.topics)} if isinstance(error, TopicEnded) else {}
    return Problem(status, _detail(error, publishes), headers, members)


def with_outcome(problem: Problem, failure: Failure) -> Problem:
    """
    Add to *problem*, the answer to a publisher, whether the publication was kept.

    Args:
        failure: Why *problem* is the answer.
    """
    kept = "unknown" if failure.check(PerhapsKept) else "no"
    headers = {**problem.headers, "Publication-Kept": kept}
    return Problem(problem.status, problem.detail, headers, {**problem.members, "kept": kept})


def answer_problem(request: Request, problem: Problem) -> None:
    """
    Answer *request* with *problem*.  Nothing must have been written to it before.
    """
    if problem.status in _REFUSALS:
        note_refusal(request, problem.detail)
    title = HTTPStatus(problem.status).phrase
    body = {
        "title": title,
        "status": problem.status,
        "detail": problem.detail,
        **problem.members,
    }
    text = json.dumps(body, ensure_ascii=False).encode("utf-8")
    request.setResponseCode(problem.status, title.encode("ascii"))
    for name, value in problem.headers.items():
        request.setHeader(name, value)
    request.setHeader("Content-Type", "application/problem+json")
    request.setHeader("Content-Length", str(len(text)))
    request.setHeader("Cache-Control", "no-store")
    request.write(text)
    request.finish()


def _told(topics: Sequence[str]) -> list[str]:
    """
    The first of *topics*, so many that clients read the whole answer.
    """
    told: list[str] = []
    size = 0
    for topic in topics:
        size += len(json.dumps(topic, ensure_ascii=False).encode("utf-8"))
        if told and size > _MOST_TOLD:
            break
        told.append(topic)
    return told


def _detail(error: BaseException | None, publishes: bool) -> str:
    if isinstance(error, HistoryUnavailable) and not publishes:
        # The reason names files and addresses.  Only publishers, who have a token,
        # and the log may see those.
        return "The event history is not available now: try again in a few seconds."
    return str(error)


def _challenge(status: int, error: BaseException | None, request: Request) -> str:
    if status == 403:
        return 'Bearer error="insufficient_scope"'
    # RFC 6750, 3.1: "If the request lacks any authentication information (e.g.,
    # the client was unaware that authentication is necessary or attempted using
    # an unsupported authentication method), the resource server SHOULD NOT
    # include an error code".
    header = request.getHeader(b"Authorization") or b""
    # A token may also be in a cookie or in the query.
    tried = isinstance(error, InvalidToken) or header.lstrip().lower().startswith(b"bearer")
    return 'Bearer error="invalid_token"' if tried else "Bearer"
