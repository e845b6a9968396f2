"""
Names of connections: nobody can guess one, and none is kept.

A name is the number of the connection, encrypted and authenticated with a key of the hub,
as in a synthetic initialization vector (RFC 5297): the code of the number is part of the
name, and hides the number.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from hmac import compare_digest
from os import urandom

__all__ = ["ConnectionNames"]

_CODE_BYTES = 11
_NUMBER_BYTES = 5
_KEY_BYTES = 32


class ConnectionNames:
    """
    The names of the connections of one hub: 22 characters that a URL may have.

    Whoever guesses is right once in 2**88 tries.
    """

    def __init__(self) -> None:
        key = urandom(_KEY_BYTES)
        # Copied, which costs less than a new one.
        self._code = blake2b(key=key, person=b"code", digest_size=_CODE_BYTES)
        self._mask = blake2b(key=key, person=b"mask", digest_size=_NUMBER_BYTES)

    def of(self, number: int) -> str:
        """
        Name the connection with *number*, which is less than 2**40.
        """
        hashed = self._code.copy()
        hashed.update(number.to_bytes(_NUMBER_BYTES, "big"))
        code = hashed.digest()
        hidden = (number ^ self._mask_of(code)).to_bytes(_NUMBER_BYTES, "big")
        return urlsafe_b64encode(code + hidden)[:-2].decode("ascii")

    def number_of(self, name: str) -> int | None:
        """
        The number in *name*; ``None`` if this hub has not made it.
        """
        try:
            given = urlsafe_b64decode(name + "==")
        except ValueError:
            return None
        code, hidden = given[:_CODE_BYTES], given[_CODE_BYTES:]
        if len(hidden) != _NUMBER_BYTES:
            return None
        number = int.from_bytes(hidden, "big") ^ self._mask_of(code)
        # There is more than one way to write the last character.
        return number if compare_digest(self.of(number), name) else None

    def _mask_of(self, code: bytes) -> int:
        hashed = self._mask.copy()
        hashed.update(code)
        return int.from_bytes(hashed.digest(), "big")
