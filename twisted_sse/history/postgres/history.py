"""
History in PostgreSQL: kept in a table, and shared by any number of hubs.

The order is that of the table's numbers, and the ID of an event is ``<epoch>-<number>``.
PostgreSQL may become unavailable and come back at any time: it keeps no batch twice, and
every hub continues where it was.  Programs publish with SQL, too, in their own transactions.

Needs PostgreSQL 13 or newer, and psycopg: ``pip install 'twisted-sse[postgres]'``.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeVar
from weakref import WeakSet

from twisted.internet.defer import Deferred, DeferredLock, TimeoutError, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable, PerhapsKept
from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord
from twisted_sse.history.bell import Bell
from twisted_sse.history.outage import Unreadable
from twisted_sse.history.postgres.connect import PostgresConnector
from twisted_sse.history.postgres.connection import PostgresConnection
from twisted_sse.history.postgres.epochs import KnownEpochs
from twisted_sse.history.postgres.extra import check_psycopg
from twisted_sse.history.postgres.follower import PostgresFollower
from twisted_sse.history.postgres.install import install_schema
from twisted_sse.history.postgres.outbox import OutboxMover
from twisted_sse.history.postgres.reader import PostgresBounds, PostgresReader, is_storable
from twisted_sse.history.postgres.reading import describe_rows, read_rows
from twisted_sse.history.postgres.runs import PostgresRuns
from twisted_sse.history.postgres.schema import Schema
from twisted_sse.history.postgres.session import Session
from twisted_sse.history.postgres.url import PostgresURL
from twisted_sse.history.postgres.writer import PostgresWriter
from twisted_sse.history.remote import RemoteHistory
from twisted_sse.history.storeconnection import StoreLost, StoreRefused
from twisted_sse.interfaces import IHistoryReader, IInstallableHistory, IRunHistory
from twisted_sse.topics import Selection

__all__ = ["PostgresHistory"]

T = TypeVar("T")

# How many reads run at a time, over one connection.
_READERS: Final = 4

# The pause before an append is repeated, in seconds.
_PAUSE: Final = 0.02


@implementer(IHistoryReader, IInstallableHistory, IRunHistory)
class PostgresHistory(RemoteHistory[PostgresReader]):  # type: ignore[override]
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
        given = (("events", events), ("bytes", bytes), ("age", age), ("timeout", timeout))
        for name, bound in given:
            if bound <= 0:
                raise ValueError(f"{name} must be greater than 0, not {bound!r}")
        self._schema = Schema(schema)
        self._url = PostgresURL.parse(url)
        self._bounds = PostgresBounds(events, bytes, age)
        self._timeout = timeout
        name = f"PostgreSQL at {self._url.address}"
        super().__init__(_READERS, name, clock)
        self._unreadable = Unreadable(name)
        self._appending = DeferredLock()
        self._epochs = KnownEpochs()
        self._writer: PostgresWriter | None = None
        self._batches = 0
        self._connections: WeakSet[PostgresConnection] = WeakSet()

    def __repr__(self) -> str:
        return f"<PostgresHistory {self._url} {self._schema.name}>"

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        # Together these identify a batch, so that none is kept twice.
        node, self._batches = secrets.token_hex(8), 0
        writing = self._open(Session(self._schema, self._epochs, self._clock, listen=False))
        self._writer = PostgresWriter(
            writing, self._schema, self._bounds, self._epochs, node, self._clock
        )
        self._store = self._reader(
            self._open(Session(self._schema, self._epochs, self._clock, listen=False))
        )

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
        return f"BEGIN;\n\n{self._schema.script()}\nCOMMIT;\n"

    def begin_run(  # type: ignore[override]
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> Deferred[RunBegun]:
        """
        See `IRunHistory.begin_run`.
        """
        return Deferred.fromCoroutine(self._begin_run(topic, owner, lease, keep, private))

    def renew_runs(  # type: ignore[override]
        self, keys: Sequence[RunKey], lease: float
    ) -> Deferred[Sequence[RunKey]]:
        """
        See `IRunHistory.renew_runs`.
        """
        runs = self._runs(self._running_writer().connection)
        return Deferred.fromCoroutine(runs.renew_runs(keys, lease))

    def interrupt_runs(  # type: ignore[override]
        self, lease: float, limit: int
    ) -> Deferred[Sequence[Record]]:
        """
        See `IRunHistory.interrupt_runs`.
        """
        return Deferred.fromCoroutine(self._interrupt_runs(lease, limit))

    def find_run(self, topic: str) -> Deferred[RunRecord | None]:  # type: ignore[override]
        """
        See `IRunHistory.find_run`.
        """
        if not is_storable(topic):
            return succeed(None)
        return self._read(lambda store: self._runs(store.connection).find_run(topic))

    def list_runs(  # type: ignore[override]
        self, before: int | None, limit: int
    ) -> Deferred[Sequence[RunRecord]]:
        """
        See `IRunHistory.list_runs`.
        """
        return self._read(lambda store: self._runs(store.connection).list_runs(before, limit))

    def describe(self) -> Deferred[Holdings]:  # type: ignore[override]
        """
        See `IHistoryReader.describe`.
        """
        return self._read(describe_rows, self._bounds)

    def read(self, cursor: str | None, limit: int) -> Deferred[StoredPage]:  # type: ignore[override]
        """
        See `IHistoryReader.read`.
        """
        return self._read(read_rows, cursor, limit)

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

    def _running_writer(self) -> PostgresWriter:
        self._running_store()
        assert self._writer is not None
        return self._writer

    async def _begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> RunBegun:
        writer = self._running_writer()
        runs = self._runs(writer.connection)
        return await self._surely(
            writer,
            lambda: runs.begin_run(topic, owner, lease, keep, private),
            "the run may have begun",
        )

    async def _interrupt_runs(self, lease: float, limit: int) -> Sequence[Record]:
        try:
            runs = self._runs(self._running_writer().connection)
            return await runs.interrupt_runs(lease, limit)
        except StoreLost:
            raise self._doubtful("runs may have been interrupted") from None

    async def _append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        await self._appending.acquire()
        try:
            store, writer = self._running_store(), self._running_writer()
            self._batches += 1
            records = await self._surely(
                writer,
                lambda: writer.append(self._batches, publications),
                "the publications may have been kept",
            )
            self._outage.end("writing")
            return records
        except StoreRefused as refused:
            self._note_refused(store, refused.reason)
            raise
        finally:
            self._appending.release()

    async def _surely(
        self, writer: PostgresWriter, write: Callable[[], Coroutine[Any, Any, T]], doubt: str
    ) -> T:
        """
        Call *write*, again if its outcome is not known, or if it was rolled back.

        PostgreSQL recognizes a batch that it has kept already, and the owner of a run, and only
        answers.
        """
        deadline, in_doubt = None, False
        while True:
            try:
                return await write()
            except HistoryUnavailable as error:
                in_doubt = in_doubt or isinstance(error, StoreLost)
                if not in_doubt and not (deadline or _was_rolled_back(error)):
                    raise
                failed = error
            deadline = deadline or self._clock.seconds() + self._timeout
            if not await self._may_try_again(writer, deadline):
                break
        if not in_doubt:
            raise failed
        raise self._doubtful(doubt)

    def _doubtful(self, what: str) -> PerhapsKept:
        return PerhapsKept(
            f"The connection to PostgreSQL at {self._url.address} was lost before it answered;"
            f" {what}."
        )

    async def _may_try_again(self, writer: PostgresWriter, deadline: float) -> bool:
        """
        Wait for a connection; returns False if there is none before *deadline*.
        """
        await deferLater(self._clock, _PAUSE)
        left = deadline - self._clock.seconds()
        if left <= 0:
            return False
        try:
            await writer.connection.ready().addTimeout(left, self._clock)
        except TimeoutError:
            return False
        return True

    async def _check_writing(self, store: PostgresReader) -> None:
        writer = self._writer
        assert writer is not None
        try:
            await writer.probe()
        except StoreRefused as refused:
            self._note_refused(store, refused.reason)
            raise
        self._outage.end("writing")

    async def _find(self, store: PostgresReader, event_id: str) -> Record | None:
        return await store.find(event_id)

    async def _ends(self, store: PostgresReader, topics: Sequence[str]) -> Sequence[Record]:
        return await store.ends(topics)

    async def _since(
        self, store: PostgresReader, last_event_id: str | None, topics: Selection, limit: int
    ) -> Sequence[Record]:
        return await store.since(last_event_id, topics, limit)

    async def _tail(self, store: PostgresReader, limit: int) -> Tail:
        return await store.tail(limit)

    async def _locate(self, store: PostgresReader, event_id: str) -> Position:
        located = await store.locate(event_id)
        return Position(located.number, event_id)

    def _new_follower(
        self,
        store: PostgresReader,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> PostgresFollower:
        events, outbox = Bell(self._clock), Bell(self._clock)
        bells = {self._schema.events: events, self._schema.outbox: outbox}

        def notified(channel: str) -> None:
            if channel in bells:
                bells[channel].ring()

        session = Session(self._schema, self._epochs, self._clock, listen=True)
        connection = self._open(session, notified)
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

    async def _stop(self) -> None:
        store, writer = self._running_store(), self._writer
        assert writer is not None
        await self._stop_following()
        try:
            await self._appending.acquire().addTimeout(self._timeout, self._clock)
            self._appending.release()
        except TimeoutError:
            pass
        writer.stop()
        await writer.connection.stop()
        await store.connection.stop()


def _was_rolled_back(error: HistoryUnavailable) -> bool:
    return isinstance(error, StoreRefused) and error.passing
