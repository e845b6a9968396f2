"""
Many rows in one step of SQLite's.

`sqlite3` lets go of the interpreter's lock for every step, and while other
threads are busy gets it back late, up to 5 ms (`sys.getswitchinterval`).  So rows
go in by statements of many rows, and come out as one JSON text.  Measured: 200
publications kept while the reactor asked for all at every turn took up to 19 s
when they were inserted one by one, and less than 1 s so.

Nothing here imports Twisted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

__all__ = ["PAGE", "fetch", "insert"]

#: How many rows to ask for at once: few enough that they are no burden to memory.
PAGE: Final = 256

# How many rows a statement inserts: few different ones, which stay prepared, and
# none of more than the 999 parameters that SQLite took before 3.32.
_SIZES: Final = (64, 16, 4, 1)


def insert(connection: sqlite3.Connection, into: str, rows: Sequence[Sequence[object]]) -> None:
    """
    Insert *rows*.

    Args:
        into: The table and its columns.
    """
    start = 0
    for size in _SIZES:
        while len(rows) - start >= size:
            values = list(chain.from_iterable(rows[start : start + size]))
            connection.execute(_statement(into, len(rows[0]), size), values)
            start += size


def fetch(
    connection: sqlite3.Connection, columns: str, query: str, arguments: Sequence[object]
) -> list[Any]:
    """
    Find rows.

    Args:
        columns: Of those that *query* has, comma-separated.

    Returns:
        The rows as lists, ordered by their columns; the first should be unique.
    """
    statement = f"SELECT json_group_array(json_array({columns})) FROM ({query})"
    ((text,),) = connection.execute(statement, arguments).fetchall()
    rows: list[Any] = json.loads(text)
    # SQL promises no order within an aggregate.
    rows.sort(key=_first)
    return rows


def _first(row: list[Any]) -> Any:
    return row[0]


@cache
def _statement(into: str, width: int, size: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * size)}"
