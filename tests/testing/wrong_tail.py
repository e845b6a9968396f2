"""
Mistakes of `tail`.
"""

from typing import Any

from tests.testing.wrong import MANY, Wrong, breaks
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Tail

__all__: list[str] = []


@breaks("test_tail", "test_before", "test_hubs_agree")
class _Oldest(Wrong):
    """
    Returns the oldest.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(MANY)
        return Tail(before, records[:limit])


@breaks("test_tail")
class _NewestFirst(Wrong):
    """
    Returns the newest first.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        return Tail(before, records[::-1])


@breaks("test_tail_of_all_topics")
class _PublicOnly(Wrong):
    """
    Leaves out private publications.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        return Tail(before, [record for record in records if not record.publication.private])


@breaks("test_tail_of_all_topics")
class _TopicOfNewest(Wrong):
    """
    Returns only records with the topics of the newest.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        topics = records[-1].publication.topics if records else ()
        return Tail(before, [record for record in records if record.publication.topics == topics])


@breaks("test_before", "test_tail_after_forgetting")
class _BeforeIsFirst(Wrong):
    """
    Returns the first position of the tail, not the one before it.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        return Tail(Position(*records[0][:2]) if records else before, records)


@breaks("test_before")
class _BeforeByNumber(Wrong):
    """
    Returns a number with the ID of another position.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        return Tail(super().tail(MANY).before._replace(number=before.number), records)


@breaks("test_before_is_right_before")
class _BeforeAll(Wrong):
    """
    Returns a number below all others.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        return Tail(before._replace(number=-1), records)


@breaks("test_tail_of_nothing", "test_beginning_after_reopening", "test_locate_before")
class _NoBeginning(Wrong):
    """
    Does not accept the ID of the position where the order begins.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        self._check(last_event_id)
        return super().since(last_event_id, topics, limit)

    def locate(self, event_id: str) -> Any:
        self._check(event_id)
        return super().locate(event_id)

    def _check(self, event_id: str | None) -> None:
        if event_id == self.store.memory.tail(MANY).before.id:
            raise UnknownEventID(event_id)


@breaks("test_tail_of_nothing")
class _BeginsAtOne(Wrong):
    """
    Gives the number of the first record to the position before it.
    """

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        return Tail(before if records else before._replace(number=1), records)


@breaks("test_tail_again", "test_tail", "test_before")
class _OnlyNew(Wrong):
    """
    Returns only records that it has not returned before.
    """

    returned = 0

    def tail(self, limit: int) -> Tail:
        before, records = super().tail(limit)
        news = [record for record in records if record.number > self.returned]
        self.returned = max([self.returned, *(record.number for record in news)])
        return Tail(before, news)


@breaks("test_tail_again")
class _BeginsAgain(Wrong):
    """
    Starts a new order whenever it is called while nothing is kept.
    """

    def tail(self, limit: int) -> Tail:
        if not self.all():
            self.store.wipe()
        return super().tail(limit)
