"""
History in Redis: kept in a stream, and shared by any number of hubs.

The order is that of the stream, and the ID of an event is the ID of its entry.
Redis may become unavailable and come back at any time: it keeps no batch twice,
and every hub continues where it was.

Needs Redis 5 or newer, and txredisapi: ``pip install 'twisted-sse[redis]'``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress

from twisted.internet.defer import Deferred, DeferredLock, TimeoutError
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable, PerhapsKept
from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.presence import Occupancy, PresenceNews
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord
from twisted_sse.history.outage import Unreadable
from twisted_sse.history.redis.connect import RedisConnector
from twisted_sse.history.redis.connection import RedisConnection
from twisted_sse.history.redis.follower import BLOCK, RedisFollower, as_tail
from twisted_sse.history.redis.presence import RedisPresence
from twisted_sse.history.redis.protocol import check_installed
from twisted_sse.history.redis.reading import describe_stream, read_page
from twisted_sse.history.redis.runs import RedisRuns
from twisted_sse.history.redis.stream import RedisBounds, RedisStream, stream_key
from twisted_sse.history.redis.url import RedisURL
from twisted_sse.history.remote import RemoteHistory
from twisted_sse.history.storeconnection import StoreLost, StoreRefused
from twisted_sse.interfaces import IHistoryReader, IPresenceStore, IRunHistory
from twisted_sse.topics import Selection
from twisted_sse.transport.tls.trust import load_ca_certificates

__all__ = ["RedisHistory"]

# How many reads run at a time.  Redis answers in order, so when many subscribers
# come back, a publication waits for this many answers.
_READERS = 4

_PREFIX = re.compile(r"[!-z|~]{1,200}")


@implementer(IPresenceStore, IRunHistory, IHistoryReader)
class RedisHistory(RemoteHistory[RedisStream]):  # type: ignore[override]
    """
    Keeps the newest publications in Redis.

    A service: it connects when it is started, and works until it is stopped.
    The bounds apply to the whole history, so give the same ones to all hubs that
    share it.

    Args:
        url: ``redis://[USER:PASSWORD@]HOST[:PORT][/DB]``; ``rediss:`` is TLS,
            and then the server's certificate has to be HOST's.
            ``redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/NAME[/DB]`` asks
            Sentinels where the master NAME is, and ``redis+unix://[USER:PASSWORD@]/PATH[?db=DB]``
            is a UNIX socket.

        prefix: The prefix of all keys; hubs with the same one share a history.

        events: The most publications to keep.

        bytes: The most that they may take, approximately, in bytes.

        age: The longest time to keep a publication, in seconds.

        timeout: How long Redis may leave a command unanswered until the
            connection is given up, and how long an append waits for a new
            connection, in seconds.

        wait: How many replicas have to acknowledge a publication before it counts as kept.
            If fewer do in time, publishers are told that it may have been kept.

        cafile: A PEM file of the certificate authorities to trust; those of the
            machine by default.

        clock: For timers; the global reactor by default.  The age of
            publications is measured by Redis' clock.

    Raises:
        ValueError: An argument is invalid; half a sentence.

        ModuleNotFoundError: txredisapi is not installed.
    """

    def __init__(
        self,
        url: str = "redis://127.0.0.1:6379/0",
        *,
        prefix: str = "twisted_sse",
        events: int = 100_000,
        bytes: int = 256 * 1024 * 1024,
        age: float = 86400.0,
        timeout: float = 5.0,
        wait: int = 0,
        cafile: str | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        check_installed()
        given = (("events", events), ("bytes", bytes), ("age", age), ("timeout", timeout))
        for name, bound in given:
            if bound <= 0:
                raise ValueError(f"{name} must be greater than 0, not {bound!r}")
        if wait < 0:
            raise ValueError(f"wait must not be less than 0, but it is {wait!r}")
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"prefix must be ASCII without spaces and braces, not {prefix!r}")
        self._url = RedisURL.parse(url)
        if cafile is not None and not self._url.secure:
            raise ValueError("cafile is for TLS, so the URL has to begin with rediss")
        self._ca_certificates = None if cafile is None else load_ca_certificates(cafile)
        self._prefix = prefix
        self._bounds = RedisBounds(events, bytes, age)
        self._timeout = timeout
        self._wait = wait
        name = f"Redis at {self._url.address}"
        super().__init__(_READERS, name, clock)
        self._unreadable = Unreadable(name)
        self._appending = DeferredLock()
        self._node = ""
        self._batches = 0

    def __repr__(self) -> str:
        return f"<RedisHistory {self._url} {self._prefix}>"

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        # Together these identify a batch, so that none is kept twice.
        self._node, self._batches = secrets.token_hex(8), 0
        self._store = self._open(self._timeout)

    def _open(self, silence: float) -> RedisStream:
        connector = RedisConnector(
            self._url,
            self._ca_certificates,
            stream_key(self._prefix),
            self._timeout,
            self._clock,
        )
        connection = RedisConnection(connector, self._outage, silence, self._clock)
        return RedisStream(connection, self._prefix, self._bounds, self._unreadable)

    def exchange(  # type: ignore[override]
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> Deferred[PresenceNews]:
        """
        See `IPresenceStore.exchange`.
        """
        return Deferred.fromCoroutine(self._exchange(node, changes, after, ttl))

    async def _exchange(
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> PresenceNews:
        presence = RedisPresence(self._running_store().connection, self._prefix)
        return await presence.exchange(node, changes, after, ttl)

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
        return Deferred.fromCoroutine(self._runs().renew_runs(keys, lease))

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
        return self._read(lambda store: RedisRuns(store).find_run(topic))

    def list_runs(  # type: ignore[override]
        self, before: int | None, limit: int
    ) -> Deferred[Sequence[RunRecord]]:
        """
        See `IRunHistory.list_runs`.
        """
        return self._read(lambda store: RedisRuns(store).list_runs(before, limit))

    def _runs(self) -> RedisRuns:
        return RedisRuns(self._running_store())

    async def _begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> RunBegun:
        """
        Begin a run, and repeat that if the connection was lost: the owner is recognized.
        """
        stream = self._running_store()
        runs = RedisRuns(stream)
        deadline = self._clock.seconds() + self._timeout
        lost = False
        while True:
            try:
                return await runs.begin_run(topic, owner, lease, keep, private)
            except HistoryUnavailable as error:
                lost = lost or isinstance(error, StoreLost)
                left = deadline - self._clock.seconds()
                if not lost:
                    raise
                if left <= 0:
                    raise self._doubtful("the run may have begun") from None
            with suppress(TimeoutError):
                await stream.connection.ready().addTimeout(max(0.0, left), self._clock)

    async def _interrupt_runs(self, lease: float, limit: int) -> Sequence[Record]:
        try:
            return await self._runs().interrupt_runs(lease, limit)
        except StoreLost:
            raise self._doubtful("runs may have been interrupted") from None

    def _doubtful(self, what: str) -> PerhapsKept:
        return PerhapsKept(
            f"The connection to Redis at {self._url.address} was lost before it answered; {what}."
        )

    def describe(self) -> Deferred[Holdings]:  # type: ignore[override]
        """
        See `IHistoryReader.describe`.
        """
        return self._read(describe_stream, self._bounds)

    def read(self, cursor: str | None, limit: int) -> Deferred[StoredPage]:  # type: ignore[override]
        """
        See `IHistoryReader.read`.
        """
        return self._read(read_page, cursor, limit)

    async def _append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        await self._appending.acquire()
        try:
            stream = self._running_store()
            self._batches += 1
            try:
                records = await stream.append(self._node, self._batches, publications)
            except StoreLost:
                records = await self._append_again(stream, publications)
            if self._wait:
                await self._confirm(stream)
            self._outage.end("writing")
            return records
        except StoreRefused as refused:
            self._note_refused(stream, refused.reason)
            raise
        finally:
            self._appending.release()

    async def _confirm(self, stream: RedisStream) -> None:
        """
        Wait until enough replicas have what was appended.
        """
        try:
            # Less than the time after which a connection without an answer is given up.
            replicas = await stream.confirm(self._wait, self._timeout * 0.8)
        except StoreLost:
            replicas = 0
        if replicas < self._wait:
            raise PerhapsKept(
                f"The publications are kept by Redis at {self._url.address}, but of"
                f" {self._wait} replicas only {replicas} have acknowledged them in time."
            )

    async def _append_again(
        self, stream: RedisStream, publications: Sequence[Publication]
    ) -> Sequence[Record]:
        """
        Append the batch that the lost connection left in doubt.

        Redis recognizes a batch that it has kept already, and only answers.
        """
        deadline = self._clock.seconds() + self._timeout
        while True:
            left = max(0.0, deadline - self._clock.seconds())
            try:
                await stream.connection.ready().addTimeout(left, self._clock)
                return await stream.append(self._node, self._batches, publications)
            except (HistoryUnavailable, TimeoutError) as error:
                if isinstance(error, StoreLost) and self._clock.seconds() < deadline:
                    continue
                raise self._doubtful("the publications may have been kept") from None

    async def _check_writing(self, store: RedisStream) -> None:
        try:
            await store.probe()
        except StoreRefused as refused:
            self._note_refused(store, refused.reason)
            raise
        self._outage.end("writing")

    async def _find(self, store: RedisStream, event_id: str) -> Record | None:
        entry = await store.locate(event_id)
        return None if entry is None else entry.record

    async def _ends(self, store: RedisStream, topics: Sequence[str]) -> Sequence[Record]:
        return await store.ends(topics)

    async def _since(
        self, store: RedisStream, last_event_id: str | None, topics: Selection, limit: int
    ) -> Sequence[Record]:
        return await store.since(last_event_id, topics, limit)

    async def _tail(self, store: RedisStream, limit: int) -> Tail:
        return as_tail(await store.tail(limit))

    async def _locate(self, store: RedisStream, event_id: str) -> Position:
        found = await store.find(event_id, 1)
        return Position(found.start.number, event_id)

    def _new_follower(
        self,
        store: RedisStream,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> RedisFollower:
        # Waiting for entries occupies a connection.
        stream = self._open(self._timeout + BLOCK)
        return RedisFollower(stream, self._outage, self._clock, after, deliver, restart)

    async def _stop(self) -> None:
        stream = self._running_store()
        await self._stop_following()
        try:
            await self._appending.acquire().addTimeout(self._timeout, self._clock)
            self._appending.release()
        except TimeoutError:
            pass
        await stream.connection.stop()
