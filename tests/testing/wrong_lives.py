"""
What may be wrong when a store is away, a provider stops, and a store lives again.
"""

from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater

from tests.support.shared import SharedStore
from tests.testing.wrong import MANY, Wrong, breaks
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position, Tail

__all__: list[str] = []


@breaks("test_unavailable", "test_failed_append", "test_available_again")
class _OtherError(Wrong):
    """
    Lets the error of its store out.
    """

    def append(self, publications: Any) -> Any:
        if self.store.away:
            raise ConnectionError("refused")
        return super().append(publications)


@breaks("test_unavailable")
class _UnknownWhenAway(Wrong):
    """
    Knows no ID while its store is away.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if self.store.away and last_event_id is not None:
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)


@breaks("test_unavailable")
class _NothingWhenAway(Wrong):
    """
    Finds nothing while its store is away.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return [] if self.store.away else super().since(last_event_id, topics, limit)


@breaks("test_unavailable")
class _TailWhenAway(Wrong):
    """
    Tells an end of the order that it cannot know.
    """

    def tail(self, limit: int) -> Tail:
        return Tail(Position(0, "x"), []) if self.store.away else super().tail(limit)


@breaks("test_failed_append", "test_available_again")
class _KeptLater(Wrong):
    """
    Refuses publications, and keeps them when its store is back.
    """

    def append(self, publications: Any) -> Any:
        if self.store.away:
            self.store.memory.append(publications)
        return super().append(publications)


@breaks("test_available_again", "test_failed_append", "test_follow_after_interruption")
class _LostWhenAway(Wrong):
    """
    Has lost everything when its store is back.
    """

    def append(self, publications: Any) -> Any:
        if self.store.away:
            self.store.wipe()
        return super().append(publications)


@breaks("test_available_again")
class _AwayForEver(Wrong):
    """
    Does not try again.
    """

    gone = False

    def append(self, publications: Any) -> Any:
        self.gone = self.gone or self.store.away
        if self.gone:
            raise HistoryUnavailable("The store was away.")
        return super().append(publications)


@breaks("test_stop_answers", "test_stop_finishes")
class _Unanswered(Wrong):
    """
    Leaves those without an answer who asked before it stopped.
    """

    def append(self, publications: Any) -> Any:
        answer: Deferred[Any] = Deferred()
        kept = super().append(publications)
        reactor.callLater(0, lambda: self.running and answer.callback(kept))  # type: ignore[attr-defined]
        return answer


@breaks("test_stop_finishes")
class _WriteBehind(Wrong):
    """
    Answers before anything is kept, and keeps it if it still runs.
    """

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.behind: list[Any] = []

    def append(self, publications: Any) -> Any:
        self.behind.append(publications)
        reactor.callLater(0, self._write)  # type: ignore[attr-defined]
        scratch = SharedStore()
        return scratch.append(publications)

    def _write(self) -> None:
        for batch in self.behind if self.running else []:
            self.store.append(batch)
        self.behind.clear()


@breaks("test_start_again")
class _OneStart(Wrong):
    """
    Can be started once.
    """

    stopped = False

    def stopService(self) -> None:
        super().stopService()
        self.stopped = True

    def append(self, publications: Any) -> Any:
        if self.stopped:
            raise HistoryUnavailable("This has been stopped.")
        return super().append(publications)


@breaks("test_start_again", "test_next_life", "test_ids_of_earlier_lives", "test_stop_finishes")
class _Forgetful(Wrong):
    """
    Keeps nothing beyond its life.
    """

    def stopService(self) -> None:
        super().stopService()
        self.store.wipe()


@breaks(
    "test_one_order_of_all_lives", "test_ids_of_earlier_lives", "test_beginning_of_earlier_life"
)
class _OwnOrder(Wrong):
    """
    Begins to count and to name anew in each life.
    """

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.first = store.memory.tail(MANY).newest.number

    def append(self, publications: Any) -> Any:
        return self._renamed(super().append(publications))

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        known = self._renamed(self.all())
        places = [place for place, one in enumerate(known, 1) if one.id == last_event_id]
        if last_event_id is not None and not places:
            raise UnknownEventID(last_event_id)
        return known[places[-1] if places else 0 :][:limit]

    def _renamed(self, kept: Any) -> Any:
        numbers = [one.number - self.first for one in kept]
        return [
            one._replace(number=number, id=one.publication.event.id or f"x-{number}")
            for number, one in zip(numbers, kept, strict=True)
        ]


@breaks("test_ids_of_earlier_lives", "test_beginning_of_earlier_life")
class _OwnEpoch(Wrong):
    """
    Knows the IDs of its own life only.
    """

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.first = store.memory.tail(MANY).newest.number

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, MANY)
        earlier = [one.id for one in self.all() if one.number < self.first]
        beginning = self.store.memory.tail(MANY).before.id
        if self.first and last_event_id in (*earlier, beginning):
            raise UnknownEventID(last_event_id)
        return found[:limit]


@breaks("test_ids_of_earlier_lives")
class _PublishersIDsOfLife(Wrong):
    """
    Knows publishers' IDs by heart, and not in its next life.
    """

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.given = {one.id for one in self.all() if one.publication.event.id}

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if last_event_id in self.given:
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)


@breaks("test_stop_answers", durable=False)
class _Error(Wrong):
    """
    Answers late, and with an error of its own when it has stopped.
    """

    async def append(self, publications: Any) -> Any:
        await deferLater(reactor, 0)
        if not self.running:
            raise RuntimeError("stopped")
        return super().append(publications)
