"""
Where the keys that verify tokens come from: the configuration, or a file.

`twisted_sse.web.tokens.remote` has the third: a URL.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_sse.web.tokens.compact import Token
from twisted_sse.web.tokens.jwks import MAX_DOCUMENT_SIZE, parse_jwks
from twisted_sse.web.tokens.keys import TokenKey, key_from_text
from twisted_sse.web.tokens.keyset import KeySet

__all__ = ["FixedKey", "KeyFile", "KeySource", "jwks_file", "key_file"]


class KeySource(Protocol):
    """
    Finds the keys of tokens.
    """

    def find(self, token: Token) -> Sequence[TokenKey] | Deferred[Sequence[TokenKey]]:
        """
        Find the keys by which *token* may be signed.

        Raises:
            TokenRefused: There is none; also as a failure of the `Deferred`.
        """

    def reload(self) -> object:
        """
        Read the keys again, and log what has changed.  If they cannot be read, those
        in use stay.
        """


class FixedKey:
    """
    One key that never changes.
    """

    def __init__(self, key: TokenKey) -> None:
        self._keys = KeySet([key], "the configuration")

    def find(self, token: Token) -> Sequence[TokenKey]:
        """
        See `KeySource.find`.
        """
        return self._keys.candidates(token)

    def reload(self) -> None:
        """
        See `KeySource.reload`: there is nothing to read.
        """


class KeyFile:
    """
    The keys of a file.

    Args:
        path: It is read again by its absolute path: twistd changes its directory.

        parse: Reads keys from the content of the file.

    Raises:
        ValueError: The file cannot be used; half a sentence that names it.
    """

    _log = Logger()

    def __init__(self, path: str, parse: Callable[[bytes], list[TokenKey]]) -> None:
        self._parse = parse
        self._keys = KeySet(self._read(path), path)
        self._path = str(Path(path).absolute())

    def find(self, token: Token) -> Sequence[TokenKey]:
        """
        See `KeySource.find`.
        """
        return self._keys.candidates(token)

    def reload(self) -> None:
        """
        See `KeySource.reload`.
        """
        try:
            keys = self._read(self._path)
        except ValueError as error:
            self._log.warn("The keys of tokens in use stay, because {error}", error=error)
            return
        new, gone = self._keys.replace(keys)
        self._log.info(
            "Keys of tokens in {path}: {count} now, {new} new, {gone} removed",
            path=self._path,
            count=len(self._keys),
            new=new,
            gone=gone,
        )

    def _read(self, path: str) -> list[TokenKey]:
        try:
            with open(path, "rb") as file:
                content = file.read(MAX_DOCUMENT_SIZE + 1)
        except OSError as error:
            raise ValueError(f"{path} cannot be read: {error.strerror}") from None
        try:
            return self._parse(content)
        except ValueError as error:
            raise ValueError(f"{path} cannot be used: {error}") from None


def key_file(path: str, algorithms: Sequence[str] | None = None) -> KeyFile:
    """
    The key in a file: a PEM public key or certificate, or a secret.

    Raises:
        ValueError: The file cannot be used; half a sentence that names it.
    """

    def parse(content: bytes) -> list[TokenKey]:
        # An editor may have added a byte-order mark, and a line break at the end.
        secret = content.removeprefix(BOM_UTF8).rstrip(b"\r\n")
        if len(content) > MAX_DOCUMENT_SIZE:
            raise ValueError(f"it has more than {MAX_DOCUMENT_SIZE} bytes")
        return [key_from_text(secret, algorithms)]

    return KeyFile(path, parse)


def jwks_file(path: str, algorithms: Sequence[str] | None = None) -> KeyFile:
    """
    The keys in a file that is a JSON Web Key Set.

    Raises:
        ValueError: The file cannot be used; half a sentence that names it.
    """
    return KeyFile(path, partial(parse_jwks, algorithms=algorithms, secrets=True))
