"""
Converts publications to rows, and rows to publications.

Each part has its own column, so that the ``sqlite3`` command shows it.  Nothing
here does I/O or imports Twisted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from twisted_sse.events.ending import OUTCOMES
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication

__all__ = [
    "COLUMNS",
    "COLUMNS_OF_1",
    "SCHEMA",
    "UPGRADE_OF_1",
    "publication_of",
    "size_of",
    "topics_from",
    "topics_text",
]

#: The statements that turn the tables of version 1 into those of version 2.
#:
#: events.outcome: how the topics have ended, of which this is the last publication.
#:
#: ended: the last publication of each topic that has ended.
#:
#: runs: the runs that go on, with the time *until* which their owners have them; and those
#: that have *ended* with a publication, with the time when to forget them.
UPGRADE_OF_1: Final = (
    "ALTER TABLE events ADD COLUMN outcome TEXT",
    "CREATE TABLE ended (topic TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE INDEX ended_number ON ended (number)",
    """CREATE TABLE runs (
        topic TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        begun REAL NOT NULL,
        start INTEGER NOT NULL,
        private INTEGER NOT NULL,
        keep REAL NOT NULL,
        until REAL,
        outcome TEXT,
        ended INTEGER,
        forget_at REAL
    ) WITHOUT ROWID""",
    "CREATE INDEX runs_start ON runs (start)",
    "CREATE INDEX runs_until ON runs (until) WHERE until IS NOT NULL",
    "CREATE INDEX runs_ended ON runs (ended) WHERE ended IS NOT NULL",
    "CREATE INDEX runs_forget_at ON runs (forget_at) WHERE forget_at IS NOT NULL",
)

#: The statements that create the tables in an empty database.
#:
#: events: the publications; numbers have no gaps.  *size* is in bytes, and *ends*
#: is the sum of all sizes so far, so that the size of any range is a difference.
#: *given* is the publisher's ID; *first*, whether no older one had it when kept.
#:
#: filed: the publications of each topic, in order.
#:
#: epochs: one for each opening, with the number of the first publication in it.
#:
#: forgotten: the newest number when the last publication was forgotten.
SCHEMA: Final = (
    """CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        kept_at REAL NOT NULL,
        size INTEGER NOT NULL,
        ends INTEGER NOT NULL,
        topics TEXT NOT NULL,
        private INTEGER NOT NULL,
        given TEXT,
        first INTEGER,
        data TEXT,
        event TEXT,
        retry INTEGER,
        comment TEXT
    )""",
    "CREATE INDEX events_given ON events (given) WHERE given IS NOT NULL",
    "CREATE TABLE topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    """CREATE TABLE filed (
        topic INTEGER NOT NULL,
        number INTEGER NOT NULL,
        PRIMARY KEY (topic, number)
    ) WITHOUT ROWID""",
    """CREATE TABLE epochs (
        opening INTEGER PRIMARY KEY,
        epoch TEXT NOT NULL UNIQUE,
        first INTEGER NOT NULL
    )""",
    "CREATE TABLE forgotten (number INTEGER NOT NULL)",
    "INSERT INTO forgotten VALUES (0)",
    *UPGRADE_OF_1,
)

#: The columns that `publication_of` reads.
COLUMNS: Final = "topics, private, given, data, event, retry, comment, outcome"

#: The same in a file of version 1.
COLUMNS_OF_1: Final = "topics, private, given, data, event, retry, comment, NULL"

# The bytes in the file for each publication and for each of its topics, in
# addition to the texts.  Measured with dbstat: 100,000 publications of 200 bytes.
_OVERHEAD: Final = 48
_FILING: Final = 16

_PLAIN: Final = re.compile(r'\["([^"\\\x00-\x1f]*)"\]')

# How many parsed lists of topics are cached: a hub uses few, each of them often.
_REMEMBERED: Final = 4096


def publication_of(row: Sequence[Any]) -> Publication:
    """
    Read the publication in a row.

    Raises:
        ValueError, TypeError: Another program has changed the row.
    """
    topics, private, given, data, event, retry, comment, outcome = row
    made = ServerSentEvent(data, event, given, retry, comment)
    if outcome is not None and outcome not in OUTCOMES:
        raise ValueError("its outcome is none")
    return Publication(topics_from(topics), made, private == 1, outcome)


def size_of(publication: Publication) -> int:
    """
    Estimate the bytes that *publication* takes in the file.
    """
    event = publication.event
    size = _OVERHEAD
    for topic in publication.topics:
        size += _FILING + _bytes(topic)
    for text in (event.data, event.event, event.comment):
        if text is not None:
            size += _bytes(text)
    # Once in the table, and once in its index.
    return size if event.id is None else size + 2 * _bytes(event.id)


def topics_text(topics: tuple[str, ...]) -> str:
    """
    Write topics as a JSON array; the first is the canonical one.
    """
    return json.dumps(topics, ensure_ascii=False)


@lru_cache(maxsize=_REMEMBERED)
def topics_from(text: str) -> tuple[str, ...]:
    """
    Read the result of `topics_text`.

    Raises:
        ValueError, TypeError: It is something else.
    """
    # benchmarks (templates): one topic that JSON writes as it is.
    plain = _PLAIN.fullmatch(text)
    if plain is not None:
        return (plain[1],)
    topics = json.loads(text)
    if not (isinstance(topics, list) and topics and all(type(one) is str for one in topics)):
        raise ValueError("it has no topics")
    return tuple(topics)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
