"""
Bearer tokens that may publish, and read private events.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from hmac import compare_digest

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web.server import Request

from twisted_sse.broker.connections.authority import Authority
from twisted_sse.broker.connections.grant import ANONYMOUS, Grant
from twisted_sse.errors import Unauthorized
from twisted_sse.units import known_arguments
from twisted_sse.web.tokenfile import TokenFile

__all__ = ["NOTHING", "BearerTokens", "bearer_token"]

#: The grant of a request without a token where reading needs one too.  Its handler
#: refuses it, because only the handler knows what the token would be for.
NOTHING = Grant()


def _everything() -> Grant:
    return Grant(subscribe=["*"], publish=["*"], public=True, authority=Authority())


class BearerTokens:
    """
    An `Authorize` function that grants everything to requests with a known token.

    Requests without a token may read what is not private, and publish nothing.

    Args:
        tokens: The tokens, or a single one.

        anonymous: Whether requests without a token may read at all.

    Raises:
        TypeError, ValueError: There is no token, or one of them is not a token.
    """

    _log = Logger()

    @known_arguments
    def __init__(self, tokens: Iterable[str], *, anonymous: bool = True) -> None:
        if not isinstance(anonymous, bool):
            raise TypeError(f"anonymous is {anonymous!r}: give True or False")
        self._file: TokenFile | None = None
        self._grants: dict[bytes, Grant] = {}
        self.replace(tokens)
        self._anonymous = anonymous

    @classmethod
    def from_file(
        cls,
        path: str | os.PathLike[str],
        *,
        anonymous: bool = True,
        clock: IReactorTime | None = None,
    ) -> BearerTokens:
        """
        Grant everything to requests with a token in a file, one token on each line.

        The file is read again when it has changed, within a second; if it cannot be
        used, the tokens stay, and the log says why.

        Args:
            clock: Limits how often the file is looked at; by default, monotonic time.

        Raises:
            TypeError, ValueError: The file cannot be read, is empty, or has a line of
                several words.
        """
        if not isinstance(path, str | os.PathLike):
            raise TypeError(f"path is {path!r}: give the path of a file with tokens")
        return cls.of_file(TokenFile(path, clock), anonymous=anonymous)

    @classmethod
    def of_file(cls, file: TokenFile, *, anonymous: bool = True) -> BearerTokens:
        """
        Do what `from_file` does, with a file that was read already.
        """
        made = cls(file.tokens, anonymous=anonymous)
        made._file = file
        return made

    @classmethod
    def none(cls, *, anonymous: bool = True) -> BearerTokens:
        """
        Know no token.
        """
        made = cls("-", anonymous=anonymous)
        made._grants = {}
        return made

    def replace(self, tokens: Iterable[str]) -> None:
        """
        Accept *tokens* from now on, and no others.  The streams of other tokens end.

        Raises:
            TypeError, ValueError: As for the constructor.
        """
        several = [tokens] if isinstance(tokens, str) else tokens
        if not isinstance(several, Iterable) or isinstance(several, bytes):
            raise TypeError(f"tokens is a {type(tokens).__name__}: give a list of str")
        checked = [_encoded(token) for token in several]
        if not checked:
            raise ValueError("tokens is empty: give at least one token")
        self._succeed(self._grants, {token: _everything() for token in checked})

    def take_over(self, previous: BearerTokens) -> None:
        """
        Be asked in place of *previous* from now on.  The streams of tokens that only
        *previous* knows end; the others stay, until their token is removed here.
        """
        self._succeed(previous._grants, self._grants)

    def _succeed(self, before: Mapping[bytes, Grant], now: Mapping[bytes, Grant]) -> None:
        # A token that stays keeps its grant, and so the streams that it vouches for.
        self._grants = {token: before.get(token, grant) for token, grant in now.items()}
        removed = [grant for token, grant in before.items() if token not in now]
        ended = sum(grant.authority.revoke() for grant in removed if grant.authority is not None)
        if ended:
            self._log.info("Streams that end because their token was removed: {ended}", ended=ended)

    def reload(self) -> None:
        """
        Read the file again now; the log says what has changed.

        Raises:
            RuntimeError: The tokens do not come from a file.
        """
        if self._file is None:
            raise RuntimeError("These tokens do not come from a file: call replace(tokens)")
        if self._file.reload():
            self.replace(self._file.tokens)

    def __call__(self, request: Request) -> Grant:
        """
        See `twisted_sse.web.resource.Authorize`.
        """
        sent = bearer_token(request)
        if sent is not None:
            grant = self.grant_of(sent)
            if grant is not None:
                return grant
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
        return None if sent is None else self.grant_of(sent)

    def grant_of(self, sent: bytes) -> Grant | None:
        """
        Return the grant of the token *sent*, and ``None`` if it is not known.
        """
        if self._file is not None and self._file.check():
            self.replace(self._file.tokens)
        # A list, so that the time does not depend on which token matches.
        same = [one for token, one in self._grants.items() if compare_digest(sent, token)]
        return same[0] if same else None


def _encoded(token: str) -> bytes:
    # Neither sentence shows the token: it is a secret, and errors are logged.
    if not isinstance(token, str):
        raise TypeError(f"A token is a {type(token).__name__}: give a str")
    if not token.isprintable() or len(token.split()) != 1 or token != token.strip():
        raise ValueError("A token is empty or has a space or a control character: give one word")
    return token.encode("utf-8")


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
