"""
The index of topics: the publications of each.

With it, a replay costs what the subscriber missed of its topics, not what is
stored.  A topic is deleted with its last publication.

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

# How many lists of topics the writer caches.
_REMEMBERED: Final = 4096

# The most names that are looked up one by one: so many searches are still fast,
# and patterns that match more names match much of what is stored anyway.
_MOST_NAMES: Final = 256

# How many names to fetch in one step.
_NAMES: Final = 4096

_Filed = tuple[str, Sequence[int]]


class TopicIndex:
    """
    The writer's side of the index.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._remembered: dict[tuple[str, ...], _Filed] = {}

    def find(self, topics: tuple[str, ...]) -> _Filed:
        """
        Return the text of *topics* and their numbers; new topics are numbered.
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
        Remove publications older than *oldest*.

        Args:
            texts: Their topics, as written by `topics_text`.
        """
        for name in {name for text in texts for name in _readable(text)}:
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
        Clear the cache, because the file may have changed.
        """
        self._remembered.clear()

    def _number(self, name: str) -> int:
        row = self._connection.execute("SELECT id FROM topics WHERE name = ?", (name,)).fetchone()
        if row is not None:
            return int(row[0])
        made = self._connection.execute("INSERT INTO topics (name) VALUES (?)", (name,))
        assert made.lastrowid is not None
        return made.lastrowid


def _readable(text: str) -> tuple[str, ...]:
    try:
        return topics_from(text)
    except (ValueError, TypeError, RecursionError):
        # Another program has changed it.
        return ()


def names_of(connection: sqlite3.Connection, topics: Selection) -> set[str] | None:
    """
    Find the topics that *topics* selects; None if they are too many to look up.
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
    Find the numbers of the publications of several topics, in order, without
    duplicates.

    Args:
        after: Return only greater numbers.

        limit: The most numbers to return.
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
