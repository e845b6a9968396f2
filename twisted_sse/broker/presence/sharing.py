"""
Shares who is here with the other hubs of a shared history, through its store.

One call in a second announces what has changed here, says that this hub lives, and
returns what has changed elsewhere.  While the store is unavailable, the others are
shown as they were known last.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from twisted_sse.broker.presence.roster import Roster
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.presence import NodeChange, Occupancy, PresenceNews
from twisted_sse.interfaces import PRESENCE_BATCH, IPresenceStore

__all__ = ["LIFE", "Sharing"]

#: How much longer than the grace a hub is taken for alive, in seconds, after its last
#: call: it may miss several of them.
LIFE = 4.0

# The pause between two calls, and how long changes here are collected, in seconds.
_INTERVAL = 1.0
_SOON = 0.1

# The most bytes of text in one announcement, about: the store keeps a thousand of them.
_BATCH_BYTES = 32 * 1024

# How long the store may take to answer one call, in seconds.
_PATIENCE = 10.0

# How many changes of others are applied in one turn of the reactor: about 3 ms.
_SLICE = 1000

_Key = tuple[str, str | None]


class Sharing:
    """
    Args:
        store: Where all hubs meet.

        roster: Told who is at the other hubs.

        everybody: Everybody who is at this hub.

        life: How long this hub is taken for alive after its last call, in seconds.
    """

    _log = Logger()

    def __init__(
        self,
        store: IPresenceStore,
        roster: Roster,
        everybody: Callable[[], Iterable[Occupancy]],
        life: float,
        clock: IReactorTime,
    ) -> None:
        self._store = store
        self._roster = roster
        self._everybody = everybody
        self._life = life
        self._clock = clock
        self._node = secrets.token_hex(8)
        self._pending: dict[_Key, Occupancy] = {}
        self._cursor: str | None = None
        # Who is at each other hub; those that a complete answer of the store lacks may be
        # about to be announced again, so they have until the time that is noted.
        self._others: dict[str, dict[_Key, float | None]] = {}
        self._review: float | None = None
        self._call: IDelayedCall | None = None
        self._exchanging: Deferred[None] | None = None
        self._started = False
        self._failed = False

    def start(self) -> None:
        """
        Begin to call the store.
        """
        self._started = True
        self._schedule(0.0)

    def note(self, occupancy: Occupancy, most: int) -> None:
        """
        Announce a change here soon.

        Args:
            most: The most changes that wait; with one more, this hub begins anew under
                another name, and the store forgets the old one by itself.
        """
        key = (occupancy.topic, occupancy.user)
        self._pending.pop(key, None)
        self._pending[key] = occupancy
        if len(self._pending) > most:
            self._node = secrets.token_hex(8)
            self._pending.clear()
        if self._started:
            self._schedule(_SOON)

    async def stop(self, life: float) -> None:
        """
        Announce what has not been announced, and call the store no more.

        Args:
            life: How long those who are here still count, in seconds, so that they can
                come back to another hub.
        """
        started, self._started, self._life = self._started, False, life
        if self._call is not None:
            self._call.cancel()
            self._call = None
        if self._exchanging is not None:
            await self._exchanging
        if started:
            await self._exchange()

    def _schedule(self, delay: float) -> None:
        if self._exchanging is not None or not self._started:
            return
        if self._call is None:
            self._call = self._clock.callLater(delay, self._start)
        elif self._call.getTime() > self._clock.seconds() + delay:
            self._call.reset(delay)

    def _start(self) -> None:
        self._call = None
        done: Deferred[None] = Deferred()
        self._exchanging = done
        running = Deferred.fromCoroutine(self._exchange())
        running.addErrback(lambda failure: self._log.failure("Presence is not shared", failure))
        running.addCallback(lambda _: self._finish(done))

    def _finish(self, done: Deferred[None]) -> None:
        self._exchanging = None
        self._schedule(_SOON if self._pending and not self._failed else _INTERVAL)
        done.callback(None)

    async def _exchange(self) -> None:
        """
        Call the store until there is nothing more to announce or to learn.
        """
        again = True
        while again:
            node, batch = self._node, self._take()
            try:
                news = await self._ask(node, list(batch.values()))
            except Exception as error:
                self._give_back(node, batch, error)
                return
            if self._failed:
                self._failed = False
                self._log.info("Presence is shared with other hubs again")
            if not news.known and node == self._node:
                everybody = ((one.topic, one.user, one) for one in self._everybody())
                self._pending = {(topic, user): one for topic, user, one in everybody}
            await self._learn(news)
            self._cursor = news.cursor
            again = news.more or bool(self._pending)

    def _ask(self, node: str, batch: Sequence[Occupancy]) -> Deferred[PresenceNews]:
        asked: Deferred[PresenceNews] = maybeDeferred(
            self._store.exchange, node, batch, self._cursor, self._life
        )
        return asked.addTimeout(_PATIENCE, self._clock)

    def _take(self) -> dict[_Key, Occupancy]:
        batch: dict[_Key, Occupancy] = {}
        size = 0
        for key, occupancy in self._pending.items():
            size += sum(map(len, (occupancy.topic, occupancy.user or "", occupancy.info or "")))
            if batch and (size > _BATCH_BYTES or len(batch) >= PRESENCE_BATCH):
                break
            batch[key] = occupancy
        for key in batch:
            del self._pending[key]
        return batch

    def _give_back(self, node: str, batch: dict[_Key, Occupancy], error: Exception) -> None:
        # What has changed since is newer.
        if node == self._node:
            self._pending = {**batch, **self._pending}
        if not self._failed:
            if isinstance(error, HistoryUnavailable):
                self._log.warn("Presence is not shared with other hubs: {error}", error=error)
            else:
                self._log.failure("Presence is not shared with other hubs")
        self._failed = True

    async def _learn(self, news: PresenceNews) -> None:
        now = self._clock.seconds()
        if news.whole:
            self._review = now + self._life
            for known in self._others.values():
                known.update(dict.fromkeys(known, self._review))
        await self._apply(self._steps(news.changes))
        if self._review is not None and self._review <= now:
            self._review = None
            await self._apply(self._doubtful(now))

    async def _apply(self, steps: Iterable[tuple[str, Occupancy]]) -> None:
        """
        Apply what is the case at other hubs, some of it in each turn of the reactor.
        """
        for at, (node, occupancy) in enumerate(steps, 1):
            known = self._others.setdefault(node, {})
            key = (occupancy.topic, occupancy.user)
            if occupancy.number:
                known[key] = None
            else:
                known.pop(key, None)
            if not known:
                del self._others[node]
            self._roster.put(node, occupancy)
            if not at % _SLICE:
                await deferLater(self._clock, 0)

    def _steps(self, changes: Iterable[NodeChange]) -> Iterator[tuple[str, Occupancy]]:
        for node, occupancy in changes:
            if node == self._node:
                continue
            if occupancy is not None:
                yield node, occupancy
            else:
                for topic, user in list(self._others.get(node, ())):
                    yield node, Occupancy(topic, user, 0)

    def _doubtful(self, now: float) -> Iterator[tuple[str, Occupancy]]:
        """
        Those who have not been announced again in time.
        """
        for node, known in list(self._others.items()):
            for (topic, user), until in list(known.items()):
                if until is not None and until <= now:
                    yield node, Occupancy(topic, user, 0)
