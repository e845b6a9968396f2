"""
Finds publications, over one connection.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Record, Tail
from twisted_sse.history.outage import Unreadable
from twisted_sse.history.postgres.binary import float_from, int_from, statement, texts, texts_from
from twisted_sse.history.postgres.connection import PostgresConnection
from twisted_sse.history.postgres.epochs import KnownEpochs
from twisted_sse.history.postgres.paging import PAGE, Look, RowPage, RowPages, integers_from
from twisted_sse.history.postgres.row import EventRow
from twisted_sse.history.postgres.schema import Schema
from twisted_sse.topics import Selection

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

__all__ = ["Located", "PostgresBounds", "PostgresReader", "is_storable"]

# The most rows of which only the topics are read.
_SCAN: Final = 1000

# More topics than this are matched one by one.
_MOST_TOPICS: Final = 100

_LOCATE: Final = """
    SELECT located, oldest, newest FROM @schema@.locate($1, $2, $3::bigint,
        $4::bigint, $5::bigint, make_interval(secs => $6::float8))
"""
_EXTENT: Final = """
    SELECT oldest, newest FROM @schema@.extent(
        $1::bigint, $2::bigint, make_interval(secs => $3::float8))
"""
_ENDS: Final = """
    SELECT DISTINCT number FROM @schema@.kept_ends_of($1::text[],
        $2::bigint, $3::bigint, make_interval(secs => $4::float8)) ORDER BY number
"""
_BYTES_AFTER: Final = """
    SELECT ((SELECT ends FROM @schema@.event ORDER BY number DESC LIMIT 1)
        - (SELECT ends - size FROM @schema@.event WHERE number > $1::bigint
            ORDER BY number LIMIT 1))::bigint
"""
_TIMES: Final = """
    SELECT number, extract(epoch FROM at)::float8 FROM @schema@.event
    WHERE number > $1::bigint AND number <= $2::bigint
"""
_TOPICS: Final = """
    SELECT number, topics FROM @schema@.event
    WHERE number > $1::bigint AND number <= $2::bigint ORDER BY number LIMIT $3::int
