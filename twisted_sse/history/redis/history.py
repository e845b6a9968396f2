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

from twisted.internet.interfaces import IReactorTime

from twisted_sse.errors import PerhapsKept
from twisted_sse.events.holdings import Holdings, StoredPage
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history.redis.connect import RedisConnector
from twisted_sse.history.redis.connection import RedisConnection
from twisted_sse.history.redis.follower import BLOCK, RedisFollower, as_tail
from twisted_sse.history.redis.presence import RedisPresence
from twisted_sse.history.redis.protocol import check_installed
from twisted_sse.history.redis.reading import describe_stream, read_page
from twisted_sse.history.redis.runs import RedisRuns
from twisted_sse.history.redis.stream import RedisBounds, RedisStream, stream_key
from twisted_sse.history.redis.url import RedisURL
from twisted_sse.history.storeconnection import StoreLost
from twisted_sse.history.storehistory import StoreHistory, check_positive
from twisted_sse.topics import Selection
from twisted_sse.transport.tls.trust import load_ca_certificates

__all__ = ["RedisHistory"]

# How many reads run at a time.  Redis answers in order, so when many subscribers
# come back, a publication waits for this many answers.
_READERS = 4

_PREFIX = re.compile(r"[!-z|~]{1,200}")


class RedisHistory(StoreHistory[RedisStream]):
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

        password, sentinel_password: Passwords that are not in the URL.  Those of Sentinels are
            in the URL as ``?sentinel_user=USER&sentinel_password=PASSWORD``.

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
        password: str | None = None,
        sentinel_password: str | None = None,
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
        check_positive(events=events, bytes=bytes, age=age, timeout=timeout)
        if wait < 0:
            raise ValueError(f"wait must not be less than 0, but it is {wait!r}")
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"prefix must be ASCII without spaces and braces, not {prefix!r}")
        self._url = RedisURL.parse(url, password, sentinel_password)
        if cafile is not None and not self._url.secure:
            raise ValueError("cafile is for TLS, so the URL has to begin with rediss")
        self._ca_certificates = None if cafile is None else load_ca_certificates(cafile)
        self._prefix = prefix
        self._bounds = RedisBounds(events, bytes, age)
        self._wait = wait
        self._node = ""
        super().__init__(_READERS, f"Redis at {self._url.address}", timeout, clock)

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

    def _presence(self, store: RedisStream) -> RedisPresence:
        return RedisPresence(store.connection, self._prefix)

    def _runs_to_read(self, store: RedisStream) -> RedisRuns:
        return RedisRuns(store)

    def _runs_to_write(self, store: RedisStream) -> RedisRuns:
        return RedisRuns(store)

    def _writing_connection(self, store: RedisStream) -> RedisConnection:
        return store.connection

    async def _describe(self, store: RedisStream) -> Holdings:
        return await describe_stream(store, self._bounds)

    async def _read_page(self, store: RedisStream, cursor: str | None, limit: int) -> StoredPage:
        return await read_page(store, cursor, limit)

    async def _append_batch(
        self, store: RedisStream, number: int, publications: Sequence[Publication]
    ) -> Sequence[Record]:
        return await store.append(self._node, number, publications)

    async def _confirm(self, store: RedisStream) -> None:
        """
        Wait until enough replicas have what was appended.
        """
        if not self._wait:
            return
        try:
            # Less than the time after which a connection without an answer is given up.
            replicas = await store.confirm(self._wait, self._timeout * 0.8)
        except StoreLost:
            replicas = 0
        if replicas < self._wait:
            raise PerhapsKept(
                f"The publications are kept by Redis at {self._url.address}, but of"
                f" {self._wait} replicas only {replicas} have acknowledged them in time."
            )

    async def _try_to_write(self, store: RedisStream) -> None:
        await store.probe()

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

    async def _close(self, store: RedisStream) -> None:
        await store.connection.stop()
