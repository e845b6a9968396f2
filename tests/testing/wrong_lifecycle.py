"""
Mistakes when a store is unavailable, a provider is stopped, or a store is opened again.
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
    Raises the error of its store.
    """

    def append(self, publications: Any) -> Any:
        if self.store.away:
            raise ConnectionError("refused")
        return super().append(publications)


@breaks("test_unavailable")
class _UnknownWhenAway(Wrong):
    """
    Raises `UnknownEventID` while its store is unavailable.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if self.store.away and last_event_id is not None:
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)


@breaks("test_unavailable")
class _NothingWhenAway(Wrong):
    """
    Returns nothing while its store is unavailable.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return [] if self.store.away else super().since(last_event_id, topics, limit)


@breaks("test_unavailable")
class _TailWhenAway(Wrong):
    """
    Returns a tail while its store is unavailable.
    """

    def tail(self, limit: int) -> Tail:
        return Tail(Position(0, "x"), []) if self.store.away else super().tail(limit)


@breaks("test_failed_append", "test_available_again")
class _KeptLater(Wrong):
    """
    Raises `HistoryUnavailable`, but keeps the publications.
    """

    def append(self, publications: Any) -> Any:
        if self.store.away:
            self.store.memory.append(publications)
        return super().append(publications)


@breaks("test_available_again", "test_failed_append", "test_follow_after_interruption")
class _LostWhenAway(Wrong):
    """
    Loses everything while its store is unavailable.
    """

    def append(self, publications: Any) -> Any:
        if self.store.away:
            self.store.wipe()
        return super().append(publications)


@breaks("test_available_again")
class _AwayForEver(Wrong):
    """
    Never tries its store again.
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
    Never fires the Deferreds of calls before it was stopped.
    """

    def append(self, publications: Any) -> Any:
        answer: Deferred[Any] = Deferred()
        records = super().append(publications)
        reactor.callLater(0, lambda: self.running and answer.callback(records))  # type: ignore[attr-defined]
        return answer


@breaks("test_stop_finishes")
class _WriteBehind(Wrong):
    """
    Returns before the batch is kept, and keeps it only if it still runs.
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
    Can be started only once.
    """

    stopped = False

    def stopService(self) -> None:
        super().stopService()
        self.stopped = True

    def append(self, publications: Any) -> Any:
        if self.stopped:
            raise HistoryUnavailable("This has been stopped.")
        return super().append(publications)


@breaks("test_start_again", "test_reopened", "test_ids_after_reopening", "test_stop_finishes")
class _Forgetful(Wrong):
    """
    Forgets everything when it is stopped.
    """

    def stopService(self) -> None:
        super().stopService()
        self.store.wipe()


@breaks("test_order_after_reopening", "test_ids_after_reopening", "test_beginning_after_reopening")
class _OwnOrder(Wrong):
    """
    Starts numbers and IDs again after the store is opened again.
    """

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.first = store.memory.tail(MANY).newest.number

    def append(self, publications: Any) -> Any:
        return self._renamed(super().append(publications))

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        known = self._renamed(self.all())
        indexes = [index for index, record in enumerate(known, 1) if record.id == last_event_id]
        if last_event_id is not None and not indexes:
            raise UnknownEventID(last_event_id)
        return known[indexes[-1] if indexes else 0 :][:limit]

    def _renamed(self, records: Any) -> Any:
        numbers = [record.number - self.first for record in records]
        return [
            record._replace(number=number, id=record.publication.event.id or f"x-{number}")
            for number, record in zip(numbers, records, strict=True)
        ]


@breaks("test_ids_after_reopening", "test_beginning_after_reopening")
class _OwnEpoch(Wrong):
    """
    Knows only the IDs given since the store was opened.
    """

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.first = store.memory.tail(MANY).newest.number

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, MANY)
        earlier = [record.id for record in self.all() if record.number < self.first]
        beginning = self.store.memory.tail(MANY).before.id
        if self.first and last_event_id in (*earlier, beginning):
            raise UnknownEventID(last_event_id)
        return found[:limit]


@breaks("test_ids_after_reopening")
class _PublishersIDsInMemory(Wrong):
    """
    Knows publishers' IDs only until the store is opened again.
    """

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        self.given = {record.id for record in self.all() if record.publication.event.id}

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if last_event_id in self.given:
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)


@breaks("test_stop_answers", durable=False)
class _Error(Wrong):
    """
    Raises an error of its own after it was stopped.
    """

    async def append(self, publications: Any) -> Any:
        await deferLater(reactor, 0)
        if not self.running:
            raise RuntimeError("stopped")
        return super().append(publications)
