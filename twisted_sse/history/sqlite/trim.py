"""
The bounds of a history, and deleting the oldest publications in small steps.

Nothing here imports Twisted.
"""

from __future__ import annotations

import math
import sqlite3
from typing import Final, NamedTuple

from twisted_sse.history.sqlite.bulk import fetch
from twisted_sse.history.sqlite.topics import TopicIndex

__all__ = ["DEFAULT_BOUNDS", "Bounds", "Extent", "find_oldest", "read_extent", "trim"]


# Another program may have written anything into a row.
_NUMBERS: Final = (
    "number, CAST(ends AS INTEGER) AS ends, CAST(size AS INTEGER) AS size,"
    " CAST(kept_at AS REAL) AS kept_at"
)
_OLDEST: Final = """
    SELECT number FROM events WHERE number >= ? AND kept_at > ? AND ends - size >= ?
    ORDER BY number LIMIT 1
"""
_TOPICS: Final = "CASE typeof(topics) WHEN 'text' THEN topics ELSE '' END AS topics"


class Bounds(NamedTuple):
    """
    The bounds of a history.

    Attributes:
        events: The most publications.

        size: The most bytes, as counted by `size_of`.

        age: The longest age, in seconds.
    """

    events: int
    size: int
    age: float


#: The bounds of a history for which none are given.
DEFAULT_BOUNDS: Final = Bounds(events=100_000, size=1024 * 1024 * 1024, age=86400.0)


class Extent(NamedTuple):
    """
    The range of publications in the file.

    Attributes:
        newest: The number of the newest publication, even if it is forgotten.

        ends: The size of everything that was ever kept, in bytes.

        oldest: The number of the oldest publication; *newest* + 1 when nothing
            is kept.

        begins: The size of everything that is forgotten, in bytes.

        since: When the oldest publication was kept, in seconds; infinity when
            nothing is kept.
    """

    newest: int
    ends: int
    oldest: int
    begins: int
    since: float

    def exceeds(self, bounds: Bounds, now: float) -> bool:
        """
        Whether the oldest publication must be deleted.
        """
        return (
            self.newest - self.oldest >= bounds.events
            or self.ends - self.begins > bounds.size
            or self.since <= now - bounds.age
        )


def read_extent(connection: sqlite3.Connection) -> Extent:
    """
    Read the extent of the file.
    """
    query = f"SELECT {_NUMBERS} FROM events ORDER BY number {{}} LIMIT 1"
    oldest = connection.execute(query.format("ASC")).fetchone()
    if oldest is None:
        (newest,) = connection.execute("SELECT number FROM forgotten").fetchone()
        return Extent(newest, 0, newest + 1, 0, math.inf)
    newest = connection.execute(query.format("DESC")).fetchone()
    number, ends, size, kept_at = oldest
    return Extent(newest[0], newest[1], number, ends - size, kept_at)


def find_oldest(
    connection: sqlite3.Connection, extent: Extent, bounds: Bounds, now: float, lowest: int = 0
) -> int:
    """
    Find the number of the oldest publication within *bounds*, or the next number if there
    is none: what is older is hidden until it is deleted.

    Args:
        lowest: A number that it does not precede, if one is known.
    """
    lowest = max(lowest, extent.newest - bounds.events + 1)
    least = (lowest, now - bounds.age, extent.ends - bounds.size)
    oldest = connection.execute(_OLDEST, least).fetchone()
    return extent.newest + 1 if oldest is None else int(oldest[0])


def trim(
    connection: sqlite3.Connection,
    index: TopicIndex,
    extent: Extent,
    bounds: Bounds,
    now: float,
    most: int,
) -> Extent:
    """
    Delete the oldest publications that exceed *bounds*, at most *most* of them.

    Returns:
        The new extent.
    """
    if not extent.exceeds(bounds, now):
        return extent
    newest, ends = extent.newest, extent.ends
    texts: set[str] = set()
    columns = "number, ends, size, kept_at, topics"
    query = f"SELECT {_NUMBERS}, {_TOPICS} FROM events ORDER BY number LIMIT ?"
    rows = fetch(connection, columns, query, (most + 1,))
    for dropped, (number, end, size, kept_at, text) in enumerate(rows):
        extent = Extent(newest, ends, number, end - size, kept_at)
        if dropped == most or not extent.exceeds(bounds, now):
            break
        texts.add(text)
    else:
        extent = Extent(newest, ends, newest + 1, ends, math.inf)
        connection.execute("UPDATE forgotten SET number = ?", (newest,))
    for condition in ("events WHERE number", "ended WHERE number", "runs WHERE ended"):
        connection.execute(f"DELETE FROM {condition} < ?", (extent.oldest,))
    index.remove(texts, extent.oldest)
    return extent
