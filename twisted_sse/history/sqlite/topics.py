"""
The index of topics: the publications of each.

With it, a replay costs what the subscriber missed of its topics, not what is
stored.  A topic is deleted with its last publication.  While the file is open, no
number stands for two topics, so a reader may remember what it stands for.

Nothing here imports Twisted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

from twisted_sse.history.sqlite.row import topics_from, topics_text

__all__ = ["TopicIndex"]

# How many lists of topics the writer caches.
_REMEMBERED: Final = 4096

_Filed = tuple[str, Sequence[int]]


class TopicIndex:
    """
    The writer's side of the index.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._remembered: dict[tuple[str, ...], _Filed] = {}
        # Not less than any number so far: SQLite would use the highest one again.
        self._highest = 0

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
        ((stored,),) = self._connection.execute("SELECT ifnull(max(id), 0) FROM topics")
        self._highest = max(self._highest, stored) + 1
        self._connection.execute(
            "INSERT INTO topics (id, name) VALUES (?, ?)", (self._highest, name)
        )
        return self._highest


def _readable(text: str) -> tuple[str, ...]:
    try:
        return topics_from(text)
    except (ValueError, TypeError, RecursionError):
        # Another program has changed it.
        return ()
