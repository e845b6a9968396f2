"""
History in Redis: kept in a stream there, and shared by any number of hubs.

The order is that of the stream, and the ID of an event is the ID of its entry.
Redis may go away and come back at any time: what it has said to be kept is not
kept twice, and every hub goes on where it was.

Needs Redis 5 or newer, and txredisapi: ``pip install 'twisted-sse[redis]'``.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredLock, DeferredSemaphore, TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from zope.interface import implementer

from twisted_sse.clock import clock_for
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.history.redis.connect import RedisDialer
from twisted_sse.history.redis.connection import Outage, RedisConnection, RedisLost
from twisted_sse.history.redis.follower import BLOCK, RedisFollower, as_tail
from twisted_sse.history.redis.protocol import check_installed
from twisted_sse.history.redis.stream import RedisBounds, RedisStream
from twisted_sse.history.redis.url import RedisURL
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.topics import Selection
from twisted_sse.transport.tls.trust import load_ca_certificates

__all__ = ["RedisHistory"]

# How many questions are with Redis at a time.  It answers in the order of asking,
# so this is how many answers a publication waits for when a crowd comes back.
_READERS = 4

_PREFIX = re.compile(r"[!-z|~]{1,200}")


@implementer(ISharedHistoryProvider)
class RedisHistory(Service):
    """
    Keeps the newest publications in Redis.

    It connects when it is started, and works until it is stopped.  The bounds
    count for the whole history; all hubs that share it should be given the same.

    Args:
        url: ``redis://[USER:PASSWORD@]HOST[:PORT][/DB]``; ``rediss:`` is TLS,
            where the certificate has to be HOST's.

        prefix: Of all keys; hubs with the same one share a history.

        events: The most publications to keep.

        bytes: The most that they may take, about, in bytes.

        age: The longest time to keep one, in seconds.

        timeout: How long Redis may leave us without an answer until it is taken
            to be away, and how long an append waits for it to come back, in
            seconds.

        cafile: A PEM file of those who may have signed the server's
            certificate; those that the machine trusts by default.

        clock: Schedules; the global reactor by default.  How old something is,
            Redis' own clock tells.

    Raises:
        ValueError: An argument cannot be obeyed; half a sentence.

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
        cafile: str | None = None,
        clock: IReactorTime | None = None,
    ) -> None:
        check_installed()
        given = (("events", events), ("bytes", bytes), ("age", age), ("timeout", timeout))
        for name, bound in given:
            if bound <= 0:
                raise ValueError(f"{name} must be greater than 0, not {bound!r}")
        if not _PREFIX.fullmatch(prefix):
            raise ValueError(f"prefix must be ASCII without spaces and braces, not {prefix!r}")
        self._url = RedisURL.parse(url)
        if cafile is not None and not self._url.secure:
            raise ValueError("cafile is for TLS, so the URL has to begin with rediss://")
        self._authorities = None if cafile is None else load_ca_certificates(cafile)
        self._prefix = prefix
        self._bounds = RedisBounds(events, bytes, age)
        self._timeout = timeout
        self._clock = clock_for(clock)
        self._outage = Outage(self._url.address)
        self._appending = DeferredLock()
        self._reading = DeferredSemaphore(_READERS)
        self._stream: RedisStream | None = None
        self._follower: RedisFollower | None = None
        self._node = ""
        self._batches = 0

    def __repr__(self) -> str:
        return f"<RedisHistory {self._url} {self._prefix}>"

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        # A batch is recognized by who appends it and by its number.
        self._node, self._batches = secrets.token_hex(8), 0
        self._stream = self._open(self._timeout)

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.

        An append that is under way has as long as any other.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    # The interface names the values, and a Deferred of each may be returned.
    def append(  # type: ignore[override]
        self, publications: Sequence[Publication]
    ) -> Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.append`.
        """
        return Deferred.fromCoroutine(self._append(list(publications)))

    def since(  # type: ignore[override]
        self, last_event_id: str | None, topics: Selection, limit: int
    ) -> Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.since`.
        """
        return self._read(lambda stream: stream.since(last_event_id, topics, limit))

    def tail(self, limit: int) -> Deferred[Tail]:  # type: ignore[override]
        """
        See `IHistoryProvider.tail`.
        """
        return self._read(lambda stream: _tail(stream, limit))

    def locate(self, event_id: str) -> Deferred[Position]:  # type: ignore[override]
        """
        See `ISharedHistoryProvider.locate`.
        """
        return self._read(lambda stream: _locate(stream, event_id))

    def follow(
        self,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self._running_stream()
        stream = self._open(self._timeout + BLOCK)
        self._follower = RedisFollower(stream, self._clock, after, deliver, restart)

    def _open(self, silence: float) -> RedisStream:
        dialer = RedisDialer(self._url, self._authorities, self._timeout, self._clock)
        connection = RedisConnection(dialer, self._outage, silence, self._clock)
        return RedisStream(connection, self._prefix, self._bounds)

    def _running_stream(self) -> RedisStream:
        if self._stream is None:
            raise HistoryUnavailable(f"{self!r} is not running: start it, it is a service.")
        return self._stream

    def _read(self, ask: Callable[[RedisStream], Coroutine[Any, Any, Any]]) -> Deferred[Any]:
        async def read() -> Any:
            await self._reading.acquire()
            try:
                return await ask(self._running_stream())
            finally:
                self._reading.release()

        return Deferred.fromCoroutine(read())

    async def _append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        await self._appending.acquire()
        try:
            stream = self._running_stream()
            self._batches += 1
            try:
                return await stream.append(self._node, self._batches, publications)
            except RedisLost:
                return await self._append_again(stream, publications)
        finally:
            self._appending.release()

    async def _append_again(
        self, stream: RedisStream, publications: Sequence[Publication]
    ) -> Sequence[Record]:
        """
        Find out whether a batch was kept when the connection was lost, and keep
        it if it was not.
        """
        deadline = self._clock.seconds() + self._timeout
        while True:
            left = max(0.0, deadline - self._clock.seconds())
            try:
                await stream.connection.ready().addTimeout(left, self._clock)
                return await stream.append(self._node, self._batches, publications)
            except (HistoryUnavailable, TimeoutError) as error:
                if isinstance(error, RedisLost) and self._clock.seconds() < deadline:
                    continue
                raise HistoryUnavailable(
                    f"The connection to Redis at {self._url.address} was lost while this was"
                    " being kept; it may have been kept nevertheless."
                ) from None

    async def _stop(self) -> None:
        stream, self._stream = self._running_stream(), None
        follower, self._follower = self._follower, None
        # Not from within what it has delivered: that has to return first.
        await deferLater(self._clock, 0)
        if follower is not None:
            await follower.stop()
        try:
            await self._appending.acquire().addTimeout(self._timeout, self._clock)
            self._appending.release()
        except TimeoutError:
            pass
        await stream.connection.stop()


async def _tail(stream: RedisStream, limit: int) -> Tail:
    return as_tail(await stream.tail(limit))


async def _locate(stream: RedisStream, event_id: str) -> Position:
    found = await stream.find(event_id, 1)
    return Position(found.start.number, event_id)
