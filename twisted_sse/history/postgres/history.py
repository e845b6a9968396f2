"""
History in PostgreSQL: kept in a table, and shared by any number of hubs.

The order is that of the table's numbers, and the ID of an event is ``<epoch>-<number>``.
PostgreSQL may become unavailable and come back at any time: it keeps no batch twice, and
every hub continues where it was.  Programs publish with SQL, too, in their own transactions.

Needs PostgreSQL 13 or newer, and psycopg: ``pip install 'twisted-sse[postgres]'``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple
from weakref import WeakSet

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.events.runrecord import RunRecord
from twisted_sse.history.bell import Bell
from twisted_sse.history.postgres.connect import PostgresConnector
from twisted_sse.history.postgres.connection import PostgresConnection
from twisted_sse.history.postgres.epochs import KnownEpochs
from twisted_sse.history.postgres.extra import check_psycopg
from twisted_sse.history.postgres.follower import PostgresFollower
from twisted_sse.history.postgres.install import install_schema
from twisted_sse.history.postgres.outbox import OutboxMover
from twisted_sse.history.postgres.presence import PostgresPresence
from twisted_sse.history.postgres.reader import PostgresBounds, PostgresReader, is_storable
from twisted_sse.history.postgres.reading import describe_rows, read_rows
from twisted_sse.history.postgres.runs import PostgresRuns
from twisted_sse.history.postgres.schema import Schema
from twisted_sse.history.postgres.session import Session
from twisted_sse.history.postgres.url import PostgresURL
from twisted_sse.history.postgres.writer import PostgresWriter
from twisted_sse.history.storehistory import StoreHistory, check_positive
from twisted_sse.interfaces import IInstallableHistory
from twisted_sse.topics import Selection

__all__ = ["PostgresHistory"]

# How many reads run at a time, over one connection.
_READERS: Final = 4


class _Store(NamedTuple):
    """
    A connection to find, and one to append.
    """

    reader: PostgresReader
    writer: PostgresWriter


@implementer(IInstallableHistory)
class PostgresHistory(StoreHistory[_Store]):
    """
    Keeps the newest publications in PostgreSQL.

    A service: it connects when it is started, and works until it is stopped.  It has three
    connections: to append, to find, and to follow.  The schema has to be installed, by
    `install` or ``twisted-sse history URL --install``.  The bounds apply to the whole history,
    so give the same ones to all hubs that share it.

    Args:
        url: ``postgresql://[USER[:PASSWORD]@]HOST[:PORT][,HOST:PORT…]/DATABASE``, and
            options of libpq after a ``?``.  The first host is used that can be written to.
            What it leaves out comes from the environment, as for ``psql``.

        schema: The schema in the database; hubs with the same one share a history.

        events: The most publications to keep.

        bytes: The most that they may take, approximately, in bytes.

        age: The longest time to keep a publication, in seconds.

        timeout: How long PostgreSQL may leave a statement unanswered until the connection is
            given up, and how long an append waits for a new connection, in seconds.

        clock: For timers; the global reactor by default.  The age of publications is measured
            by PostgreSQL's clock.

    Raises:
        ValueError: An argument is invalid; half a sentence.

        ModuleNotFoundError: psycopg is not installed.
    """

    def __init__(
        self,
        url: str = "postgresql://localhost/",
        *,
        schema: str = "twisted_sse",
        events: int = 100_000,
        bytes: int = 1024**3,
        age: float = 86400.0,
        timeout: float = 5.0,
        clock: IReactorTime | None = None,
    ) -> None:
        check_psycopg()
        check_positive(events=events, bytes=bytes, age=age, timeout=timeout)
        self._schema = Schema(schema)
        self._url = PostgresURL.parse(url)
        self._bounds = PostgresBounds(events, bytes, age)
        super().__init__(_READERS, f"PostgreSQL at {self._url.address}", timeout, clock)
        self._epochs = KnownEpochs()
        self._connections: WeakSet[PostgresConnection] = WeakSet()

    def __repr__(self) -> str:
        return f"<PostgresHistory {self._url} {self._schema.name}>"

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        # Together with the numbers of batches this identifies them, so that none is kept twice.
        node, self._batches = secrets.token_hex(8), 0
        writer = PostgresWriter(
            self._open(self._session()), self._schema, self._bounds, self._epochs, node, self._clock
        )
        self._store = _Store(self._reader(self._open(self._session())), writer)

    def install(self) -> Deferred[bool]:  # type: ignore[override]
        """
        See `IInstallableHistory.install`.
        """
        return Deferred.fromCoroutine(
            install_schema(self._url, self._schema, self._timeout, self._clock)
        )

    def install_sql(self) -> str:
        """
        See `IInstallableHistory.install_sql`.
        """
        return self._schema.script_for_any()

    def find_run(self, topic: str) -> Deferred[RunRecord | None]:
        """
        See `IRunHistory.find_run`.
        """
        if not is_storable(topic):
            return succeed(None)
        return super().find_run(topic)

    def _session(self, *, listen: bool = False) -> Session:
        return Session(self._schema, self._epochs, self._clock, listen)

    def _open(
        self, session: Session, notified: Callable[[str], None] | None = None
    ) -> PostgresConnection:
        connector = PostgresConnector(self._url, session.begin, self._timeout, self._clock)
        connection = PostgresConnection(
            connector,
            session,
            self._outage,
            self._timeout,
            self._clock,
            self._encourage,
            notified,
        )
        self._connections.add(connection)
        return connection

    def _encourage(self) -> None:
        for one in self._connections:
            one.encourage()

    def _reader(self, connection: PostgresConnection) -> PostgresReader:
        return PostgresReader(
            connection, self._schema, self._bounds, self._epochs, self._unreadable, self._clock
        )

    def _runs(self, connection: PostgresConnection) -> PostgresRuns:
        return PostgresRuns(connection, self._schema, self._bounds, self._epochs, self._clock)

    def _presence(self, store: _Store) -> PostgresPresence:
        return PostgresPresence(store.reader.connection, self._schema)

    def _runs_to_read(self, store: _Store) -> PostgresRuns:
        return self._runs(store.reader.connection)

    def _runs_to_write(self, store: _Store) -> PostgresRuns:
        return self._runs(store.writer.connection)

    def _writing_connection(self, store: _Store) -> PostgresConnection:
        return store.writer.connection

    async def _describe(self, store: _Store) -> Holdings:
        return await describe_rows(store.reader, self._bounds)

    async def _read_page(self, store: _Store, cursor: str | None, limit: int) -> StoredPage:
        return await read_rows(store.reader, cursor, limit)

    async def _append_batch(
        self, store: _Store, number: int, publications: Sequence[Publication]
    ) -> Sequence[Record]:
        return await store.writer.append(number, publications)

    async def _try_to_write(self, store: _Store) -> None:
        await store.writer.probe()

    async def _find(self, store: _Store, event_id: str) -> Record | None:
        return await store.reader.find(event_id)

    async def _ends(self, store: _Store, topics: Sequence[str]) -> Sequence[Record]:
        return await store.reader.ends(topics)

    async def _since(
        self, store: _Store, last_event_id: str | None, topics: Selection, limit: int
    ) -> Sequence[Record]:
        return await store.reader.since(last_event_id, topics, limit)

    async def _tail(self, store: _Store, limit: int) -> Tail:
        return await store.reader.tail(limit)

    async def _locate(self, store: _Store, event_id: str) -> Position:
        located = await store.reader.locate(event_id)
        return Position(located.number, event_id)

    def _new_follower(
        self,
        store: _Store,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> PostgresFollower:
        events, outbox = Bell(self._clock), Bell(self._clock)
        bells = {self._schema.events: events, self._schema.outbox: outbox}

        def notified(channel: str) -> None:
            if channel in bells:
                bells[channel].ring()

        connection = self._open(self._session(listen=True), notified)
        mover = OutboxMover(
            connection, self._schema, self._bounds, self._outage, outbox, self._clock
        )
        return PostgresFollower(
            self._reader(connection),
            self._epochs,
            events,
            mover,
            self._outage,
            self._clock,
            after,
            deliver,
            restart,
        )

    async def _close(self, store: _Store) -> None:
        store.writer.stop()
        await store.writer.connection.stop()
        await store.reader.connection.stop()
