"""
Bearer tokens that may publish, and read private events.
"""

from __future__ import annotations

from collections.abc import Iterable
from hmac import compare_digest

from twisted.web.server import Request

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Unauthorized

__all__ = ["NOTHING", "BearerTokens", "bearer_token"]

#: The grant of a request without a token where reading needs one too.  Its handler
#: refuses it, because only the handler knows what the token would be for.
NOTHING = Grant()

_EVERYTHING = Grant(subscribe=["*"], publish=["*"], public=True)


class BearerTokens:
    """
    An `Authorize` function that grants everything to requests with a known token.

    Args:
        tokens: The tokens, or a single one.

        anonymous: Whether requests without a token may read what is not private.
    """

    def __init__(self, tokens: Iterable[str], *, anonymous: bool = True) -> None:
        self.replace(tokens)
        self._anonymous = anonymous

    def replace(self, tokens: Iterable[str]) -> None:
        """
        Accept *tokens* from now on, and no others.  Open streams stay.
        """
        several = [tokens] if isinstance(tokens, str) else tokens
        self._tokens = [token.encode("utf-8") for token in several]

    def __call__(self, request: Request) -> Grant:
        """
        See `twisted_sse.web.resource.Authorize`.
        """
        sent = bearer_token(request)
        if sent is not None:
            if self._knows(sent):
                return _EVERYTHING
            raise Unauthorized("This token is not known here.")
        if self._anonymous:
            return ANONYMOUS
        if request.method == b"POST":
            return NOTHING
        raise Unauthorized("Subscribing needs a token: Authorization: Bearer TOKEN.")

    def find(self, request: Request) -> Grant | None:
        """
        Return the grant of *request* if it has a known token, and ``None`` otherwise.
        """
        try:
            sent = bearer_token(request)
        except Unauthorized:
            return None
        return _EVERYTHING if sent is not None and self._knows(sent) else None

    def _knows(self, sent: bytes) -> bool:
        # A list, so that the time does not depend on which token matches.
        return any([compare_digest(sent, token) for token in self._tokens])


def bearer_token(request: Request) -> bytes | None:
    """
    Return the token in the ``Authorization`` header, if there is such a header.

    Raises:
        Unauthorized: The header contains something else.
    """
    header = request.getHeader(b"Authorization")
    if header is None:
        return None
    # RFC 9110: the scheme is case-insensitive.
    scheme, _, token = header.strip().partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise Unauthorized("Send the token as: Authorization: Bearer TOKEN.")
    return token.strip()
