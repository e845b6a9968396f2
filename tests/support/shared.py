"""
A history in memory that several hubs share, and that a test controls.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from twisted_sse.clock import clock_for
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.holdings import Holdings, StoredPage, StoredPosition, StoredRecord
from twisted_sse.events.presence import NodeChange, Occupancy, PresenceNews
from twisted_sse.events.publication import Position, Publication, Record, Tail
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import (
    ICheckedHistory,
    IHistoryReader,
    IPresenceStore,
    IRunHistory,
    ISearchableHistory,
    ISharedHistoryProvider,
)
from twisted_sse.topics import Selection

__all__ = ["CompleteHistory", "SharedMemoryHistory", "SharedPresence", "SharedStore"]

_ALL = Selection.of(["*"])
_MANY = 1 << 30


class SharedStore:
    """
    The store of several `SharedMemoryHistory`.

    Args:
        clock: Measures age; the global reactor by default.

        bounds: See `MemoryHistory`.

    Attributes:
        bounds: The bounds of every life of the store.

        memory: The history of this life of the store.

        prompt: Whether followers get appended records at once, before `append`
            answers; otherwise when the test calls `deliver_next`.

        held: Whether `append` answers only when the test calls `answer_next`.
            It keeps the publications at once in both cases.

        away: Whether the store is unavailable; see `interrupt` and `resume`.

        lives: How often the store has lost its data.

        presence: Who is at which hub.
    """

    def __init__(self, clock: IReactorTime | None = None, **bounds: Any) -> None:
        self._clock = clock
        self.bounds = bounds
        self.memory = MemoryHistory(clock=clock, **bounds)
        self.prompt = True
        self.held = False
        self.away = False
        self.lives = 0
        self.presence = SharedPresence(clock)
        self.histories: list[SharedMemoryHistory] = []
        self._answers: list[Deferred[Sequence[Record]]] = []
        self._held: list[Sequence[Record]] = []

    def append(self, publications: Sequence[Publication]) -> Any:
        """
        Keep *publications* for one hub, and deliver them to all.
        """
        records = self.available.append(publications)
        self.wake()
        if not self.held:
            return records
        answer: Deferred[Sequence[Record]] = Deferred()
        self._answers.append(answer)
        self._held.append(records)
        return answer

    @property
    def available(self) -> MemoryHistory:
        """
        The history, while it is available.

        Raises:
            HistoryUnavailable: The store is away.
        """
        self.check_available()
        return self.memory

    def check_available(self) -> None:
        """
        Raise `HistoryUnavailable` while the store is away.
        """
        if self.away:
            raise HistoryUnavailable("The store is away.")

    @property
    def waiting(self) -> int:
        """
        The number of held answers to `append`.
        """
        return len(self._answers)

    def answer_next(self, failure: Exception | None = None) -> None:
        """
        Give the oldest held answer: the records, or *failure*, as if the connection
        was lost before the answer arrived.
        """
        answer, records = self._answers.pop(0), self._held.pop(0)
        if failure is None:
            answer.callback(records)
        else:
            answer.errback(failure)

    def interrupt(self) -> None:
        """
        Make the store unavailable: nothing is kept, found or delivered.
        """
        self.away = True

    def resume(self) -> None:
        """
        Make the store available again.
        """
        self.away = False
        self.wake()

    def wipe(self) -> None:
        """
        Lose all data; numbers and epoch start again.
        """
        self.memory = MemoryHistory(clock=self._clock, **self.bounds)
        self.lives += 1
        self.presence = SharedPresence(self._clock, self.lives)
        self.wake()

    def wake(self) -> None:
        """
        Deliver to every follower, if `prompt` is true.
        """
        if self.prompt:
            for history in self.histories:
                history.deliver_next(_MANY)


class SharedPresence:
    """
    The presence of one life of a store.

    Attributes:
        most: How many changes are at hand.

        calls: How often a hub has called.
    """

    def __init__(self, clock: IReactorTime | None, life: int = 0) -> None:
        self._clock = clock_for(clock)
        self._life = life
        self.most = 500
        self.calls = 0
        self._until: dict[str, float] = {}
        self.members: dict[str, dict[tuple[str, str | None], Occupancy]] = {}
        self.log: list[NodeChange] = []

    def exchange(
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> PresenceNews:
        """
        See `IPresenceStore.exchange`.
        """
        self.calls += 1
        self._expire(node, ttl)
        known = node in self._until
        self._until[node] = self._clock.seconds() + ttl
        mine = self.members.setdefault(node, {})
        for one in changes:
            mine.pop((one.topic, one.user), None)
            if one.number:
                mine[one.topic, one.user] = one
            self.log.append(NodeChange(node, one))
        cursor = f"{self._life}.{len(self.log)}"
        life, _, number = (after or "-1").partition(".")
        if int(life) != self._life or len(self.log) - int(number) > self.most:
            everything = [
                NodeChange(other, one)
                for other, members in self.members.items()
                for one in members.values()
                if other != node
            ]
            return PresenceNews(known, cursor, everything, whole=True)
        learned = [one for one in self.log[int(number) :] if one.node != node]
        return PresenceNews(known, cursor, learned)

    def _expire(self, node: str, ttl: float) -> None:
        now = self._clock.seconds()
        expired = [one for one, until in self._until.items() if until <= now]
        for one in expired:
            if node in expired:
                self._until[one] = now + ttl
            else:
                del self._until[one], self.members[one]
                self.log.append(NodeChange(one, None))


@dataclass
class _Following:
    """
    A follower, and its position.
    """

    deliver: Callable[[Sequence[Record]], None]
    restart: Callable[[Tail], None]
    number: int
    life: int


@implementer(ISharedHistoryProvider, IPresenceStore, IService)
class SharedMemoryHistory(Service):
    """
    One hub's provider on *store*.  It works whether it is started or not; stopping it
    ends `follow`.
    """

    def __init__(self, store: SharedStore) -> None:
        self.store = store
        self._following: _Following | None = None
        store.histories.append(self)

    def append(self, publications: Sequence[Publication]) -> Any:
        """
        See `IHistoryProvider.append`.
        """
        return self.store.append(publications)

    def since(self, last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        See `IHistoryProvider.since`.
        """
        return self.store.available.since(last_event_id, topics, limit)

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        return self.store.available.tail(limit)

    def locate(self, event_id: str) -> Position:
        """
        See `ISharedHistoryProvider.locate`.
        """
        memory = self.store.available
        following = memory.since(event_id, _ALL, 1)
        # MemoryHistory leaves no gaps between its numbers.
        number = following[0].number - 1 if following else memory.tail(1).newest.number
        return Position(number, event_id)

    def follow(
        self,
        after: Position,
        deliver: Callable[[Sequence[Record]], None],
        restart: Callable[[Tail], None],
    ) -> None:
        """
        See `ISharedHistoryProvider.follow`.
        """
        self._following = _Following(deliver, restart, after.number, self.store.lives)
        self.store.wake()

    def exchange(
        self, node: str, changes: Sequence[Occupancy], after: str | None, ttl: float
    ) -> PresenceNews:
        """
        See `IPresenceStore.exchange`.
        """
        self.store.check_available()
        return self.store.presence.exchange(node, changes, after, ttl)

    def deliver_next(self, most: int = 1) -> int:
        """
        Deliver what follows, at most *most* publications; or restart, if what follows
        is forgotten.

        Returns:
            The number of delivered publications; 0 if there are none, there is no
            follower, or the store is unavailable.
        """
        following = self._following
        if following is None or self.store.away:
            return 0
        end = self.store.memory.tail(_MANY)
        if following.life != self.store.lives or following.number < end.before.number:
            self.lose()
            return 0
        batch = [one for one in end.kept if one.number > following.number][:most]
        if batch:
            following.number = batch[-1].number
            following.deliver(batch)
        return len(batch)

    def lose(self, at_hand: int = 1024) -> None:
        """
        Restart with the newest *at_hand* publications, as if exact delivery were
        impossible, and deliver what follows them.
        """
        following = self._following
        assert following is not None, "there is no follower"
        end = self.store.memory.tail(at_hand)
        following.number = end.newest.number
        following.life = self.store.lives
        following.restart(end)

    def stopService(self) -> None:
        """
        See `IService.stopService`.
        """
        super().stopService()
        self._following = None


