"""
Mistakes of `ends`, and of `append` after the end of a topic.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zope.interface import implementer

from tests.support.shared import SharedMemoryHistory
from tests.testing.wrong import Wrong, breaks
from twisted_sse.errors import HistoryUnavailable, TopicEnded
from twisted_sse.events.publication import Publication
from twisted_sse.interfaces import IEndingHistory
from twisted_sse.topics import check_topics

__all__: list[str] = []


@breaks("test_end_interface")
@implementer(IEndingHistory)
class _NoEnds(SharedMemoryHistory):
    """
    Declares `IEndingHistory` and has no `ends`.
    """


@breaks("test_end_kept", "test_end_reopened", "test_end_at_every_hub")
class _NoOutcome(Wrong):
    """
    Keeps ends without their outcomes.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        return super().append([replace(one, outcome=None) for one in publications])


@breaks("test_end_kept")
class _AlwaysDone(Wrong):
    """
    Keeps every end as done.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        return super().append(
            [one if one.outcome is None else replace(one, outcome="done") for one in publications]
        )


class _Lenient(Wrong):
    """
    Keeps some of what is published to topics that have ended.
    """

    def lets_pass(self, one: Publication, ended: set[str]) -> bool:
        """
        Whether *one* is kept.
        """
        raise NotImplementedError

    def append(self, publications: Sequence[Publication]) -> Any:
        topics = [topic for one in publications for topic in one.topics]
        ends = {topic for one in self.ends(topics) for topic in one.publication.topics}
        passing = all(self.lets_pass(one, ends) for one in publications if ends & set(one.topics))
        if not passing or not ends:
            return super().append(publications)
        # It has forgotten the ends for a moment.
        memory = self.store.memory
        kept, memory._ends = memory._ends, {}
        try:
            return super().append(publications)
        finally:
            memory._ends = {**kept, **memory._ends}


@breaks(
    "test_end_refuses",
    "test_end_again",
    "test_end_names_topics",
    "test_end_alternates",
    "test_end_in_batch",
    "test_end_forgotten",
    "test_end_reopened",
    "test_end_at_every_hub",
)
class _Open(_Lenient):
    """
    Keeps everything.
    """

    def lets_pass(self, one: Publication, ended: set[str]) -> bool:
        return True


@breaks("test_end_again")
class _EndsAgain(_Lenient):
    """
    Lets topics end again.
    """

    def lets_pass(self, one: Publication, ended: set[str]) -> bool:
        return one.outcome is not None


@breaks("test_end_refuses")
class _FirstTopic(_Lenient):
    """
    Looks only at the first topic of a publication.
    """

    def lets_pass(self, one: Publication, ended: set[str]) -> bool:
        return one.topics[0] not in ended


@breaks("test_end_refuses")
class _WithID(_Lenient):
    """
    Keeps publications with an ID of their publisher.
    """

    def lets_pass(self, one: Publication, ended: set[str]) -> bool:
        return one.event.id is not None


@breaks("test_end_refuses")
class _FirstOfBatch(Wrong):
    """
    Keeps what precedes the refused publication in its batch.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        try:
            return super().append(publications)
        except TopicEnded as error:
            for one in publications:
                if set(one.topics) & set(error.topics):
                    raise
                super().append([one])
            raise


@breaks("test_end_alternates")
class _OnlyCanonical(Wrong):
    """
    Ends only the first topic.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        records = super().append(publications)
        for record in records:
            if record.publication.outcome is not None:
                for topic in record.publication.topics[1:]:
                    self.store.memory._ends.pop(topic, None)
        return records


@breaks("test_end_names_topics")
class _NamesAll(Wrong):
    """
    Names topics that have not ended.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        try:
            return super().append(publications)
        except TopicEnded:
            raise TopicEnded([topic for one in publications for topic in one.topics]) from None


@breaks("test_end_refuses", "test_end_names_topics")
class _NamesNone(Wrong):
    """
    Names no topics.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        try:
            return super().append(publications)
        except TopicEnded:
            raise TopicEnded([]) from None


@breaks("test_end_refuses")
class _Unavailable(Wrong):
    """
    Says that it is unavailable when a topic has ended.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        try:
            return super().append(publications)
        except TopicEnded as error:
            raise HistoryUnavailable(str(error)) from None


