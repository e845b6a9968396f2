"""
Appends publications, over one connection, and forgets those that exceed the bounds.

Old publications are deleted in small steps: after some were appended, and from time to time.
What exceeds the bounds is not found any more, deleted or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_sse.errors import HistoryUnavailable, RunLost, TopicEnded
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.postgres.binary import int_from, statement, texts_from
from twisted_sse.history.postgres.connection import PostgresConnection
from twisted_sse.history.postgres.epochs import KnownEpochs
from twisted_sse.history.postgres.reader import PostgresBounds
from twisted_sse.history.postgres.row import parameters_of
from twisted_sse.history.postgres.schema import Schema
from twisted_sse.history.postgres.session import ask_for_epochs, epochs_from

__all__ = ["PostgresWriter"]

_APPEND: Final = """
    SELECT last, epochs, closed, lost FROM @schema@.append($1, $2::bigint, $3::text[],
        $4::boolean[], $5::text[], $6::int[], $7::bytea[], $8::bytea[], $9::bytea[], $10::text[],
        $11::text[], $12::bigint, $13::bigint, make_interval(secs => $14::float8))
"""
_FORGET: Final = """
    SELECT @schema@.forget($1::bigint, $2::bigint, make_interval(secs => $3::float8), $4::int,
        $5, $6::bigint)
"""
_PROBE: Final = "SELECT @schema@.probe($1)"

# An attempt to write is repeated after this time, in seconds, however often somebody asks.
_PROBED: Final = 1.0

# A step after so many publications were appended, and at least so often, in seconds.
_EVERY: Final = 200
_INTERVAL: Final = 5.0

# The most publications that one step deletes.  It takes some milliseconds, in which nothing can
# be appended over this connection.
_STEP: Final = 1000


class PostgresWriter:
    """
    Args:
        node: Identifies this run of the hub.
    """

    _log = Logger()

    def __init__(
        self,
        connection: PostgresConnection,
        schema: Schema,
        bounds: PostgresBounds,
        epochs: KnownEpochs,
        node: str,
        clock: IReactorTime,
    ) -> None:
        self.connection = connection
        self._schema = schema
        self._bounds = bounds
        self._epochs = epochs
        self._node = node
        self._clock = clock
        self._batch = 0
        self._appended = 0
        self._probed = float("-inf")
        self._trimming = False
        self._next: IDelayedCall | None = clock.callLater(_INTERVAL, self._trim)

    def stop(self) -> None:
        """
        Forget nothing more.
        """
        if self._next is not None and self._next.active():
            self._next.cancel()
        self._next = None

    async def append(self, batch: int, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        Append *publications*.

        Args:
            batch: The number of this batch.  PostgreSQL keeps a repeated batch once.

        Raises:
            TopicEnded, RunLost: See `IRunHistory.append`.
        """
        given = (*parameters_of(publications), *self._bounds)
        asking = statement(self._schema.sql(_APPEND), self._node, batch, *given)
        (result,) = await self.connection.call(asking)
        for column, error in ((2, TopicEnded), (3, RunLost)):
            topics = result.get_value(0, column)
            if topics is not None:
                raise error(texts_from(topics))
        self._batch = batch
        last, epochs = (int_from(result.get_value(0, one) or b"") for one in range(2))
        if epochs != self._epochs.newest:
            await self._learn_epochs()
        self._epochs.note(last)
        self._appended += len(publications)
        if self._appended >= _EVERY:
            self._trim()
        return [
            Record(number, one.event.id or self._epochs.id_of(number), one)
            for number, one in enumerate(publications, last - len(publications) + 1)
        ]

    async def probe(self) -> None:
        """
        Check that PostgreSQL answers, and, at most once in a while, that it can write.
        """
        asking = statement(self._schema.sql(_PROBE), self._node)
        if self._clock.seconds() - self._probed < _PROBED:
            asking = statement(b"SELECT")
        await self.connection.call(asking)
        if asking.values:
            self._probed = self._clock.seconds()

    async def forget(self) -> None:
        """
        Delete what exceeds the bounds.
        """
        while True:
            most = min(_STEP, max(_EVERY, 2 * self._appended))
            self._appended = 0
            asking = statement(
                self._schema.sql(_FORGET), *self._bounds, most, self._node, self._batch
            )
            (result,) = await self.connection.call(asking)
            if int_from(result.get_value(0, 0) or b"") < most:
                return

    def _trim(self) -> None:
        """
        Delete what exceeds the bounds, now and again after a while.
        """
        if self._next is None or self._trimming:
            return
        if self._next.active():
            self._next.cancel()
        self._trimming = True
        trimming = Deferred.fromCoroutine(self.forget())
        # That PostgreSQL is not available is told by what fails as well.
        trimming.addErrback(lambda failure: failure.trap(HistoryUnavailable) and None)
        trimming.addErrback(self._failed)
        trimming.addCallback(self._trimmed)

    def _failed(self, failure: Failure) -> None:
        self._log.failure("Old publications could not be deleted", failure)

    def _trimmed(self, _: object) -> None:
        self._trimming = False
        if self._next is not None:
            self._next = self._clock.callLater(_INTERVAL, self._trim)

    async def _learn_epochs(self) -> None:
        (found,) = await self.connection.call(ask_for_epochs(self._schema))
        self._epochs.update(epochs_from(found, self._clock.seconds()))
