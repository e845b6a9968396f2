"""
Tokens: the units in which an automaton reads a topic.

A token is a character, or a percent-encoded byte, which is written as one
character here: a lone surrogate, which neither a topic nor a selector contains.
So a text is read token by token as any str is, and a class is a set of str.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from typing import Final

__all__ = ["CONTINUATIONS", "ENCODED_BYTES", "NO_TOKEN", "TokenClass", "common_length", "tokens_of"]

#: Written where a state reads no literal token; a control character is not a token.
NO_TOKEN: Final = "\0"

_FIRST_SURROGATE = 0xD800

# `%c3` and `%C3` are two tokens, because topics are compared byte for byte.
_TOKENS = {
    f"%{high}{low}": chr(_FIRST_SURROGATE + 22 * row + column)
    for row, high in enumerate(string.hexdigits)
    for column, low in enumerate(string.hexdigits)
}

#: Every percent-encoded byte.
ENCODED_BYTES: Final = frozenset(_TOKENS.values())

#: The percent-encoded bytes that continue a character of UTF-8.
CONTINUATIONS: Final = frozenset(
    token for text, token in _TOKENS.items() if 0x80 <= int(text[1:], 16) < 0xC0
)

_ENCODED = re.compile("%[0-9A-Fa-f]{2}")


class TokenClass:
    """
    A set of tokens: the members, or all tokens but the members.

    Compared by identity, because every class is made once.
    """

    __slots__ = ("_inverted", "_members")

    def __init__(self, members: Iterable[str], *, inverted: bool = False) -> None:
        self._members = frozenset(members)
        self._inverted = inverted

    def accepts(self, token: str) -> bool:
        """
        Return whether *token* is in the set.
        """
        return (token in self._members) != self._inverted


def tokens_of(text: str) -> str:
    """
    Return *text* with each percent-encoded byte as one character.
    """
    if "%" not in text:
        return text
    return _ENCODED.sub(lambda found: _TOKENS[found[0]], text)


def common_length(one: str, other: str) -> int:
    """
    Return how many tokens *one* and *other* begin with alike.
    """
    if other.startswith(one):
        return len(one)
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (mine, yours) in pairs if mine != yours), len(other))
