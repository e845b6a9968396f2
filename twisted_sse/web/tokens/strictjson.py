"""
JSON, strictly as RFC 8259 has it.

Python also reads ``NaN``, and of two members with one name it takes the last; another
program may take the first, and see another token.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

__all__ = ["read_json", "read_object", "write_json"]


def read_object(data: bytes) -> dict[str, Any]:
    """
    Read a JSON object.

    Args:
        data: The caller has bounded its size.

    Raises:
        ValueError: *data* is something else; half a sentence that says what.
    """
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)
    except _Repeated as error:
        raise ValueError(str(error)) from None
    except (ValueError, RecursionError):
        # Python limits the digits of a number and the depth of a document.
        raise ValueError("is not JSON in UTF-8") from None
    if not isinstance(value, dict):
        raise ValueError("is not a JSON object")
    return value


class _Repeated(ValueError):
    """
    A member is there twice.
    """


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _Repeated("has two members with one name")
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def write_json(value: object) -> str:
    """
    Write *value* as JSON, without spaces.

    Raises:
        ValueError: It has a number that JSON cannot represent.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def read_json(text: str) -> Any:
    """
    Read any JSON value.

    Raises:
        ValueError: *text* is no JSON; half a sentence.
    """
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise ValueError(f"{text!r} is not JSON") from None
