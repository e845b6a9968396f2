"""
Reads rows of the history, page by page, over one connection.

A page is what one answer has: so many rows, and about a mebibyte, because the reactor does
nothing else while it parses one.  Between two pages publications may be forgotten, so
each page tells up to where they are.

Parameters are sent with the statement, so each is planned for its values: a topic that is on
every second row is searched in another way than one that is on ten.  But PostgreSQL plans by
statistics, and a table that was filled within a minute has none; so among few rows it is not left
the choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from twisted.internet.interfaces import IReactorTime

from twisted_sse.history.outage import Unreadable
from twisted_sse.history.postgres.binary import Statement, int_from, statement
from twisted_sse.history.postgres.connection import PostgresConnection
from twisted_sse.history.postgres.epochs import KnownEpochs
from twisted_sse.history.postgres.row import EVENT_COLUMNS, EventRow, read_row
from twisted_sse.history.postgres.schema import Schema
from twisted_sse.history.postgres.session import ask_for_epochs, epochs_from

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

__all__ = ["PAGE", "Look", "RowPage", "RowPages", "integers_from"]

#: The most rows in one answer.
PAGE: Final = 256

# The most bytes of one answer, beside its last row.
_BYTES: Final = 1024 * 1024

# Among so many rows, topics are found by reading all of them: it takes some milliseconds, while the
# index of topics has all rows of a topic, however long ago they were kept.
_NEAR: Final = 4096

_LOOK: Final = "SELECT upto, last, epochs, lost FROM @schema@.look()"


class Look(NamedTuple):
    """
    What is the case after a page was read.

    Attributes:
        upto: Up to where everything was deleted.

        last: The newest number.

        epochs: The first number of the newest epoch.

        lost: The first number of the newest epoch before which publications are gone.
    """

    upto: int
    last: int
    epochs: int
    lost: int | None


class RowPage(NamedTuple):
    """
    What one answer has.

    Attributes:
        entries: The rows, in order.

        complete: Whether there were no more.

        look: What was the case afterwards.
    """

    entries: Sequence[EventRow]
    complete: bool
    look: Look


class RowPages:
    """
    Args:
        unreadable: Told of rows that are passed over.
    """

    def __init__(
        self,
        connection: PostgresConnection,
        schema: Schema,
        epochs: KnownEpochs,
        unreadable: Unreadable,
        clock: IReactorTime,
    ) -> None:
        self._connection = connection
        self._schema = schema
        self._epochs = epochs
        self._unreadable = unreadable
        self._clock = clock
        self._looking = statement(schema.sql(_LOOK))

    async def ask(self, asking: Statement) -> tuple[PGresult, Look]:
        """
        Run a statement, and then look around.
        """
        # The look comes after the rows: what it says is the case for them as well.
        result, looked = await self._connection.call(asking, self._looking)
        upto, last, epochs, lost = integers_from(looked)
        return result, Look(upto or 0, last or 0, -1 if epochs is None else epochs, lost)

    async def look(self) -> None:
        """
        Check that there is an answer.
        """
        await self._connection.call(self._looking)

    async def read(
        self,
        after: int,
        upto: int | None,
        limit: int,
        *,
        topics: Sequence[str] | None = None,
        numbers: Sequence[int] | None = None,
        backward: bool = False,
    ) -> RowPage:
        """
        Read a page of everything after *after*, up to *upto*.

        Args:
            upto: ``None`` for no end.

            topics: Only publications with one of these.

            numbers: Only these, in order.

            backward: Whether the newest come first.
        """
        asking = self._asking(after, upto, limit, topics, numbers, backward)
        rows, look = await self.ask(asking)
        if look.epochs != self._epochs.newest or look.lost != self._epochs.lost:
            (found,) = await self._connection.call(ask_for_epochs(self._schema))
            self._epochs.update(epochs_from(found, self._clock.seconds()))
        entries = [read_row(rows, row, 1, self._epochs) for row in range(rows.ntuples)]
        for one in entries:
            if one.damage:
                self._unreadable.note(one.number, one.damage)
        found_rows = int_from(rows.get_value(0, 0) or b"") if entries else 0
        return RowPage(entries, len(entries) == found_rows < limit, look)

    def _asking(
        self,
        after: int,
        upto: int | None,
        limit: int,
        topics: Sequence[str] | None,
        numbers: Sequence[int] | None,
        backward: bool,
    ) -> Statement:
        order = "number DESC" if backward else "number"
        wanted, values = "", list[str]()
        if topics is not None:
            names = [f"${at}::text" for at in range(4, 4 + len(topics))]
            wanted = f"AND topics && ARRAY[{', '.join(names)}]"
            if upto is None or self._epochs.count(after, upto) > _NEAR:
                hashes = ", ".join(f"hashtextextended({one}, 0)" for one in names)
                wanted = f"AND keys && ARRAY[{hashes}] {wanted}"
            values += topics
        elif numbers is not None:
            wanted = "AND number = ANY ($4::bigint[])"
            values.append(f"{{{','.join(map(str, numbers))}}}")
        text = f"""
            SELECT found, {EVENT_COLUMNS} FROM (
                SELECT *, count(*) OVER () AS found,
                    sum(size) OVER (ORDER BY {order}) - size AS before
                FROM (
                    SELECT size, {EVENT_COLUMNS} FROM @schema@.event
                    WHERE number > $1::bigint AND number <= $2::bigint {wanted}
                    ORDER BY {order} LIMIT $3::int
                ) AS page
            ) AS sized WHERE before < {_BYTES} ORDER BY {order}
        """
        most = 2**63 - 1 if upto is None else upto
        return statement(self._schema.sql(text), after, most, limit, *values)


def integers_from(result: PGresult) -> list[int | None]:
    """
    Read the numbers in the only row of *result*; ``None`` is NULL.
    """
    values = [result.get_value(0, column) for column in range(result.nfields)]
    return [None if one is None else int_from(one) for one in values]
