"""
The runs in a file: who owns which topic, and until when.

Every function works within a transaction of its caller, and leaves publications to it.
Nothing here imports Twisted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from twisted_sse.errors import RunLost
from twisted_sse.events.ending import OUTCOMES
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.events.runrecord import RunKey, RunRecord
from twisted_sse.history.sqlite.epochs import Epochs

__all__ = [
    "Lease",
    "add_run",
    "check_owners",
    "end_runs",
    "expired_runs",
    "extend_leases",
    "find_run",
    "forget_runs",
    "newest_runs",
    "renew_runs",
]

_COLUMNS: Final = "topic, owner, begun, start, private, outcome"
_OWNED: Final = "SELECT 1 FROM runs WHERE topic = ? AND owner = ? AND until IS NOT NULL"


class Lease(NamedTuple):
    """
    How long a run lives without its owner, and after its end, in seconds.
    """

    lease: float
    keep: float


def add_run(connection: sqlite3.Connection, run: RunRecord, lease: Lease, now: float) -> None:
    """
    Add a run that begins now; one of the same topic has been forgotten.
    """
    connection.execute(
        "INSERT OR REPLACE INTO runs"
        " (topic, owner, begun, start, private, keep, until) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(run.key.topic, run.key.owner, run.begun, run.start.number, run.private),
            *(lease.keep, now + lease.lease),
        ),
    )


def check_owners(connection: sqlite3.Connection, publications: Sequence[Publication]) -> None:
    """
    Check that the owners of *publications* own the runs of their topics.

    Raises:
        RunLost: One does not.
    """
    owned = {(topic, one.owner) for one in publications if one.owner for topic in one.topics}
    lost = {key[0] for key in owned if connection.execute(_OWNED, key).fetchone() is None}
    if lost:
        raise RunLost(sorted(lost))


def end_runs(connection: sqlite3.Connection, endings: Sequence[Record], now: float) -> None:
    """
    End the runs of the topics that *endings* end.
    """
    connection.executemany(
        "UPDATE runs SET until = NULL, outcome = ?, ended = ?, forget_at = ? + keep"
        " WHERE topic = ? AND until IS NOT NULL",
        [
            (one.publication.outcome, one.number, now, topic)
            for one in endings
            for topic in one.publication.topics
        ],
    )


def renew_runs(
    connection: sqlite3.Connection, keys: Sequence[RunKey], until: float
) -> list[RunKey]:
    """
    Let the leases of *keys* last until *until*, and return those that are lost.
    """
    renew = "UPDATE runs SET until = ? WHERE topic = ? AND owner = ? AND until IS NOT NULL"
    return [key for key in keys if not connection.execute(renew, (until, *key)).rowcount]


def extend_leases(connection: sqlite3.Connection, until: float) -> None:
    """
    Let all leases last until *until* at least.
    """
    connection.execute("UPDATE runs SET until = max(until, ?) WHERE until IS NOT NULL", (until,))


def expired_runs(connection: sqlite3.Connection, limit: int, now: float) -> list[tuple[str, bool]]:
    """
    Find the topics of the runs whose leases have run out, and whether they are private.
    """
    rows = connection.execute(
        "SELECT topic, private FROM runs WHERE until <= ? ORDER BY until, topic LIMIT ?",
        (now, limit),
    ).fetchall()
    return [(topic, private == 1) for topic, private in rows]


def forget_runs(connection: sqlite3.Connection, oldest: int, now: float) -> None:
    """
    Forget the runs that were kept long enough, and those whose ends are forgotten.

    Args:
        oldest: The number of the oldest publication that is kept.
    """
    due = "FROM runs WHERE forget_at <= ?"
    ends = f"SELECT topic, ended {due}"
    connection.execute(f"DELETE FROM ended WHERE (topic, number) IN ({ends})", (now,))
    connection.execute(f"DELETE {due}", (now,))
    connection.execute("DELETE FROM runs WHERE ended < ?", (oldest,))


def find_run(
    connection: sqlite3.Connection, epochs: Epochs, topic: str, oldest: int, now: float
) -> RunRecord | None:
    """
    Find the run of *topic*.

    Args:
        oldest: The number of the oldest publication that counts as kept.
    """
    try:
        topic.encode()
    except UnicodeEncodeError:
        # A lone surrogate, which cannot be in a topic.
        return None
    found = _select(connection, epochs, "topic = ?", (topic,), (oldest, now, 1))
    return found[0] if found else None


def newest_runs(
    connection: sqlite3.Connection,
    epochs: Epochs,
    before: int | None,
    limit: int,
    oldest: int,
    now: float,
) -> list[RunRecord]:
    """
    See `IRunHistory.list_runs`.
    """
    if before is None:
        return _select(connection, epochs, "1", (), (oldest, now, limit))
    return _select(connection, epochs, "start < ?", (before,), (oldest, now, limit))


def _select(
    connection: sqlite3.Connection,
    epochs: Epochs,
    condition: str,
    arguments: tuple[Any, ...],
    bounds: tuple[int, float, int],
) -> list[RunRecord]:
    query = (
        f"SELECT {_COLUMNS} FROM runs WHERE {condition}"
        " AND (until IS NOT NULL OR ended >= ? AND forget_at > ?) ORDER BY start DESC LIMIT ?"
    )
    rows = connection.execute(query, (*arguments, *bounds)).fetchall()
    return [_record(epochs, row) for row in rows]


def _record(epochs: Epochs, row: Sequence[Any]) -> RunRecord:
    topic, owner, begun, start, private, outcome = row
    known = next((one for one in OUTCOMES if one == outcome), None)
    position = Position(start, epochs.name(start))
    return RunRecord(RunKey(topic, owner), begun, position, private == 1, known)
