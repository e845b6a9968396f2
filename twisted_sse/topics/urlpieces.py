"""
The pieces of a URL Pattern: text, names and special characters.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["END", "Piece", "pieces_of"]

_PIECES = re.compile(
    r"\\(?P<escaped>.)|(?P<name>:(?:[^\W\d]|\$)[\w$]*)|(?P<special>[{}*?+(#/:\\])|[^{}*?+(#/:\\]+",
    re.DOTALL,
)


class Piece(NamedTuple):
    """
    A part of a pattern.  *kind* is `text`, `name`, or the special character.
    """

    kind: str
    text: str


#: Stands after the last piece.
END = Piece("", "")


def pieces_of(text: str) -> list[Piece]:
    """
    Cut a pattern into its pieces.
    """
    pieces = []
    for found in _PIECES.finditer(text):
        kind = found["special"] or ("name" if found["name"] else "text")
        pieces.append(Piece(kind, found["escaped"] or found[0]))
    return pieces
