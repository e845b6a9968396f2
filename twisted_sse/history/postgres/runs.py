"""
The runs of a history in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import TopicEnded
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord, beginning
from twisted_sse.history.postgres.binary import (
    Statement,
    bytes_array,
    float_from,
    int_from,
    statement,
    texts,
    texts_from,
)
from twisted_sse.history.postgres.connection import PostgresConnection
from twisted_sse.history.postgres.epochs import KnownEpochs
from twisted_sse.history.postgres.reader import PostgresBounds
from twisted_sse.history.postgres.row import read_outcome
from twisted_sse.history.postgres.schema import Schema
from twisted_sse.history.postgres.session import ask_for_epochs, epochs_from

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

__all__ = ["PostgresRuns"]

# A run, as `PostgresRuns._run` reads it.
_COLUMNS: Final = "topic, owner, extract(epoch FROM begun)::float8, start, private, outcome"

_BEGIN: Final = """
    SELECT state, (known).topic, (known).owner, extract(epoch FROM (known).begun)::float8,
        (known).start, (known).private, (known).outcome
    FROM @schema@.begin_run($1, $2, make_interval(secs => $3::float8),
        make_interval(secs => $4::float8), $5::boolean, ($6::bytea[])[1], ($7::bytea[])[1],
        $8::bigint, $9::bigint, make_interval(secs => $10::float8))
"""
_RENEW: Final = """
    SELECT @schema@.renew_runs($1::text[], $2::text[], make_interval(secs => $3::float8))
"""
_INTERRUPT: Final = """
    SELECT last_end, late, secret FROM @schema@.interrupt_runs(
        make_interval(secs => $1::float8), $2::int, ($3::bytea[])[1], ($4::bytea[])[1],
        $5::bigint, $6::bigint, make_interval(secs => $7::float8))
"""
_KNOWN: Final = f"""
    SELECT {_COLUMNS} FROM @schema@.known_runs($1, $2::bigint, $3::bigint,
        $4::bigint, $5::bigint, make_interval(secs => $6::float8))
"""

# More than any number, and the most runs that are asked for at once.
_LAST: Final = 2**63 - 1
_MOST: Final = 2**31 - 1


class PostgresRuns:
    """
    See `IRunHistory`, whose methods have the same names.
    """

    def __init__(
        self,
        connection: PostgresConnection,
        schema: Schema,
        bounds: PostgresBounds,
        epochs: KnownEpochs,
        clock: IReactorTime,
    ) -> None:
        self.connection = connection
        self._schema = schema
        self._bounds = bounds
        self._epochs = epochs
        self._clock = clock

    async def begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> RunBegun:
        """
        See `IRunHistory.begin_run`.  It may be repeated.
        """
        first = beginning(topic, private)
        event = (bytes_array([first.event.event]), bytes_array([first.event.data]))
        given = (topic, owner, lease, keep, str(private), *event, *self._bounds)
        result = await self._ask(statement(self._schema.sql(_BEGIN), *given))
        state = int_from(result.get_value(0, 0) or b"")
        if state == 2:
            raise TopicEnded([topic])
        run = self._run(result, 0, 1)
        record = Record(run.start.number, run.start.id, first)
        return RunBegun(run, [record] if state == 1 else [])

    async def renew_runs(self, keys: Sequence[RunKey], lease: float) -> Sequence[RunKey]:
        """
        See `IRunHistory.renew_runs`.
        """
        pairs = (texts([one.topic for one in keys]), texts([one.owner for one in keys]))
        (result,) = await self.connection.call(statement(self._schema.sql(_RENEW), *pairs, lease))
        lost = set(texts_from(result.get_value(0, 0) or b""))
        return [key for key in keys if key.topic in lost]

    async def interrupt_runs(self, lease: float, limit: int) -> Sequence[Record]:
        """
        See `IRunHistory.interrupt_runs`.
        """
        end = Publication.ending("a", "interrupted").event
        event = (bytes_array([end.event]), bytes_array([end.data]))
        given = (lease, min(limit, _MOST), *event, *self._bounds)
        result = await self._ask(statement(self._schema.sql(_INTERRUPT), *given))
        last, late, secret = (result.get_value(0, column) for column in range(3))
        topics, private = texts_from(late or b""), set(texts_from(secret or b""))
        numbers = range(int_from(last or b"") - len(topics) + 1, _LAST)
        ends = [
            Publication.ending(topic, "interrupted", private=topic in private) for topic in topics
        ]
        return [
            Record(number, self._epochs.id_of(number), one)
            for number, one in zip(numbers, ends, strict=False)
        ]

    async def find_run(self, topic: str) -> RunRecord | None:
        """
        See `IRunHistory.find_run`.

        Args:
            topic: A text that PostgreSQL can have.
        """
        found = await self._known(topic, None, None)
        return found[0] if found else None

    async def list_runs(self, before: int | None, limit: int) -> Sequence[RunRecord]:
        """
        See `IRunHistory.list_runs`.
        """
        return await self._known(None, _LAST if before is None else before, limit)

    async def _known(
        self, topic: str | None, before: int | None, most: int | None
    ) -> Sequence[RunRecord]:
        given = (topic, before, most, *self._bounds)
        result = await self._ask(statement(self._schema.sql(_KNOWN), *given))
        return [self._run(result, row, 0) for row in range(result.ntuples)]

    async def _ask(self, asking: Statement) -> PGresult:
        # The epochs tell the event ID of the number with which a run begins.
        result, epochs = await self.connection.call(asking, ask_for_epochs(self._schema))
        self._epochs.update(epochs_from(epochs, self._clock.seconds()))
        return result

    def _run(self, result: PGresult, row: int, first: int) -> RunRecord:
        topic, owner, begun, start, private, outcome = (
            result.get_value(row, column) for column in range(first, first + 6)
        )
        number = int_from(start or b"")
        return RunRecord(
            RunKey((topic or b"").decode(), (owner or b"").decode()),
            float_from(begun or b""),
            Position(number, self._epochs.id_of(number)),
            private == b"\1",
            read_outcome(outcome),
        )