@implementer(ISearchableHistory, IRunHistory, ICheckedHistory, IHistoryReader)
class CompleteHistory(SharedMemoryHistory):
    """
    A `SharedMemoryHistory` with the optional interfaces.  It must be started to pass
    its check.
    """

    def find(self, event_id: str) -> Record | None:
        """
        See `ISearchableHistory.find`.
        """
        return self.store.available.find(event_id)

    def ends(self, topics: Sequence[str]) -> Sequence[Record]:
        """
        See `IEndingHistory.ends`.
        """
        return self.store.available.ends(topics)

    def begin_run(
        self, topic: str, owner: str, lease: float, keep: float, private: bool
    ) -> RunBegun:
        """
        See `IRunHistory.begin_run`.
        """
        begun = self.store.available.begin_run(topic, owner, lease, keep, private)
        self.store.wake()
        return begun

    def renew_runs(self, keys: Sequence[RunKey], lease: float) -> Sequence[RunKey]:
        """
        See `IRunHistory.renew_runs`.
        """
        return self.store.available.renew_runs(keys, lease)

    def interrupt_runs(self, lease: float, limit: int) -> Sequence[Record]:
        """
        See `IRunHistory.interrupt_runs`.
        """
        records = self.store.available.interrupt_runs(lease, limit)
        self.store.wake()
        return records

    def find_run(self, topic: str) -> RunRecord | None:
        """
        See `IRunHistory.find_run`.
        """
        return self.store.available.find_run(topic)

    def list_runs(self, before: int | None, limit: int) -> Sequence[RunRecord]:
        """
        See `IRunHistory.list_runs`.
        """
        return self.store.available.list_runs(before, limit)

    def check_available(self) -> None:
        """
        See `ICheckedHistory.check_available`.
        """
        if not self.running:
            raise HistoryUnavailable("It is not running.")
        self.store.available.tail(1)

    def describe(self) -> Holdings:
        """
        See `IHistoryReader.describe`.
        """
        kept = self.store.available.tail(_MANY).kept
        ends = [StoredPosition(one.id) for one in kept]
        return Holdings(len(kept), oldest=ends[0], newest=ends[-1]) if kept else Holdings(0)

    def read(self, cursor: str | None, limit: int) -> StoredPage:
        """
        See `IHistoryReader.read`.
        """
        kept = self.store.available.tail(_MANY).kept
        at, end = (0, len(kept)) if cursor is None else map(int, cursor.split())
        last = min(at + limit, end)
        following = f"{last} {end}" if last < end else None
        return StoredPage([StoredRecord(one) for one in kept[at:last]], following)
