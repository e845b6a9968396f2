"""
Epochs: the part of an event ID that tells in which opening of the file it was
assigned.

Every opening has its own epoch, so an ID that was lost by a power failure, or by
restoring a backup, is never mistaken for a newer event's.

Nothing here imports Twisted.
"""

from __future__ import annotations

import secrets
import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

__all__ = ["Epochs", "add_epoch", "read_epochs"]

# How many openings without publications are remembered: a hub that restarts in a
# loop must not fill the file.
_IDLE: Final = 100


class Epochs:
    """
    Converts positions to event IDs and back.

    Args:
        openings: Each epoch and the number of its first publication, in order;
            at least one.
    """

    def __init__(self, openings: Sequence[tuple[str, int]]) -> None:
        self._openings = openings
        self._firsts = [first for _, first in openings]
        ends = [first - 1 for first in self._firsts[1:]]
        # The last range has no end: it grows with every publication.
        self._ranges = dict(
            (epoch, (first, end))
            for (epoch, first), end in zip(openings, [*ends, None], strict=True)
        )

    def name(self, number: int) -> str:
        """
        Return the ID of the position *number*.
        """
        # The position before the first publication belongs to the first epoch.
        at = max(0, bisect_right(self._firsts, number) - 1)
        return f"{self._openings[at][0]}-{number}"

    def locate(self, event_id: str, newest: int) -> int | None:
        """
        Return the number of a position, or None if the ID was never assigned.

        Args:
            event_id: Sent by the client, so trust nothing about it.

            newest: The number of the newest publication.
        """
        epoch, _, sequence = event_id.rpartition("-")
        # isdecimal() and int() accept other scripts' digits too: comparing the
        # whole ID accepts only what `name` writes.
        if epoch not in self._ranges or len(sequence) > 19 or not sequence.isdecimal():
            return None
        first, last = self._ranges[epoch]
        number = int(sequence)
        in_range = first - 1 <= number <= (newest if last is None else last)
        return number if in_range and event_id == f"{epoch}-{number}" else None


def read_epochs(connection: sqlite3.Connection) -> Epochs:
    """
    Read all epochs that are remembered.
    """
    rows = connection.execute("SELECT epoch, first FROM epochs ORDER BY opening")
    return Epochs(rows.fetchall())


def add_epoch(connection: sqlite3.Connection, oldest: int, newest: int) -> str:
    """
    Begin an epoch after *newest*, and forget those without a resumable position.

    Args:
        oldest: The number of the oldest kept publication.
    """
    rows = connection.execute("SELECT opening, epoch, first FROM epochs ORDER BY opening")
    openings = rows.fetchall()
    known = {epoch for _, epoch, _ in openings}
    while (epoch := secrets.token_hex(4)) in known:
        pass
    connection.execute("INSERT INTO epochs (epoch, first) VALUES (?, ?)", (epoch, newest + 1))
    firsts = [first for _, _, first in openings]
    ranges = list(zip(openings, pairwise([*firsts, newest + 1]), strict=True))
    # A subscriber right before the oldest publication can still resume.
    gone = [opening for opening, (_, following) in ranges if following < oldest]
    idle = [opening for opening, (first, following) in ranges if first == following]
    forgotten = {(opening,) for opening, _, _ in [*gone, *idle[:-_IDLE]]}
    connection.executemany("DELETE FROM epochs WHERE opening = ?", forgotten)
    return epoch
