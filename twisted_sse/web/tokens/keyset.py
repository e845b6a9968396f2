"""
The keys that verify tokens at present.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from twisted_sse.web.tokens.compact import Token
from twisted_sse.web.tokens.keys import TokenKey
from twisted_sse.web.tokens.refusal import TokenRefused, UnknownKey, listed, shown

__all__ = ["KeySet"]


class KeySet:
    """
    Keys, of which some may be replaced.

    Args:
        origin: Where they are from, for the log.
    """

    def __init__(self, keys: Iterable[TokenKey], origin: str) -> None:
        self._keys = list(keys)
        self._origin = origin

    def __len__(self) -> int:
        return len(self._keys)

    def candidates(self, token: Token) -> Sequence[TokenKey]:
        """
        The keys by which *token* may be signed, at least one.

        Raises:
            UnknownKey: No key has the name that the token tells.

            TokenRefused: The token is signed by an algorithm that its key is not for.
        """
        named = [one for one in self._keys if token.key_id in (None, one.key_id) or not one.key_id]
        if not named:
            raise UnknownKey(
                f"it is signed with the key {shown(token.key_id)}, which is not among"
                f" the {len(self)} of {self._origin}"
            )
        fitting = [one for one in named if token.algorithm in one.algorithms]
        if not fitting:
            allowed = sorted({name for one in named for name in one.algorithms})
            raise TokenRefused(
                f"it is signed with {shown(token.algorithm)}, only {listed(allowed)} is allowed"
            )
        return fitting

    def replace(self, keys: Iterable[TokenKey]) -> tuple[int, int]:
        """
        Use *keys* from now on.  Streams whose tokens were signed with a key that is
        gone end.

        Returns:
            How many keys are new, and how many are gone.
        """
        before = {one.identity: one for one in self._keys}
        found = {one.identity: one for one in keys}
        # A key that stays keeps its object, and so the streams that it vouches for.
        self._keys = [before.get(identity, one) for identity, one in found.items()]
        gone = [one for identity, one in before.items() if identity not in found]
        for one in gone:
            one.authority.revoke()
        return len(found.keys() - before.keys()), len(gone)
