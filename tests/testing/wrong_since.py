"""
What `since` may do wrong.
"""

from typing import Any

from tests.testing.wrong import ALL, MANY, Wrong, breaks
from twisted_sse.errors import UnknownEventID

__all__: list[str] = []


@breaks("test_following", "test_from_oldest", "test_pages")
class _NewestFirst(Wrong):
    """
    Finds the newest first.
    """

    def since(self, *arguments: Any) -> Any:
        return super().since(*arguments)[::-1]


@breaks("test_following", "test_from_newest", "test_pages")
class _WithItself(Wrong):
    """
    Finds the event itself, too.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        seen = [one for one in self.all() if one.id == last_event_id]
        return [*seen, *found][:limit]


@breaks("test_following")
class _OtherNumbers(Wrong):
    """
    Finds the publications under numbers that they did not have.
    """

    def since(self, *arguments: Any) -> Any:
        return [one._replace(number=one.number * 2) for one in super().since(*arguments)]


@breaks("test_from_oldest")
class _FromNow(Wrong):
    """
    Takes None for nothing.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return [] if last_event_id is None else super().since(last_event_id, topics, limit)


@breaks("test_from_oldest")
class _UnknownWhenEmpty(Wrong):
    """
    Knows no beginning while nothing is kept.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if not self.all():
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)


@breaks("test_from_newest")
class _UnknownNewest(Wrong):
    """
    Takes it for unknown what nothing follows.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        if last_event_id is not None and not found:
            raise UnknownEventID(last_event_id)
        return found


@breaks("test_limit", "test_limit_counts_matching")
class _Unlimited(Wrong):
    """
    Finds all there is.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return super().since(last_event_id, topics, MANY)


@breaks("test_limit", "test_pages")
class _NewestOfLimit(Wrong):
    """
    Finds the newest that the limit has room for.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return super().since(last_event_id, topics, MANY)[-limit:]


@breaks("test_limit_counts_matching", "test_pages")
class _LimitFirst(Wrong):
    """
    Selects among the first that the limit has room for.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, ALL, limit)
        return [one for one in found if topics.matches(one.publication.topics)]


@breaks("test_pages", "test_large_batch")
class _SmallPages(Wrong):
    """
    Finds at most 30 at once, although there are more.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return super().since(last_event_id, topics, min(limit, 30))


class _OtherTopics(Wrong):
    """
    Selects in another way.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        """
        Whether a publication to *names* is found.
        """
        raise NotImplementedError

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, ALL, MANY)
        return [one for one in found if self.wanted(topics, one.publication.topics)][:limit]


@breaks("test_topics")
class _CanonicalOnly(_OtherTopics):
    """
    Selects by the canonical topic alone.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        return bool(topics.matches(names[:1]))


@breaks("test_topics")
class _ExactOnly(_OtherTopics):
    """
    Knows no patterns.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        return topics.everything or not topics.exact.isdisjoint(names)


@breaks("test_topics")
class _AnyCase(_OtherTopics):
    """
    Takes capital letters for small ones.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        return bool(topics.matches([*names, *(name.lower() for name in names)]))


@breaks("test_topics")
class _Everything(_OtherTopics):
    """
    Does not select.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        return True


@breaks("test_topics")
class _OncePerTopic(Wrong):
    """
    Finds a publication once for each topic that matches.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        twice = [
            [one] * max(1, len(topics.exact.intersection(one.publication.topics))) for one in found
        ]
        return [one for ones in twice for one in ones][:limit]


@breaks("test_other_topics_event", "test_topics")
class _AmongWanted(Wrong):
    """
    Looks for the last event among those that are wanted.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        wanted = [one.id for one in super().since(None, topics, MANY)]
        if last_event_id is not None and topics != ALL and last_event_id not in wanted:
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)
