"""
The index of topics: which publications each has.

A subscriber that comes back costs what it missed of its topics, not what is
stored.  Topics that nothing is kept of are forgotten.

Nothing here imports Twisted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from twisted_sse.history.sqlite.bulk import fetch
from twisted_sse.history.sqlite.row import topics_from, topics_text
from twisted_sse.topics import Selection

__all__ = ["TopicIndex", "names_of", "numbers_of"]

# How many lists of topics the writer remembers.
_REMEMBERED: Final = 4096

# The most names that are looked up one by one: as many searches at once are
# still quick, and patterns that match more match much of what is stored.
_MOST_NAMES: Final = 256

# How many names to look at in one step.
_NAMES: Final = 4096

_Filed = tuple[str, Sequence[int]]


class TopicIndex:
    """
    Files publications under their topics.  For the writer only.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._remembered: dict[tuple[str, ...], _Filed] = {}

    def find(self, topics: tuple[str, ...]) -> _Filed:
        """
        How *topics* are written, and their numbers, which they get if they are new.
        """
        found = self._remembered.get(topics)
        if found is None:
            if len(self._remembered) >= _REMEMBERED:
                self._remembered.clear()
            numbers = [self._number(name) for name in dict.fromkeys(topics)]
            found = self._remembered[topics] = (topics_text(topics), numbers)
        return found

    def remove(self, texts: Iterable[str], oldest: int) -> None:
        """
        Forget publications that are older than *oldest*.

        Args:
            texts: Their topics, as written.
        """
        for name in {name for text in texts for name in topics_from(text)}:
            topic = self._number(name)
            self._connection.execute(
                "DELETE FROM filed WHERE topic = ? AND number < ?", (topic, oldest)
            )
            unused = self._connection.execute(
                "DELETE FROM topics WHERE id = ?"
                " AND NOT EXISTS (SELECT 1 FROM filed WHERE topic = id)",
                (topic,),
            )
            if unused.rowcount:
                self.forget()

    def forget(self) -> None:
        """
        Remember nothing of what is in the file: it may have changed.
        """
        self._remembered.clear()

    def _number(self, name: str) -> int:
        row = self._connection.execute("SELECT id FROM topics WHERE name = ?", (name,)).fetchone()
        if row is not None:
            return int(row[0])
        made = self._connection.execute("INSERT INTO topics (name) VALUES (?)", (name,))
        assert made.lastrowid is not None
        return made.lastrowid


def names_of(connection: sqlite3.Connection, topics: Selection) -> set[str] | None:
    """
    Find the topics that *topics* selects, or None if they are too many to look up.
    """
    names = set(topics.exact)
    for name in _all_names(connection) if topics.patterns else ():
        if topics.matches((name,)):
            names.add(name)
            if len(names) > _MOST_NAMES:
                return None
    return names


def _all_names(connection: sqlite3.Connection) -> Iterator[str]:
    query = "SELECT id, name FROM topics WHERE id > ? ORDER BY id LIMIT ?"
    last = 0
    while rows := fetch(connection, "id, name", query, (last, _NAMES)):
        for _, name in rows:
            yield name
        last = rows[-1][0]


def numbers_of(
    connection: sqlite3.Connection, names: Iterable[str], after: int, limit: int
) -> list[int]:
    """
    Find the publications of several topics, in their order, none twice.

    Args:
        after: The number that those wanted follow.

        limit: The most to find.
    """
    query = (
        "SELECT number FROM filed WHERE topic = (SELECT id FROM topics WHERE name = ?)"
        " AND number > ? ORDER BY number LIMIT ?"
    )
    found = {
        number
        for name in names
        for (number,) in fetch(connection, "number", query, (name, after, limit))
    }
    return sorted(found)[:limit]
