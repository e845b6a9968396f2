"""
Bearer tokens that may publish, and read private events.
"""

from __future__ import annotations

from collections.abc import Iterable
from hmac import compare_digest

from twisted.web.server import Request

from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.broker.connections.revocation import Revocable
from twisted_sse.errors import Unauthorized

__all__ = ["NOTHING", "BearerTokens", "bearer_token"]

#: The grant of a request without a token where reading needs one too.  Its handler
#: refuses it, because only the handler knows what the token would be for.
NOTHING = Grant()


def _everything() -> Grant:
    grant = Grant(subscribe=["*"], publish=["*"], public=True)
    grant.source = Revocable()
    return grant


class BearerTokens:
    """
    An `Authorize` function that grants everything to requests with a known token.

    Args:
        tokens: The tokens, or a single one.

        anonymous: Whether requests without a token may read what is not private.
    """

    def __init__(self, tokens: Iterable[str], *, anonymous: bool = True) -> None:
        self._grants: dict[bytes, Grant] = {}
        self.replace(tokens)
        self._anonymous = anonymous

    def replace(self, tokens: Iterable[str]) -> list[Revocable]:
        """
        Accept *tokens* from now on, and no others.

        Returns:
            What the grants of the tokens came from that are no longer accepted: revoke
            each, to end their streams.
        """
        several = [tokens] if isinstance(tokens, str) else tokens
        before = self._grants
        accepted = {token.encode("utf-8") for token in several}
        self._grants = {token: before.get(token) or _everything() for token in accepted}
        removed = [grant.source for token, grant in before.items() if token not in accepted]
        return [source for source in removed if source is not None]

    def __call__(self, request: Request) -> Grant:
        """
        See `twisted_sse.web.resource.Authorize`.
        """
        sent = bearer_token(request)
        if sent is not None:
            # A list, so that the time does not depend on which token matches.
            same = [one for token, one in self._grants.items() if compare_digest(sent, token)]
            if same:
                return same[0]
            raise Unauthorized("This token is not known here.")
        if self._anonymous:
            return ANONYMOUS
        if request.method == b"POST":
            return NOTHING
        raise Unauthorized("Subscribing needs a token: Authorization: Bearer TOKEN.")


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
