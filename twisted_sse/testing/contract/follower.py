"""
Records what a shared history delivers.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted_sse.events.publication import Record, Tail

__all__ = ["RecordingFollower"]


class RecordingFollower:
    """
    The callbacks that a hub passes to `ISharedHistoryProvider.follow`.

    Attributes:
        batches: The arguments of all calls of `deliver`.

        restarts: The arguments of all calls of `restart`.

        order: All records that were delivered; a restart replaces them with
            those of its `Tail`.
    """

    def __init__(self) -> None:
        self.batches: list[list[Record]] = []
        self.restarts: list[Tail] = []
        self.order: list[Record] = []

    def deliver(self, records: Sequence[Record]) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self.batches.append(list(records))
        self.order += records

    def restart(self, tail: Tail) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self.restarts.append(tail)
        self.order = list(tail.kept)

    def knows(self, record: Record) -> bool:
        """
        Return whether *record*, or a later one, was delivered.
        """
        return bool(self.order) and self.order[-1].number >= record.number
