"""
The lives of a store, and the event IDs of each.

An ID is ``<epoch>-<number>``.  So an ID of what was lost is never that of another event.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["Epoch", "KnownEpochs"]

_ID = re.compile(r"([0-9a-f]{8,32})-(0|[1-9][0-9]{0,17})")


class Epoch(NamedTuple):
    """
    One life of the store.

    Attributes:
        first: The first number that belongs to it.

        name: What its IDs begin with.

        follows: The newest number when it began.

        lost: Whether publications before it are gone.

        settled: The time in seconds from which on all hubs have told what they know of the
            epoch before.
    """

    first: int
    name: str
    follows: int
    lost: bool
    settled: float


class KnownEpochs:
    """
    What one hub knows of the lives of the store, shared by all of its connections.

    Attributes:
        known: The newest number that the hub has seen or was told, and the epoch that it
            belongs to; ``None`` before the first.  A store in which this is missing has lost
            publications.
    """

    def __init__(self) -> None:
        self._epochs: Sequence[Epoch] = ()
        self._firsts: list[int] = []
        self.known: tuple[str, int] | None = None

    @property
    def newest(self) -> int:
        """
        The first number of the newest epoch; -1 before the first `update`.
        """
        return self._firsts[-1] if self._firsts else -1

    @property
    def lost(self) -> int | None:
        """
        The first number of the newest epoch before which publications are gone.
        """
        return max((one.first for one in self._epochs if one.lost), default=None)

    def update(self, epochs: Sequence[Epoch]) -> None:
        """
        Replace all epochs by *epochs*, in order.
        """
        self._epochs = tuple(epochs)
        self._firsts = [one.first for one in epochs]

    def note(self, number: int) -> None:
        """
        Note that the publication with *number* is known.
        """
        if self.known is None or number > self.known[1]:
            self.known = (self.of(number).name, number)

    def forget(self, number: int) -> None:
        """
        Note that the order ends at *number*, whatever was known before.
        """
        self.known = (self.of(number).name, number)

    def of(self, number: int) -> Epoch:
        """
        The epoch of a number, or of the position before its first.
        """
        return self._epochs[max(0, bisect_right(self._firsts, number + 1) - 1)]

    def named(self, name: str) -> Epoch | None:
        """
        The epoch with this name; ``None`` if the store does not have it.
        """
        return next((one for one in self._epochs if one.name == name), None)

    def after(self, epoch: Epoch) -> Epoch | None:
        """
        The epoch after *epoch*; ``None`` for the newest.
        """
        return next((one for one in self._epochs if one.first > epoch.first), None)

    def id_of(self, number: int) -> str:
        """
        The event ID of *number*, if its publisher chose none.
        """
        return f"{self.of(number).name}-{number}"

    def count(self, after: int, upto: int) -> int:
        """
        How many numbers between *after*, which is not counted, and *upto* are in use.
        """
        lasts = [*(one.follows for one in self._epochs[1:]), upto]
        ranges = zip(self._epochs, lasts, strict=True)
        return sum(max(0, min(last, upto) - max(one.first - 1, after)) for one, last in ranges)

    @staticmethod
    def parse(event_id: str) -> tuple[str, int] | None:
        """
        Split an event ID that `id_of` may have made; ``None`` if it has not.
        """
        match = _ID.fullmatch(event_id)
        return None if match is None else (match[1], int(match[2]))