"""


class PostgresBounds(NamedTuple):
    """
    The bounds of a history: events, bytes, and age in seconds.
    """

    events: int
    bytes: int
    age: float


class Located(NamedTuple):
    """
    Where an event stands.

    Attributes:
        number: Its number.

        newest: The newest number at that time.
    """

    number: int
    newest: int


class PostgresReader:
    """
    Args:
        unreadable: Told of rows that are passed over.
    """

    def __init__(
        self,
        connection: PostgresConnection,
        schema: Schema,
        bounds: PostgresBounds,
        epochs: KnownEpochs,
        unreadable: Unreadable,
        clock: IReactorTime,
    ) -> None:
        self.connection = connection
        self._schema = schema
        self._bounds = bounds
        self._epochs = epochs
        self._rows = RowPages(connection, schema, epochs, unreadable, clock)

    async def since(self, event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        See `IHistoryProvider.since`.
        """
        while True:
            start = await (self.oldest() if event_id is None else self.locate(event_id))
            try:
                return await self._following(start, topics, limit)
            except UnknownEventID:
                # What was the oldest has been forgotten meanwhile.
                if event_id is not None:
                    raise

    async def oldest(self) -> Located:
        """
        The position before the oldest publication.
        """
        (result,) = await self.connection.call(statement(self._schema.sql(_EXTENT), *self._bounds))
        oldest, newest = integers_from(result)
        return Located(oldest or 0, newest or 0)

    async def locate(self, event_id: str, *, by_publisher: bool = False) -> Located:
        """
        Find the position of *event_id*.

        Args:
            by_publisher: Whether only an ID counts that a publisher has chosen.

        Raises:
            UnknownEventID: It, or a publication that followed it, is not kept.
        """
        found: int | None = None
        if is_storable(event_id):
            name, number = None, None
            if not by_publisher:
                name, number = KnownEpochs.parse(event_id) or (None, None)
            asking = statement(self._schema.sql(_LOCATE), event_id, name, number, *self._bounds)
            (result,) = await self.connection.call(asking)
            found, _, newest = integers_from(result)
        else:
            # Whether it can be told at all.
            await self._rows.look()
        if found is None:
            raise UnknownEventID(f"{event_id[:80]!r}, or an event after it, is not kept")
        return Located(found, newest or 0)

    async def find(self, event_id: str) -> Record | None:
        """
        See `ISearchableHistory.find`.
        """
        try:
            located = await self.locate(event_id, by_publisher=True)
        except UnknownEventID:
            return None
        page = await self._rows.read(located.number - 1, located.number, 1)
        return page.entries[0].record if page.entries else None

    async def ends(self, topics: Sequence[str]) -> Sequence[Record]:
        """
        See `IEndingHistory.ends`.
        """
        names = texts([one for one in topics if is_storable(one)])
        while True:
            asking = statement(self._schema.sql(_ENDS), names, *self._bounds)
            (found,) = await self.connection.call(asking)
            numbers = [int_from(found.get_value(row, 0) or b"") for row in range(found.ntuples)]
            # If one is forgotten meanwhile, look again.
            with suppress(UnknownEventID):
                return await self._numbered(numbers)

    async def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        oldest, newest = await self.oldest()
        entries: list[EventRow] = []
        upto = newest
        while len(entries) < limit:
            page = await self._rows.read(
                oldest, upto, min(PAGE, limit - len(entries)), backward=True
            )
            entries += page.entries
            if page.complete:
                break
            upto = entries[-1].number - 1
        entries.reverse()
        before = entries[0].number - 1 if entries else newest
        kept = [one.record for one in entries if one.record is not None]
        return Tail(Position(before, self._epochs.id_of(before)), kept)

    async def follow(self, after: int) -> tuple[Sequence[EventRow], Look]:
        """
        Read a page of everything after *after*, and look around.
        """
        page = await self._rows.read(after, None, PAGE)
        return page.entries, page.look

    async def page(self, after: int, upto: int, limit: int) -> RowPage:
        """
        Read a page of everything after *after*, up to *upto*.
        """
        return await self._rows.read(after, upto, limit)

    def id_of(self, number: int) -> str:
        """
        The event ID of *number*, if its publisher chose none.
        """
        return self._epochs.id_of(number)

    async def measure(self, start: Located) -> tuple[int, int]:
        """
        How many publications follow *start*, and how many bytes they take.
        """
        (result,) = await self.connection.call(
            statement(self._schema.sql(_BYTES_AFTER), start.number)
        )
        (size,) = integers_from(result)
        return self._epochs.count(start.number, start.newest), size or 0

    async def times(self, after: int, upto: int) -> dict[int, float]:
        """
        When the publications after *after*, up to *upto*, were kept, in seconds since 1970.
        """
        (result,) = await self.connection.call(statement(self._schema.sql(_TIMES), after, upto))
        return {
            int_from(result.get_value(row, 0) or b""): float_from(result.get_value(row, 1) or b"")
            for row in range(result.ntuples)
        }

    async def _following(self, start: Located, topics: Selection, limit: int) -> Sequence[Record]:
        if topics.everything:
            return await self._pages(start, None, limit)
        if not topics.patterns and len(topics.exact) <= _MOST_TOPICS:
            return await self._pages(start, sorted(topics.exact), limit)
        return await self._scan(start, topics, limit)

    async def _pages(
        self, start: Located, topics: Sequence[str] | None, limit: int
    ) -> Sequence[Record]:
        records: list[Record] = []
        after, missing = start.number, limit
        while missing:
            page = await self._rows.read(after, start.newest, min(PAGE, missing), topics=topics)
            if page.look.upto > after:
                raise UnknownEventID("an event was forgotten while history was read")
            records += [one.record for one in page.entries if one.record is not None]
            if page.complete:
                break
            after, missing = page.entries[-1].number, limit - len(records)
        return records

    async def _scan(self, start: Located, topics: Selection, limit: int) -> Sequence[Record]:
        """
        Match the topics of each publication, and read those that match.
        """
        records: list[Record] = []
        after = start.number
        while len(records) < limit:
            asking = statement(self._schema.sql(_TOPICS), after, start.newest, _SCAN)
            result, look = await self._rows.ask(asking)
            if look.upto > after:
                raise UnknownEventID("an event was forgotten while history was read")
            numbers, last = _matching(result, topics)
            records += await self._numbered(numbers[: limit - len(records)])
            if result.ntuples < _SCAN:
                break
            after = last
        return records

    async def _numbered(self, numbers: Sequence[int]) -> Sequence[Record]:
        records: list[Record] = []
        while numbers:
            wanted = numbers[:PAGE]
            page = await self._rows.read(wanted[0] - 1, wanted[-1], PAGE, numbers=wanted)
            if page.look.upto >= wanted[0]:
                raise UnknownEventID("an event was forgotten while history was read")
            records += [one.record for one in page.entries if one.record is not None]
            last = wanted[-1] if page.complete or not page.entries else page.entries[-1].number
            numbers = numbers[bisect_right(numbers, last) :]
        return records


def _matching(result: PGresult, topics: Selection) -> tuple[list[int], int]:
    """
    The numbers of the rows that *topics* matches, and the number of the last row.
    """
    numbers, number = [], 0
    for row in range(result.ntuples):
        number = int_from(result.get_value(row, 0) or b"")
        try:
            names = texts_from(result.get_value(row, 1) or b"")
        except ValueError:
            # Another program has changed it; who reads the row is told.
            continue
        if topics.matches(names):
            numbers.append(number)
    return numbers, number


def is_storable(event_id: str) -> bool:
    """
    Whether PostgreSQL can have a text at all; if not, nobody has chosen it as an ID, or as a
    topic.
    """
    try:
        event_id.encode()
    except UnicodeEncodeError:
        return False
    return event_id != "" and "\0" not in event_id
