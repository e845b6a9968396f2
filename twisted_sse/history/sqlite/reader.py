"""
The reader: finds missed publications, and the newest.

It has its own connection, so a long replay does not delay a commit, and a replay
does not wait for a commit.  Every result comes from one snapshot of the file.

All methods are called in one thread.  Nothing here imports Twisted.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple, TypeVar

from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.history.sqlite.bulk import PAGE, fetch_each
from twisted_sse.history.sqlite.epochs import Epochs, read_epochs
from twisted_sse.history.sqlite.file import connect
from twisted_sse.history.sqlite.row import COLUMNS, publication_of, topics_from
from twisted_sse.history.sqlite.runs import find_run, newest_runs
from twisted_sse.history.sqlite.selected import TopicNumbers, filed_between
from twisted_sse.history.sqlite.snapshot import DAMAGE, SnapshotReader
from twisted_sse.history.sqlite.store import Store
from twisted_sse.history.sqlite.trim import Bounds, find_oldest, read_extent
from twisted_sse.topics import Selection

__all__ = ["Reader"]

T = TypeVar("T")

# The most publications whose topics are matched without looking at the index, which
# may have as many topics as there are publications.
_FEW: Final = 1024

# The most publications whose topics are fetched in one step.
_MOST_SCANNED: Final = 4096

_COLUMNS: Final = f"number, {COLUMNS}"
_FOLLOWING: Final = "SELECT * FROM events WHERE number > ? ORDER BY number LIMIT ?"
_TOPICS: Final = """
    SELECT number, topics FROM events WHERE number > ? AND number <= ? ORDER BY number
"""
_LISTED: Final = "SELECT * FROM events WHERE number IN (SELECT value FROM json_each(?))"
_ENDS: Final = """
    SELECT DISTINCT number FROM ended
    WHERE topic IN (SELECT value FROM json_each(?)) AND number >= ?
    AND NOT EXISTS (SELECT 1 FROM runs WHERE ended = number AND forget_at <= ?)
    ORDER BY number
