"""
Which publications of the file a selection selects, window by window.

A window is a range of numbers.  Its publications are found in one of two ways: by the
index of topics, if the topics that the selection matches are few; otherwise by
matching the topics of each publication.  The first costs what is found, the second
what is stored; both give the same result.

All functions are called in the reader's thread.  Nothing here imports Twisted.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from typing import Final

from twisted_sse.history.sqlite.bulk import fetch
from twisted_sse.topics import BoundedCache, Selection, URITemplate

__all__ = ["TopicNumbers", "filed_between"]

# The most topics of which publications are looked up.  Each takes a search in every
# window; patterns that match more topics match much of what is stored.
_MOST_TOPICS: Final = 1024

# How many topics to fetch in one step.
_STEP: Final = 4096

# What the numbers of topics that are remembered may take, in bytes: those of a
# thousand selections, if each matches fifty topics.
_REMEMBERED_BYTES: Final = 4 * 1024 * 1024

# What an entry takes beside its selection and its numbers, in bytes.
_ENTRY_BYTES: Final = 400

_FILED: Final = """
    SELECT number FROM filed
    WHERE topic IN (SELECT value FROM json_each(?)) AND number > ? AND number <= ?
    ORDER BY number LIMIT ?
"""
_NAMED: Final = "SELECT id FROM topics WHERE name IN (SELECT value FROM json_each(?))"
_NEWER: Final = "SELECT id, name FROM topics WHERE id > ? ORDER BY id LIMIT ?"
_BEGINNING: Final = "SELECT id, name FROM topics WHERE name >= ? AND name < ?"

_LAST_CHARACTER: Final = "\U0010ffff"


class TopicNumbers:
    """
    The numbers of the topics that selections match, remembered from page to page.

    Only topics that are new since the last call are matched.  This relies on the
    numbers of topics, which only grow while the file is open: forget everything by
    making another `TopicNumbers` when it is opened again.
    """

    def __init__(self) -> None:
        self._matched: BoundedCache[Selection, _Matched] = BoundedCache(_REMEMBERED_BYTES)

    def find(self, connection: sqlite3.Connection, topics: Selection) -> list[int] | None:
        """
        Return the numbers of the topics in the file that *topics* matches.

        Some may belong to topics that are not in the file any more.

        Returns:
            None if there are too many to look them up.
        """
        found = [one for (one,) in fetch(connection, "id", _NAMED, (_as_json(topics.exact),))]
        if topics.patterns:
            matched = self._matched.get(topics)
            if matched is None:
                matched = _Matched(connection, topics)
            else:
                matched.extend(connection, topics)
            self._matched.put(topics, matched, _ENTRY_BYTES + topics.weight + matched.weight)
            if matched.too_many:
                return None
            found += matched.numbers
        return found


class _Matched:
    """
    The topics that one selection matches.

    Attributes:
        too_many: Whether they are so many that they are not looked up.
    """

    def __init__(self, connection: sqlite3.Connection, topics: Selection) -> None:
        self.numbers = array("q")
        self.too_many = False
        ((newest,),) = connection.execute("SELECT ifnull(max(id), 0) FROM topics")
        self._newest: int = newest
        self._add(topics, _candidates(connection, topics))

    @property
    def weight(self) -> int:
        """
        The bytes that the numbers take.
        """
        return self.numbers.itemsize * len(self.numbers)

    def extend(self, connection: sqlite3.Connection, topics: Selection) -> None:
        """
        Add the topics that have been added to the file since the last call.
        """
        if not self.too_many:
            self._add(topics, self._newer(connection))

    def _add(self, topics: Selection, rows: Iterable[tuple[int, str]]) -> None:
        for number, name in rows:
            if topics.matches((name,)):
                if len(self.numbers) == _MOST_TOPICS:
                    self.too_many = True
                    self.numbers = array("q")
                    return
                self.numbers.append(number)

    def _newer(self, connection: sqlite3.Connection) -> Iterator[tuple[int, str]]:
        while rows := fetch(connection, "id, name", _NEWER, (self._newest, _STEP)):
            yield from rows
            self._newest = rows[-1][0]


def filed_between(
    connection: sqlite3.Connection, topics: Iterable[int], after: int, last: int, limit: int
) -> tuple[list[int], int]:
    """
    Find the numbers of the publications of *topics* that follow *after*, up to *last*.

    Args:
        limit: The most numbers to find; a publication of several of the topics counts
            for each.

    Returns:
        The numbers in order, without duplicates; and up to which number they are all.
    """
    rows = fetch(connection, "number", _FILED, (json.dumps(list(topics)), after, last, limit))
    numbers = list(dict.fromkeys(number for (number,) in rows))
    return numbers, numbers[-1] if len(rows) == limit else last


def _candidates(connection: sqlite3.Connection, topics: Selection) -> Iterator[tuple[int, str]]:
    """
    Find the topics that the patterns of *topics* may match; one may come twice.
    """
    beginnings = _beginnings(topics)
    if beginnings is None:
        last = 0
        while rows := fetch(connection, "id, name", _NEWER, (last, _STEP)):
            yield from rows
            last = rows[-1][0]
        return
    for beginning in beginnings:
        yield from fetch(connection, "id, name", _BEGINNING, (beginning, _successor(beginning)))


def _beginnings(topics: Selection) -> set[str] | None:
    """
    The texts of which every topic that the patterns match begins with one; None if it
    may begin with anything.
    """
    texts = set()
    for pattern in topics.patterns:
        beginning = pattern.text.partition("{")[0] if isinstance(pattern, URITemplate) else ""
        if not beginning.rstrip(_LAST_CHARACTER):
            return None
        texts.add(beginning)
    # What begins with a longer one begins with the shorter one as well.
    least: set[str] = set()
    for text in sorted(texts):
        if not any(text.startswith(one) for one in least):
            least.add(text)
    return least


def _successor(text: str) -> str:
    """
    The least text that is greater than all that begin with *text*.
    """
    text = text.rstrip(_LAST_CHARACTER)
    following = ord(text[-1]) + 1
    # A surrogate is no character of UTF-8.
    return text[:-1] + chr(0xE000 if following == 0xD800 else following)


def _as_json(names: Iterable[str]) -> str:
    return json.dumps(list(names), ensure_ascii=False)
