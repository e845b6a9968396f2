"""
Ended topics: which subscribers have nothing more to wait for.

History knows which topics have ended, and every hub sees the ends that follow.  So a
topic that history has once called open stays so until its end is delivered here, and only
the first subscriber to a topic costs a question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from sys import getsizeof

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.logger import Logger

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.window import Window
from twisted_sse.broker.fanout import Fanout
from twisted_sse.errors import HistoryUnavailable, NoContent, UnknownEventID
from twisted_sse.events.ending import Outcome
from twisted_sse.events.preamble import OLDEST, StreamStart
from twisted_sse.events.publication import Record
from twisted_sse.interfaces import IEndingHistory, IHistoryProvider
from twisted_sse.topics import BoundedCache

__all__ = ["Endings", "WatchEnd"]

#: Takes the topics that end, and their outcome.
WatchEnd = Callable[[Sequence[str], Outcome], None]

# What the names of open topics may take, in bytes, and what each takes beside its text:
# about 10,000 topics.  A topic that is forgotten is asked for again.
_OPEN_BYTES = 2 * 1024 * 1024
_ENTRY_BYTES = 150


class Endings:
    """
    Finds out whether all topics of an audience have ended.

    Args:
        fanout: Told of audiences that are over, so that it releases their members.
    """

    _log = Logger()

    def __init__(self, window: Window, history: IHistoryProvider, fanout: Fanout) -> None:
        self._window = window
        self._history = history
        self._ending = IEndingHistory(history, None)
        self._fanout = fanout
        self._open: BoundedCache[str, bool] = BoundedCache(_OPEN_BYTES)
        self._changes = 0
        self._watchers: list[WatchEnd] = []

    def watch(self, watcher: WatchEnd) -> None:
        """
        Call *watcher* with the topics that end, and their outcome, when this hub is
        delivered an end.
        """
        self._watchers.append(watcher)

    def tell(self, topics: Sequence[str], outcome: Outcome) -> None:
        """
        Tell the watchers that *topics* have ended; their subscribers were sent the end.
        """
        for watcher in self._watchers:
            try:
                watcher(topics, outcome)
            except Exception:
                self._log.failure("The end of a topic could not be told")

    def note(self, topics: Sequence[str]) -> None:
        """
        Note that *topics* have ended, with a publication that is delivered now.
        """
        self._changes += 1
        for topic in topics:
            self._open.put(topic, False, _weight(topic))

    @property
    def changes(self) -> int:
        """
        How often what was known may have changed.
        """
        return self._changes

    def note_open(self, topic: str, changes: int) -> None:
        """
        Note that history has called *topic* open, unless it may have ended since.

        Args:
            changes: What `changes` was before history was asked.
        """
        if changes == self._changes:
            self._open.put(topic, True, _weight(topic))

    def restart(self) -> None:
        """
        Forget what was known: the window has begun anew.
        """
        self._changes += 1
        self._open.clear()

    def is_open(self, audience: Audience) -> bool:
        """
        Whether *audience* is known to have something to wait for.
        """
        if self._ending is None or audience.unended is None:
            return True
        return not audience.over and all(map(self._open.get, audience.unended))

    def check(self, start: StreamStart, audience: Audience) -> StreamStart | Deferred[StreamStart]:
        """
        Check that there is something to wait for, or to be sent.

        Args:
            start: Where a stream of *audience* begins.

        Returns:
            *start*.

        Raises:
            NoContent: All topics have ended, and nothing follows *start*.
        """
        if self.is_open(audience):
            return start
        return Deferred.fromCoroutine(self._check(start, audience))

    def learn_later(self, audience: Audience) -> Deferred[None]:
        """
        Find out whether *audience*, to which a connection has moved, is over.
        """
        if self.is_open(audience):
            return succeed(None)
        learning = Deferred.fromCoroutine(self._learn(audience)).addCallback(lambda _: None)
        return learning.addErrback(lambda failure: self._log.failure("Unknown ends", failure))

    async def _check(self, start: StreamStart, audience: Audience) -> StreamStart:
        last = await self._learn(audience)
        # What an unknown ID or the beginning asks for has the ends in it.
        asks_all = start.asked is not None or start.position == OLDEST
        if audience.over and not asks_all and await self._is_past(start, audience, last):
            raise NoContent("All these topics have ended, and nothing follows.")
        return start

    async def _is_past(self, start: StreamStart, audience: Audience, last: int) -> bool:
        """
        Whether nothing follows *start*, in topics of which the last has ended at *last*.
        """
        number, event_id = start.position
        if number >= 0:
            return number >= last
        # Of an old ID, a history that is not shared may not know the number.
        try:
            found: Sequence[Record] = await maybeDeferred(
                self._history.since, event_id, audience.interest.wanted, 1
            )
        except (HistoryUnavailable, UnknownEventID):
            return False
        return not found

    async def _learn(self, audience: Audience) -> int:
        """
        Ask history which topics of *audience* have ended.

        Returns:
            The number of the last end; -1 if none has ended.
        """
        interest = audience.interest
        while True:
            changes = self._changes
            try:
                ends = await self._ask(sorted(interest.wanted.exact))
            except HistoryUnavailable:
                # It is better to wait for nothing than to be sent away from an open topic.
                return -1
            if changes == self._changes:
                break
        readable: set[str] = set()
        last = -1
        for record in ends:
            publication = record.publication
            # What this hub has not delivered yet ends the audience when it is delivered.
            delivered = record.number <= self._window.head.number
            if delivered and interest.may_read(publication.topics, publication.private):
                readable.update(publication.topics)
                last = max(last, record.number)
        ended = {topic for record in ends for topic in record.publication.topics}
        for topic in interest.wanted.exact - ended:
            self._open.put(topic, True, _weight(topic))
        audience.resume_topics(interest.wanted.exact)
        audience.end_topics(readable)
        if audience.releasing:
            self._fanout.announce(audience)
            self._fanout.flush()
        return last

    async def _ask(self, topics: Sequence[str]) -> Iterable[Record]:
        assert self._ending is not None
        ends: Sequence[Record] = await maybeDeferred(self._ending.ends, topics)
        return ends


def _weight(topic: str) -> int:
    return _ENTRY_BYTES + getsizeof(topic)