"""


class _Snapshot(NamedTuple):
    """
    The file during one read.

    Attributes:
        oldest: The number of the oldest publication within the bounds.

        newest: The number of the newest publication, even if it is forgotten.

        numbers: Finds the topics that a selection matches.

        unreadable: See `Reader`.
    """

    connection: sqlite3.Connection
    epochs: Epochs
    oldest: int
    newest: int
    numbers: TopicNumbers
    unreadable: Callable[[int, str], object]


class Reader(SnapshotReader):
    """
    Args:
        store: The writer, which has opened the file.

        bounds: Publications that exceed them are hidden until they are deleted.

        unreadable: Called in this thread with the number of a publication that is
            passed over, and what is wrong with it.
    """

    def __init__(
        self,
        path: str,
        store: Store,
        bounds: Bounds,
        unreadable: Callable[[int, str], object] = lambda number, error: None,
    ) -> None:
        super().__init__(path)
        self._store = store
        self._bounds = bounds
        self._unreadable = unreadable
        self._epoch: str | None = None
        self._epochs: Epochs
        self._numbers: TopicNumbers
        # The oldest publication within the bounds, when last computed.
        self._oldest = 0

    def since(
        self, last_event_id: str | None, topics: Selection, limit: int, now: float
    ) -> list[Record]:
        """
        See `IHistoryProvider.since`.
        """
        return self._in_state(lambda snapshot: _since(snapshot, last_event_id, topics, limit), now)

    def tail(self, limit: int, now: float) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        return self._in_state(lambda snapshot: _tail(snapshot, limit), now)

    def find(self, event_id: str, now: float) -> Record | None:
        """
        See `ISearchableHistory.find`.
        """
        return self._in_state(lambda snapshot: _find(snapshot, event_id), now)

    def ends(self, topics: Sequence[str], now: float) -> list[Record]:
        """
        See `IEndingHistory.ends`.
        """
        return self._in_state(lambda snapshot: _ends(snapshot, topics, now), now)

    def find_run(self, topic: str, now: float) -> RunRecord | None:
        """
        See `IRunHistory.find_run`.
        """

        def find(snapshot: _Snapshot) -> RunRecord | None:
            connection, epochs = snapshot.connection, snapshot.epochs
            return find_run(connection, epochs, topic, snapshot.oldest, now)

        return self._in_state(find, now)

    def list_runs(self, before: int | None, limit: int, now: float) -> list[RunRecord]:
        """
        See `IRunHistory.list_runs`.
        """

        def find(snapshot: _Snapshot) -> list[RunRecord]:
            connection, epochs = snapshot.connection, snapshot.epochs
            return newest_runs(connection, epochs, before, limit, snapshot.oldest, now)

        return self._in_state(find, now)

    def _in_state(self, find: Callable[[_Snapshot], T], now: float) -> T:
        return self._read(lambda connection: find(self._snapshot(connection, now)))

    def _open(self) -> sqlite3.Connection:
        # Another epoch means that the writer has reopened the file.
        if self._connection is None or self._epoch != self._store.epoch:
            self.close()
            if not self._store.look():
                raise HistoryUnavailable(self._store.misplaced)
            self._epoch = self._store.epoch
            self._connection = connect(self._path, "rw")
            self._connection.execute("PRAGMA query_only = ON")
            self._epochs = read_epochs(self._connection)
            self._numbers = TopicNumbers()
            self._oldest = 0
        return self._connection

    def _snapshot(self, connection: sqlite3.Connection, now: float) -> _Snapshot:
        extent = read_extent(connection)
        oldest = find_oldest(connection, extent, self._bounds, now, self._oldest)
        self._oldest = oldest
        return _Snapshot(
            connection, self._epochs, oldest, extent.newest, self._numbers, self._unreadable
        )


def _since(
    snapshot: _Snapshot, last_event_id: str | None, topics: Selection, limit: int
) -> list[Record]:
    after = snapshot.oldest - 1 if last_event_id is None else _locate(snapshot, last_event_id)
    if not snapshot.oldest - 1 <= after <= snapshot.newest:
        raise UnknownEventID(f"{last_event_id!r} is not kept")
    if topics.everything:
        rows = _following(snapshot, after, min(limit, PAGE))
        return list(islice(_readable(snapshot, rows), limit))
    few = topics.patterns and snapshot.newest - after <= _FEW
    numbers = None if few else snapshot.numbers.find(snapshot.connection, topics)
    return _selected(snapshot, after, topics, numbers, limit)


def _selected(
    snapshot: _Snapshot, after: int, topics: Selection, numbers: Sequence[int] | None, limit: int
) -> list[Record]:
    """
    Find the first *limit* publications that *topics* selects.

    Args:
        numbers: Those of all topics that it matches, or None if they are not known.
    """
    found: list[Record] = []
    if numbers is not None and not numbers:
        return found
    window = min(limit, _MOST_SCANNED)
    while after < snapshot.newest and len(found) < limit:
        missing = limit - len(found)
        last = min(after + window, snapshot.newest)
        if numbers is None:
            matching, after = _matching(snapshot, topics, after, last, missing)
        else:
            matching, after = filed_between(snapshot.connection, numbers, after, last, missing)
        # Some may be passed over, so that others are still missing.
        found += _listed(snapshot, matching)
        window = 4 * window if numbers else min(4 * window, _MOST_SCANNED)
    return found


def _matching(
    snapshot: _Snapshot, topics: Selection, after: int, last: int, limit: int
) -> tuple[list[int], int]:
    """
    Do what `filed_between` does, by matching the topics of each publication.
    """
    numbers: list[int] = []
    for row in fetch_each(snapshot.connection, "number, topics", _TOPICS, (after, last)):
        try:
            matches = topics.matches(topics_from(row[1]))
        except DAMAGE as error:
            _pass_over(snapshot, row[0], error)
            continue
        if matches:
            numbers.append(row[0])
            if len(numbers) == limit:
                return numbers, row[0]
    return numbers, last


def _tail(snapshot: _Snapshot, limit: int) -> Tail:
    before = max(snapshot.oldest - 1, snapshot.newest - limit)
    records = list(islice(_readable(snapshot, _following(snapshot, before)), limit))
    return Tail(Position(before, snapshot.epochs.name(before)), records)


def _find(snapshot: _Snapshot, event_id: str) -> Record | None:
    if snapshot.epochs.locate(event_id, snapshot.newest) is not None:
        return None
    try:
        number = _locate(snapshot, event_id)
    except UnknownEventID:
        return None
    if number < snapshot.oldest:
        return None
    return next(_readable(snapshot, _rows(snapshot, [number])), None)


def _ends(snapshot: _Snapshot, topics: Sequence[str], now: float) -> list[Record]:
    try:
        # JSON in SQLite ends at a NUL, which cannot be in a topic.
        names = json.dumps([one for one in topics if "\0" not in one], ensure_ascii=False)
        arguments = (names, snapshot.oldest, now)
        found = snapshot.connection.execute(_ENDS, arguments).fetchall()
    except UnicodeEncodeError:
        # A lone surrogate, which cannot be in a topic.
        return []
    return _listed(snapshot, [number for (number,) in found])


def _locate(snapshot: _Snapshot, event_id: str) -> int:
    number = snapshot.epochs.locate(event_id, snapshot.newest)
    if number is not None:
        return number
    query = "SELECT number, first FROM events WHERE given = ? ORDER BY number LIMIT 1"
    try:
        given = snapshot.connection.execute(query, (event_id,)).fetchone()
    except UnicodeEncodeError:
        # A lone surrogate, which cannot be in an ID.
        given = None
    # When the oldest with this ID is forgotten, no later one replaces it.
    if event_id == "" or given is None or not given[1]:
        raise UnknownEventID(f"{event_id!r} is not an ID of this history")
    return int(given[0])


def _following(snapshot: _Snapshot, after: int, page: int = PAGE) -> Iterator[list[Any]]:
    last: int | None = after
    while last is not None:
        rows = fetch_each(snapshot.connection, _COLUMNS, _FOLLOWING, (last, page))
        last = None
        for row in rows:
            yield row
            last = row[0]


def _listed(snapshot: _Snapshot, numbers: list[int]) -> list[Record]:
    pages = [numbers[start : start + PAGE] for start in range(0, len(numbers), PAGE)]
    rows = (row for page in pages for row in _rows(snapshot, page))
    return list(_readable(snapshot, rows))


def _rows(snapshot: _Snapshot, numbers: list[int]) -> list[list[Any]]:
    return fetch_each(snapshot.connection, _COLUMNS, _LISTED, (json.dumps(numbers),))


def _readable(snapshot: _Snapshot, rows: Iterable[list[Any]]) -> Iterator[Record]:
    """
    The records of *rows*.  What another program has damaged is passed over.
    """
    for row in rows:
        try:
            yield _record(snapshot, row)
        except DAMAGE as error:
            _pass_over(snapshot, row[0], error)


def _pass_over(snapshot: _Snapshot, number: int, error: Exception) -> None:
    snapshot.unreadable(number, str(error) or type(error).__name__)


def _record(snapshot: _Snapshot, row: list[Any]) -> Record:
    number, *columns = row
    publication = publication_of(columns)
    return Record(number, publication.event.id or snapshot.epochs.name(number), publication)
