"""
Values as PostgreSQL sends and receives them in binary.

In text, a value that is a parameter would end at U+0000, and an array would need quoting.

Nothing here does I/O, keeps time, or imports Twisted or psycopg.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

__all__ = [
    "Statement",
    "bools",
    "bytes_array",
    "float_from",
    "int_from",
    "ints",
    "statement",
    "texts",
    "texts_from",
]

# The numbers of the types in pg_type.
_BOOL, _BYTEA, _INT4, _TEXT = 16, 17, 23, 25

_HEAD: Final = struct.Struct("!iiIii")
_ITEM: Final = struct.Struct("!i")
_FLOAT: Final = struct.Struct("!d")
_NULL: Final = b"\xff\xff\xff\xff"

# How many lists of topics are remembered: a hub uses few, each of them often.
_REMEMBERED: Final = 4096


class _Binary(bytes):
    """
    A parameter in binary.
    """

    __slots__ = ()


class Statement(NamedTuple):
    """
    A statement with its parameters.

    Attributes:
        text: With ``$1`` for the first parameter.

        values: ``None`` is NULL.

        formats: 1 for a value in binary, 0 for one in text.
    """

    text: bytes
    values: Sequence[bytes | None] = ()
    formats: Sequence[int] = ()


def statement(text: bytes, *values: bytes | str | int | float | None) -> Statement:
    """
    Make a `Statement`.

    Args:
        values: A str has no U+0000; bytes come from one of the functions here.
    """
    written = [_parameter(one) for one in values]
    return Statement(text, written, [int(isinstance(one, _Binary)) for one in written])


def _parameter(value: bytes | str | int | float | None) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()


def texts(items: Sequence[str | None]) -> bytes | None:
    """
    Write a ``text[]``; NULL if all items are ``None``, which ``unnest`` extends.
    """
    return _array(_TEXT, [None if one is None else one.encode() for one in items])


def bytes_array(items: Sequence[str | None]) -> bytes | None:
    """
    Write texts as a ``bytea[]``; see `texts`.
    """
    return _array(_BYTEA, [None if one is None else one.encode() for one in items])


def ints(items: Sequence[int | None]) -> bytes | None:
    """
    Write an ``int[]``; see `texts`.
    """
    return _array(_INT4, [None if one is None else _ITEM.pack(one) for one in items])


def bools(items: Iterable[bool]) -> bytes | None:
    """
    Write a ``boolean[]``.
    """
    return _array(_BOOL, [b"\1" if one else b"\0" for one in items])


def _array(kind: int, items: Sequence[bytes | None]) -> bytes | None:
    if all(one is None for one in items):
        return None
    # Dimensions, whether there may be NULLs, the type, the length, the first index.
    parts = [_HEAD.pack(1, 1, kind, len(items), 1)]
    for one in items:
        if one is None:
            parts.append(_NULL)
        else:
            parts += (_ITEM.pack(len(one)), one)
    return _Binary(b"".join(parts))


def int_from(value: bytes) -> int:
    """
    Read an ``int`` or ``bigint``.
    """
    return int.from_bytes(value, "big", signed=True)


def float_from(value: bytes) -> float:
    """
    Read a ``double precision``.
    """
    (number,) = _FLOAT.unpack(value)
    return float(number)


@lru_cache(maxsize=_REMEMBERED)
def texts_from(value: bytes) -> tuple[str, ...]:
    """
    Read a ``text[]`` without NULLs.

    Raises:
        ValueError: It has a NULL, or is no such array.
    """
    if len(value) < _HEAD.size:
        return ()
    dimensions, _, kind, count, _ = _HEAD.unpack_from(value)
    if dimensions != 1 or kind != _TEXT:
        raise ValueError("it is not a list of texts")
    found, at = [], _HEAD.size
    for _ in range(count):
        (length,) = _ITEM.unpack_from(value, at)
        if length < 0:
            raise ValueError("a topic is NULL")
        at += _ITEM.size
        found.append(value[at : at + length].decode())
        at += length
    return tuple(found)
