"""
The bytes of what is sent together, made once for everybody who is sent it.
"""

from __future__ import annotations

from collections.abc import Hashable

from twisted_sse.framing import Framing
from twisted_sse.window import Entry

__all__ = ["Payloads"]


class Payloads:
    """
    The joined and framed bytes of batches, made once for all audiences.
    """

    def __init__(self) -> None:
        self._made: dict[Hashable, bytes] = {}

    def of(self, framing: Framing, batch: list[Entry]) -> bytes:
        """
        Frame *batch*, or find it framed already.
        """
        key = (framing, *[entry.number for entry in batch])
        payload = self._made.get(key)
        if payload is None:
            payload = self._made[key] = framing(b"".join([entry.frame for entry in batch]))
        return payload

    def forget(self) -> None:
        """
        Let all go: the turn is over.
        """
        self._made.clear()
