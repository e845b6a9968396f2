"""
What may be wrong about bounds.
"""

from typing import Any

from tests.support.shared import SharedStore
from tests.testing.wrong import ALL, MANY, Wrong, breaks
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Tail

__all__: list[str] = []


@breaks("test_bounds", bounds=("age",))
class _AgeOnly(Wrong):
    """
    Is bounded by nothing that bounds its memory.
    """


class _OtherBounds(Wrong):
    """
    Obeys other bounds than it was told.
    """

    told: dict[str, Any]

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        if any(name in store.bounds for name in self.told):
            store.bounds.update(self.told)
            store.wipe()


@breaks("test_events", "test_events_of_batches", "test_forgotten")
class _AnyNumber(_OtherBounds):
    """
    Keeps as many as there are.
    """

    told = {"events": MANY}


@breaks("test_events", "test_events_of_batches")
class _OneMore(_OtherBounds):
    """
    Keeps one more than it may.
    """

    def __init__(self, store: SharedStore) -> None:
        self.told = {"events": store.bounds.get("events", MANY) + 1}
        super().__init__(store)


@breaks("test_events")
class _FewEvents(_OtherBounds):
    """
    Keeps fewer than it could.
    """

    told = {"events": 3}


@breaks("test_bytes")
class _AnySize(_OtherBounds):
    """
    Counts characters, not their bytes.
    """

    told = {"bytes": 800_000}


@breaks("test_age")
class _AnyAge(_OtherBounds):
    """
    Keeps what is too old.
    """

    told = {"age": 1e9}


@breaks("test_events", "test_kept_is_found")
class _ForgetsNewest(Wrong):
    """
    Forgets the newest.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        full = len(self.all()) == self.store.bounds.get("events")
        return [*found[:-2], found[-1]] if full and len(found) > 1 else found


@breaks("test_events_of_batches")
class _AnswersWhatIsLeft(Wrong):
    """
    Answers only with what is left of a batch.
    """

    def append(self, publications: Any) -> Any:
        kept = super().append(publications)
        return [one for one in kept if one in self.all()]


@breaks("test_events_of_batches")
class _AllOfBatch(Wrong):
    """
    Keeps nothing of a batch that is too large.
    """

    def append(self, publications: Any) -> Any:
        kept = super().append(publications)
        if len(publications) > self.store.bounds.get("events", MANY):
            self.since = lambda *_: []  # type: ignore[method-assign]
        return kept


@breaks("test_age")
class _AgeAtAppend(Wrong):
    """
    Finds what is too old until something is appended.
    """

    seen: tuple[Any, ...] = ()

    def append(self, publications: Any) -> Any:
        self.seen = tuple(super().append(publications))
        return list(self.seen)

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        return found or (list(self.seen) if last_event_id is None else [])


@breaks("test_forgotten", "test_age")
class _SilentGap(Wrong):
    """
    Goes on with the oldest that is kept, whatever was missed.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        try:
            return super().since(last_event_id, topics, limit)
        except UnknownEventID:
            epoch = self.store.memory.tail(1).newest.id.rpartition("-")[0]
            if last_event_id.startswith(f"{epoch}-"):
                return super().since(None, topics, limit)
            raise


@breaks("test_right_before_oldest", "test_tail_after_forgetting")
class _OneTooFar(Wrong):
    """
    Goes on one too far from the position before the oldest.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        before = self.store.memory.tail(MANY).before
        return found[1:] if before.number and last_event_id == before.id else found


@breaks("test_kept_is_found")
class _ForgetsAll(Wrong):
    """
    Knows no ID any more, once something was forgotten.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if last_event_id is not None and self.store.memory.tail(MANY).before.number:
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)


@breaks("test_tail_after_forgetting")
class _FirstBeginning(Wrong):
    """
    Tells always the position where the order once began.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        epoch = before.id.rpartition("-")[0]
        return Tail(before._replace(number=0, id=f"{epoch}-0"), kept)


@breaks("test_order_goes_on")
class _OrderOfKept(Wrong):
    """
    Takes the next number from the newest that is kept.
    """

    def append(self, publications: Any) -> Any:
        if not self.all() and self.store.memory.tail(1).before.number:
            self.store.wipe()
        return super().append(publications)


@breaks("test_same_id_forgotten")
class _LastOfSame(Wrong):
    """
    Says that nothing has followed an ID that came twice.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return [] if last_event_id == "mine" else super().since(last_event_id, topics, limit)


@breaks("test_forgotten")
class _AnyGapOfOne(Wrong):
    """
    Knows that something was forgotten only when it is asked for all.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if limit == 1:
            try:
                return super().since(last_event_id, ALL, 1)
            except UnknownEventID:
                return super().since(None, ALL, 1)
        return super().since(last_event_id, topics, limit)
