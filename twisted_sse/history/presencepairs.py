"""
How a store keeps who is at a hub: as pairs of texts, a field that names a topic and a user, and a
value, which is empty if nobody is there any more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from twisted_sse.events.presence import NodeChange, Occupancy

__all__ = ["changes_of", "decode_pairs", "encode_pairs", "occupancy_pairs"]


def occupancy_pairs(changes: Iterable[Occupancy]) -> list[tuple[str, str]]:
    """
    Write each of *changes* as a field and a value.
    """
    return [(_json([one.topic, one.user]), _value(one)) for one in changes]


def changes_of(node: str, pairs: Iterable[Sequence[Any]]) -> Iterator[NodeChange]:
    """
    Read pairs of *node*; what another program has written is passed over.
    """
    for field, value in pairs:
        occupancy = _occupancy(field, value)
        if occupancy is not None:
            yield NodeChange(node, occupancy)


def encode_pairs(pairs: Sequence[tuple[str, str]]) -> str:
    """
    Write pairs as one text.
    """
    return _json(pairs)


def decode_pairs(text: str | bytes) -> list[Sequence[Any]]:
    """
    Read what `encode_pairs` has written.

    Raises:
        ValueError: It is not JSON.
    """
    found: list[Sequence[Any]] = json.loads(text)
    return found


def _value(occupancy: Occupancy) -> str:
    return _json([occupancy.number, occupancy.info]) if occupancy.number else ""


def _occupancy(field: str, value: str) -> Occupancy | None:
    try:
        topic, user = json.loads(field)
        number, info = json.loads(value) if value else (0, None)
    except (TypeError, ValueError):
        return None
    kinds = (topic, str), (user, str | None), (number, int), (info, str | None)
    if not all(isinstance(one, kind) for one, kind in kinds):
        return None
    return Occupancy(topic, user, number, info)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
