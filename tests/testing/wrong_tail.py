"""
What `tail` may do wrong.
"""

from typing import Any

from tests.testing.wrong import MANY, Wrong, breaks
from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Position, Tail

__all__: list[str] = []


@breaks("test_tail", "test_before", "test_hubs_agree")
class _Oldest(Wrong):
    """
    Tells the oldest.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(MANY)
        return Tail(before, kept[:limit])


@breaks("test_tail")
class _NewestFirst(Wrong):
    """
    Tells the newest first.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        return Tail(before, kept[::-1])


@breaks("test_tail_of_all_topics")
class _PublicOnly(Wrong):
    """
    Withholds what is private.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        return Tail(before, [one for one in kept if not one.publication.private])


@breaks("test_tail_of_all_topics")
class _TopicOfNewest(Wrong):
    """
    Tells only what is of the same topic as the newest.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        topics = kept[-1].publication.topics if kept else ()
        return Tail(before, [one for one in kept if one.publication.topics == topics])


@breaks("test_before", "test_tail_after_forgetting")
class _BeforeIsFirst(Wrong):
    """
    Tells the first, not what is before it.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        return Tail(Position(*kept[0][:2]) if kept else before, kept)


@breaks("test_before")
class _BeforeByNumber(Wrong):
    """
    Tells a number with the ID of another position.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        return Tail(super().tail(MANY).before._replace(number=before.number), kept)


@breaks("test_before_is_right_before")
class _BeforeAll(Wrong):
    """
    Tells a number before everything.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        return Tail(before._replace(number=-1), kept)


@breaks("test_tail_of_nothing", "test_beginning_of_earlier_life", "test_locate_before")
class _NoBeginning(Wrong):
    """
    Does not know the position where the order begins.
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
    Gives the position before the first the number of the first.
    """

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        return Tail(before if kept else before._replace(number=1), kept)


@breaks("test_tail_again", "test_tail", "test_before")
class _Once(Wrong):
    """
    Tells only what it has not told before.
    """

    told = 0

    def tail(self, limit: int) -> Tail:
        before, kept = super().tail(limit)
        news = [one for one in kept if one.number > self.told]
        self.told = max([self.told, *(one.number for one in news)])
        return Tail(before, news)


@breaks("test_tail_again")
class _BeginsAgain(Wrong):
    """
    Begins anew whenever it is asked before anything is kept.
    """

    def tail(self, limit: int) -> Tail:
        if not self.all():
            self.store.wipe()
        return super().tail(limit)
