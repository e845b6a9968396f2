"""
Why a token is refused.

The reason is for the log: an answer that told it would help those who forge tokens.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["TokenRefused", "UnknownKey", "listed", "shown"]

# The most characters of a token's values that a reason shows.
_SHOWN = 80


class TokenRefused(Exception):
    """
    A token is not valid.

    Args:
        reason: What is wrong, as a sentence without a capital and a period.  It never
            has the token itself, and shows values of a token by `shown`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class UnknownKey(TokenRefused):
    """
    The token is signed with a key that is not known.
    """


def shown(value: object) -> str:
    """
    Write a value of a token in a reason: on one line, and not too long.
    """
    text = ascii(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def listed(values: Iterable[str]) -> str:
    """
    Write alternatives: ``a, b or c``.
    """
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last