@breaks("test_end_other_topics")
class _Folded(Wrong):
    """
    Compares topics without regard to case and blanks.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        ended = {one.strip().lower() for one in self.store.memory._ends}
        topics = [topic for one in publications for topic in one.topics]
        if ended & {one.strip().lower() for one in topics}:
            raise TopicEnded(topics)
        return super().append(publications)


@breaks("test_end_in_batch")
class _BeforeBatch(Wrong):
    """
    Ends the topics before it keeps the batch.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        ends = [one for one in publications if one.outcome is not None]
        ended = {topic for one in ends for topic in one.topics}
        for one in publications:
            if one.outcome is None and ended & set(one.topics):
                raise TopicEnded(sorted(ended))
        return super().append(publications)


class _Answers(Wrong):
    """
    Answers something else.
    """

    def ends(self, topics: Sequence[str]) -> Any:
        return self.answers(list(super().ends(topics)), topics)

    def answers(self, found: list[Any], topics: Sequence[str]) -> Any:
        """
        Return an answer instead of *found*.
        """
        raise NotImplementedError


@breaks("test_ends", "test_end_kept", "test_end_reopened")
class _Nothing(_Answers):
    """
    Finds no ends.
    """

    def answers(self, found: list[Any], topics: Sequence[str]) -> Any:
        return []


@breaks("test_ends")
class _Newest(_Answers):
    """
    Returns the newest first.
    """

    def answers(self, found: list[Any], topics: Sequence[str]) -> Any:
        return found[::-1]


@breaks("test_ends", "test_end_alternates")
class _OnePerTopic(_Answers):
    """
    Returns an end once for each of its topics.
    """

    def answers(self, found: list[Any], topics: Sequence[str]) -> Any:
        ends = self.store.memory._ends
        return [ends[topic] for topic in sorted(topics) if topic in ends]


@breaks("test_ends")
class _Every(_Answers):
    """
    Returns the ends of all topics.
    """

    def answers(self, found: list[Any], topics: Sequence[str]) -> Any:
        return [one for one in self.all() if one.publication.outcome is not None]


@breaks("test_ends")
class _Fussy(_Answers):
    """
    Fails for names that are no topics.
    """

    def answers(self, found: list[Any], topics: Sequence[str]) -> Any:
        check_topics(topics)
        return found


@breaks("test_end_forgotten")
class _Early(Wrong):
    """
    Forgets an end before the publication.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        newest = self.store.memory.tail(1).newest.number
        ends = self.store.memory._ends
        for topic in [one for one, record in ends.items() if record.number <= newest - 2]:
            del ends[topic]
        return super().append(publications)


class _Remembers(Wrong):
    """
    Never forgets that a topic has ended.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        ended = vars(self.store).setdefault("ended", set())
        topics = {topic for one in publications for topic in one.topics}
        if topics & ended:
            raise TopicEnded(sorted(topics & ended))
        records = super().append(publications)
        for one in publications:
            if one.outcome is not None:
                ended.update(one.topics)
        return records


breaks("test_end_forgotten", "test_end_expired")(_Remembers)


@breaks("test_end_expired")
class _Late(Wrong):
    """
    Forgets ends only when something is appended.
    """

    def ends(self, topics: Sequence[str]) -> Any:
        self.store.available  # noqa: B018
        ends = self.store.memory._ends
        found = {ends[topic].number: ends[topic] for topic in topics if topic in ends}
        return [found[number] for number in sorted(found)]


@breaks("test_end_reopened")
class _Forgetful(Wrong):
    """
    Forgets the ends when it is opened again.
    """

    def stopService(self) -> Any:
        self.store.memory._ends.clear()
        return super().stopService()


@breaks("test_ends_unavailable")
class _OpenWhenAway(Wrong):
    """
    Finds no ends while its store is unavailable.
    """

    def ends(self, topics: Sequence[str]) -> Any:
        try:
            return super().ends(topics)
        except HistoryUnavailable:
            return []


@breaks("test_end_at_every_hub")
class _OwnEnds(Wrong):
    """
    Knows only of topics that it has ended itself.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        records = super().append(publications)
        self.own = getattr(self, "own", set())
        for one in publications:
            if one.outcome is not None:
                self.own.update(one.topics)
        return records

    def ends(self, topics: Sequence[str]) -> Any:
        return super().ends([one for one in topics if one in getattr(self, "own", set())])
