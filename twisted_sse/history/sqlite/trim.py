"""
The bounds of a history, and forgetting the oldest in small steps.

Nothing here imports Twisted.
"""

from __future__ import annotations

import math
import sqlite3
from typing import NamedTuple

from twisted_sse.history.sqlite.bulk import fetch
from twisted_sse.history.sqlite.topics import TopicIndex

__all__ = ["Bounds", "Extent", "read_extent", "trim"]


class Bounds(NamedTuple):
    """
    What is kept at most.

    Attributes:
        events: How many publications.

        size: How many bytes, as `size_of` counts them.

        age: For how long, in seconds.
    """

    events: int
    size: int
    age: float


class Extent(NamedTuple):
    """
    What is in the file.

    Attributes:
        newest: The number of the newest publication; what it was, when nothing
            is kept any more.

        ends: The size of all that was ever kept, in bytes.

        oldest: The number of the oldest publication; greater than *newest* by 1
            when nothing is kept.

        begins: The size of all that is not kept any more.

        since: When the oldest came, in seconds; never, when nothing is kept.
    """

    newest: int
    ends: int
    oldest: int
    begins: int
    since: float

    def exceeds(self, bounds: Bounds, now: float) -> bool:
        """
        Say whether the oldest has to go.
        """
        return (
            self.newest - self.oldest >= bounds.events
            or self.ends - self.begins > bounds.size
            or self.since <= now - bounds.age
        )


def read_extent(connection: sqlite3.Connection) -> Extent:
    """
    Find out what is in the file.
    """
    query = "SELECT number, ends, size, kept_at FROM events ORDER BY number {} LIMIT 1"
    oldest = connection.execute(query.format("ASC")).fetchone()
    if oldest is None:
        (newest,) = connection.execute("SELECT number FROM forgotten").fetchone()
        return Extent(newest, 0, newest + 1, 0, math.inf)
    newest = connection.execute(query.format("DESC")).fetchone()
    number, ends, size, kept_at = oldest
    return Extent(newest[0], newest[1], number, ends - size, kept_at)


def trim(
    connection: sqlite3.Connection,
    index: TopicIndex,
    extent: Extent,
    bounds: Bounds,
    now: float,
    most: int,
) -> Extent:
    """
    Forget what exceeds *bounds*, the *most* oldest publications of it.

    Returns:
        What is left.
    """
    if not extent.exceeds(bounds, now):
        return extent
    newest, ends = extent.newest, extent.ends
    texts: set[str] = set()
    columns = "number, ends, size, kept_at, topics"
    query = f"SELECT {columns} FROM events ORDER BY number LIMIT ?"
    rows = fetch(connection, columns, query, (most + 1,))
    for dropped, (number, end, size, kept_at, text) in enumerate(rows):
        extent = Extent(newest, ends, number, end - size, kept_at)
        if dropped == most or not extent.exceeds(bounds, now):
            break
        texts.add(text)
    else:
        extent = Extent(newest, ends, newest + 1, ends, math.inf)
        connection.execute("UPDATE forgotten SET number = ?", (newest,))
    connection.execute("DELETE FROM events WHERE number < ?", (extent.oldest,))
    index.remove(texts, extent.oldest)
    return extent
