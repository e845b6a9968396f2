"""
Mistakes of `since`.
"""

from typing import Any

from tests.testing.wrong import ALL, MANY, Wrong, breaks
from twisted_sse.errors import UnknownEventID

__all__: list[str] = []


@breaks("test_following", "test_from_oldest", "test_pages")
class _NewestFirst(Wrong):
    """
    Returns the newest first.
    """

    def since(self, *arguments: Any) -> Any:
        return super().since(*arguments)[::-1]


@breaks("test_following", "test_from_newest", "test_pages")
class _WithItself(Wrong):
    """
    Also returns the last event itself.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        seen = [record for record in self.all() if record.id == last_event_id]
        return [*seen, *found][:limit]


@breaks("test_following")
class _OtherNumbers(Wrong):
    """
    Returns other numbers than `append`.
    """

    def since(self, *arguments: Any) -> Any:
        return [record._replace(number=record.number * 2) for record in super().since(*arguments)]


@breaks("test_from_oldest")
class _FromNow(Wrong):
    """
    Returns nothing for ``None``.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return [] if last_event_id is None else super().since(last_event_id, topics, limit)


@breaks("test_from_oldest")
class _UnknownWhenEmpty(Wrong):
    """
    Raises `UnknownEventID` while nothing is kept.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        if not self.all():
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)


@breaks("test_from_newest")
class _UnknownNewest(Wrong):
    """
    Raises `UnknownEventID` for the newest ID.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        if last_event_id is not None and not found:
            raise UnknownEventID(last_event_id)
        return found


@breaks("test_limit", "test_limit_counts_matching")
class _Unlimited(Wrong):
    """
    Ignores the limit.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return super().since(last_event_id, topics, MANY)


@breaks("test_limit", "test_pages")
class _NewestOfLimit(Wrong):
    """
    Returns the newest records instead of the oldest.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return super().since(last_event_id, topics, MANY)[-limit:]


@breaks("test_limit_counts_matching", "test_pages")
class _LimitFirst(Wrong):
    """
    Applies the limit before the topics.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, ALL, limit)
        return [record for record in found if topics.matches(record.publication.topics)]


@breaks("test_pages", "test_large_batch")
class _SmallPages(Wrong):
    """
    Returns at most 30 records, although there are more.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        return super().since(last_event_id, topics, min(limit, 30))


class _OtherTopics(Wrong):
    """
    Matches topics in another way.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        """
        Return whether a publication to *names* matches.
        """
        raise NotImplementedError

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, ALL, MANY)
        return [record for record in found if self.wanted(topics, record.publication.topics)][
            :limit
        ]


@breaks("test_topics")
class _CanonicalOnly(_OtherTopics):
    """
    Matches only the canonical topic.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        return bool(topics.matches(names[:1]))


@breaks("test_topics")
class _ExactOnly(_OtherTopics):
    """
    Does not support patterns.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        return topics.everything or not topics.exact.isdisjoint(names)


@breaks("test_topics")
class _AnyCase(_OtherTopics):
    """
    Ignores the case of topics.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        return bool(topics.matches([*names, *(name.lower() for name in names)]))


@breaks("test_topics")
class _Everything(_OtherTopics):
    """
    Ignores the topics.
    """

    def wanted(self, topics: Any, names: tuple[str, ...]) -> bool:
        return True


@breaks("test_topics")
class _OncePerTopic(Wrong):
    """
    Returns a publication once for each topic that matches.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        found = super().since(last_event_id, topics, limit)
        twice = [
            [record] * max(1, len(topics.exact.intersection(record.publication.topics)))
            for record in found
        ]
        return [record for ones in twice for record in ones][:limit]


@breaks("test_other_topics_event", "test_topics")
class _AmongWanted(Wrong):
    """
    Looks for the last event only among those that match.
    """

    def since(self, last_event_id: Any, topics: Any, limit: int) -> Any:
        wanted = [record.id for record in super().since(None, topics, MANY)]
        if last_event_id is not None and topics != ALL and last_event_id not in wanted:
            raise UnknownEventID(last_event_id)
        return super().since(last_event_id, topics, limit)
