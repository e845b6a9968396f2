"""
Bearer tokens: who may publish, and read what is private.
"""

from __future__ import annotations

from collections.abc import Iterable
from hmac import compare_digest

from twisted.web.server import Request

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Unauthorized

__all__ = ["BearerTokens", "bearer_token"]

_EVERYTHING = Grant(subscribe=["*"], publish=["*"], public=True)


class BearerTokens:
    """
    Authorizes whoever sends one of a few secret tokens: to everything.

    Args:
        tokens: The secrets, or the only one.

        anonymous: Whether others may read what is not private.
    """

    def __init__(self, tokens: Iterable[str], *, anonymous: bool = True) -> None:
        given = [tokens] if isinstance(tokens, str) else tokens
        self._tokens = [token.encode("utf-8") for token in given]
        self._anonymous = anonymous

    def __call__(self, request: Request) -> Grant:
        """
        See `twisted_sse.web.resource.Authorize`.
        """
        given = bearer_token(request)
        if given is not None:
            # All of them, so the time it takes does not tell which one is near.
            if any([compare_digest(given, token) for token in self._tokens]):
                return _EVERYTHING
            raise Unauthorized("This token is not known here.")
        # Publishing is refused by its handler, which knows what to say.
        if self._anonymous or request.method == b"POST":
            return ANONYMOUS
        raise Unauthorized("Subscribing needs a token: Authorization: Bearer TOKEN.")


def bearer_token(request: Request) -> bytes | None:
    """
    The token that *request* brings, if it brings any.

    Raises:
        Unauthorized: It brings something else.
    """
    header = request.getHeader(b"Authorization")
    if header is None:
        return None
    # RFC 9110: the scheme is case-insensitive.
    scheme, _, token = header.strip().partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise Unauthorized("Send the token as: Authorization: Bearer TOKEN.")
    return token.strip()
