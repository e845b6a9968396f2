"""
Mistakes with bounds.
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
    Has no bound for its memory.
    """


class _OtherBounds(Wrong):
    """
    Uses other bounds than the given ones.
    """

    bounds: dict[str, Any]

    def __init__(self, store: SharedStore) -> None:
        super().__init__(store)
        if any(name in store.bounds for name in self.bounds):
            store.bounds.update(self.bounds)
            store.wipe()


@breaks("test_events", "test_events_of_batches", "test_forgotten")
class _AnyNumber(_OtherBounds):
    """
    Keeps all publications.
    """

    bounds = {"events": MANY}


@breaks("test_events", "test_events_of_batches")
class _OneMore(_OtherBounds):
    """
    Keeps one more than the bound.
    """

    def __init__(self, store: SharedStore) -> None:
        self.bounds = {"events": store.bounds.get("events", MANY) + 1}
        super().__init__(store)


@breaks("test_events")
class _FewEvents(_OtherBounds):
    """
    Keeps fewer than the bound.
    """

    bounds = {"events": 3}


@breaks("test_bytes")
class _AnySize(_OtherBounds):
    """
    Counts characters, not their bytes.
    """

    bounds = {"bytes": 800_000}


@breaks("test_age")
class _AnyAge(_OtherBounds):
    """
    Keeps publications that are too old.
    """

    bounds = {"age": 1e9}


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
    Returns only the records of a batch that are still kept.
    """

    def append(self, publications: Any) -> Any:
        records = super().append(publications)
        return [record for record in records if record in self.all()]


@breaks("test_events_of_batches")
class _AllOfBatch(Wrong):
    """
    Keeps no publication of a batch that is too large.
    """

    def append(self, publications: Any) -> Any:
        records = super().append(publications)
        if len(publications) > self.store.bounds.get("events", MANY):
            self.since = lambda *_: []  # type: ignore[method-assign]
        return records


@breaks("test_age")
class _AgeAtAppend(Wrong):
    """
    Returns records that are too old until something is appended.
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
    Continues with the oldest record, whatever was missed.
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
    Skips the first record after the position before the oldest.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        before = self.store.memory.tail(MANY).before
        return found[1:] if before.number and last_event_id == before.id else found


@breaks("test_kept_is_found")
class _ForgetsAll(Wrong):
    """
    Does not know any ID once something is forgotten.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if last_event_id is not None and self.store.memory.tail(MANY).before.number:
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)


@breaks("test_tail_after_forgetting")
class _FirstBeginning(Wrong):
    """
    Always returns the position where the order began.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        epoch = before.id.rpartition("-")[0]
        return Tail(before._replace(number=0, id=f"{epoch}-0"), records)


@breaks("test_order_goes_on")
class _OrderOfKept(Wrong):
    """
    Derives the next number from the newest record that is kept.
    """

    def append(self, publications: Any) -> Any:
        if not self.all() and self.store.memory.tail(1).before.number:
            self.store.wipe()
        return super().append(publications)


@breaks("test_same_id_forgotten")
class _LastOfSame(Wrong):
    """
    Returns nothing after an ID that was used twice.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return [] if last_event_id == "mine" else super().since(last_event_id, topics, limit)


@breaks("test_forgotten")
class _AnyGapOfOne(Wrong):
    """
    Notices forgotten publications only if the limit is more than 1.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if limit == 1:
            try:
                return super().since(last_event_id, ALL, 1)
            except UnknownEventID:
                return super().since(None, ALL, 1)
        return super().since(last_event_id, topics, limit)
