"""
The bytes of what is sent together, made once for everybody who is sent it.
"""

from __future__ import annotations

from collections.abc import Hashable

from twisted_sse.framing import Annotating, Framing, frame_in
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
            # benchmarks (fanout): audiences of one pay for each call that is made here.
            if type(framing) is Annotating:
                frames = list(map(frame_in(framing), batch))
            else:
                frames = [entry.frame for entry in batch]
            payload = self._made[key] = framing(b"".join(frames))
        return payload

    def forget(self) -> None:
        """
        Let all go: the turn is over.
        """
        self._made.clear()
