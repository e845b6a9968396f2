"""
Takes notes of what a shared history delivers.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_sse.events.publication import Record, Tail

__all__ = ["RecordingFollower"]


class RecordingFollower:
    """
    What a hub hands to `ISharedHistoryProvider.follow`.

    Attributes:
        batches: What `deliver` was called with, each call for itself.

        ends: What `restart` was called with.

        order: What this follower knows of the order: what was delivered, and
            since a restart what that told.
    """

    def __init__(self) -> None:
        self.batches: list[list[Record]] = []
        self.ends: list[Tail] = []
        self.order: list[Record] = []

    def deliver(self, kept: Sequence[Record]) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self.batches.append(list(kept))
        self.order += kept

    def restart(self, end: Tail) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self.ends.append(end)
        self.order = list(end.kept)

    def knows(self, kept: Record) -> bool:
        """
        Whether the order has come to *kept*, or beyond.
        """
        return bool(self.order) and self.order[-1].number >= kept.number
