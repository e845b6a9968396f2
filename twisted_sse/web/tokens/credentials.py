"""
Where a request has its token: a header, the query if that is allowed, or a cookie.

Comments that begin with "RFC 6750:" quote the use of bearer tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

from twisted.web.server import Request

from twisted_sse.web.problem import Problem

__all__ = ["DEFAULT_COOKIES", "QUERY_NAMES", "Credentials", "Presented", "check_cookie"]

#: The cookies of Mercure 1.0 and of Mercure 0.x.
DEFAULT_COOKIES: Final = ("__Secure-mercure_access_token", "mercureAuthorization")

#: The query parameters of RFC 6750 and of Mercure 0.x.
QUERY_NAMES: Final = ("access_token", "authorization")

# The most bytes of the query that are looked at, and the most pairs.  A token has at most
# 8 KiB, and Twisted takes request lines of at most 16 KiB.
_MAX_PAIRS = 1000

# RFC 6265, 4.1.1: the separators that the name of a cookie cannot contain.
_SEPARATORS = frozenset('()<>@,;:\\"/[]?={} \t')


class Presented(NamedTuple):
    """
    A token, as a request has it.

    Attributes:
        token: Sent by the client, so trust nothing about it.

        where: Where it is from, for the log.
    """

    token: bytes
    where: str


class Credentials:
    """
    Finds the token of a request.

    Args:
        cookies: The names of cookies that may have it.

        query: Whether the query may have it.  URLs end up in logs and in histories.
    """

    def __init__(self, cookies: Sequence[str], *, query: bool) -> None:
        self._cookies = [(one.encode("ascii"), f"the cookie {one}") for one in cookies]
        self._query = query

    def find(self, request: Request) -> Presented | None:
        """
        Return the token of *request*; ``None`` if it has none.

        Raises:
            Problem: The header ``Authorization`` is malformed.
        """
        token = _in_header(request)
        if token is not None:
            return Presented(token, "the header Authorization")
        if self._query:
            token = _in_query(request)
            if token is not None:
                return Presented(token, "the query")
        return self._in_cookies(request)

    def _in_cookies(self, request: Request) -> Presented | None:
        sent = _cookies(request)
        for name, where in self._cookies:
            for key, value in sent:
                # An empty cookie is what remains after a logout.
                if key == name and value:
                    return Presented(value, where)
        return None


def check_cookie(name: str) -> str:
    """
    Check the name of a cookie.

    Raises:
        ValueError: It cannot be one; half a sentence.
    """
    if not name or not name.isascii() or not name.isprintable() or set(name) & _SEPARATORS:
        raise ValueError(f"{name!r} is not the name of a cookie: use letters, digits, - and _")
    return name


def _in_header(request: Request) -> bytes | None:
    values = request.requestHeaders.getRawHeaders(b"Authorization", [])
    # RFC 9110: the scheme is case-insensitive.  Other schemes are for others, such as a
    # proxy that asks for a password.
    found = [value.strip() for value in values if value.strip()[:6].lower() == b"bearer"]
    bearer = [value[6:] for value in found if value[6:7] in (b"", b" ", b"\t")]
    if not bearer:
        return None
    words = bearer[0].split()
    # RFC 6750: "The request is missing a required parameter, [...] uses more than one
    # method for including an access token, or is otherwise malformed."
    if len(bearer) > 1 or len(words) != 1:
        raise Problem(
            400,
            "Send one token, as: Authorization: Bearer TOKEN.",
            {"WWW-Authenticate": 'Bearer error="invalid_request"'},
        )
    return words[0]


def _in_query(request: Request) -> bytes | None:
    query: bytes = request.uri.partition(b"?")[2]
    # Most queries have none, and parsing takes time.
    if not any(name.encode("ascii") in query for name in QUERY_NAMES):
        return None
    try:
        pairs = parse_qsl(query.decode("latin-1"), max_num_fields=_MAX_PAIRS)
    except ValueError:
        raise Problem(400, f"The query has more than {_MAX_PAIRS} parameters.") from None
    for name in QUERY_NAMES:
        for key, value in pairs:
            if key == name:
                return value.encode("utf-8", "surrogatepass")
    return None


def _cookies(request: Request) -> list[tuple[bytes, bytes]]:
    """
    The cookies of *request*: the most specific path first, as browsers send them.
    """
    values: Iterable[bytes] = request.requestHeaders.getRawHeaders(b"Cookie", [])
    pairs = (part.partition(b"=") for value in values for part in value.split(b";"))
    # RFC 6265, 4.1.1: a value may stand in quotation marks.
    return [(name.strip(), value.strip().strip(b'"')) for name, _, value in pairs]
