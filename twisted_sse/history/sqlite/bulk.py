"""
Inserts and fetches many rows in one step of SQLite.

`sqlite3` releases the interpreter's lock for every step, and while other threads
are busy waits up to 5 ms to get it back (`sys.getswitchinterval`).  So statements
insert many rows, and rows are fetched as one JSON text.  Measured: keeping 200
publications, while the reactor asked for all of them at every turn, took up to
19 s with one statement for each, and less than 1 s this way.

Nothing here imports Twisted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain
from typing import Any, Final

__all__ = ["PAGE", "fetch", "fetch_each", "insert"]

#: How many rows to fetch at a time; few, to save memory.
PAGE: Final = 256

# How many rows a statement inserts: few different sizes, so that the statements
# stay prepared, and at most the 999 parameters that SQLite before 3.32 accepts.
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
    Fetch the rows of *query*.

    Args:
        columns: The columns to return, comma-separated.

    Returns:
        The rows as lists, ordered by the first column, which should be unique.
    """
    statement = f"SELECT json_group_array(json_array({columns})) FROM ({query})"
    ((text,),) = connection.execute(statement, arguments).fetchall()
    rows: list[Any] = json.loads(text)
    # The order within an SQL aggregate is undefined.
    rows.sort(key=_first)
    return rows


def fetch_each(
    connection: sqlite3.Connection, columns: str, query: str, arguments: Sequence[object]
) -> list[list[Any]]:
    """
    Do what `fetch` does, although another program may have damaged some rows.

    Returns:
        The rows; one with a value that SQLite cannot return has only its first column,
        which is an integer.
    """
    try:
        return fetch(connection, columns, query, arguments)
    except (sqlite3.Error, ValueError) as error:
        if not _is_of_a_value(error):
            raise
    key = columns.partition(",")[0]
    return [
        _fetch_one(connection, columns, key, query, arguments, number)
        for (number,) in fetch(connection, key, query, arguments)
    ]


def _fetch_one(
    connection: sqlite3.Connection,
    columns: str,
    key: str,
    query: str,
    arguments: Sequence[object],
    number: int,
) -> list[Any]:
    one = f"SELECT * FROM ({query}) WHERE {key} = ?"
    try:
        row: list[Any] = fetch(connection, columns, one, (*arguments, number))[0]
    except (sqlite3.Error, ValueError) as error:
        if not _is_of_a_value(error):
            raise
        return [number]
    return row


def _is_of_a_value(error: sqlite3.Error | ValueError) -> bool:
    """
    Whether *error* is that of a value, such as a blob, and not of the file.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code is None or code & 0xFF == sqlite3.SQLITE_ERROR


def _first(row: list[Any]) -> Any:
    return row[0]


@cache
def _statement(into: str, width: int, size: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * size)}"
