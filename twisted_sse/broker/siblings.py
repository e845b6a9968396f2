"""
The other processes of the same hub, as the broker of one of them sees them.

What a publisher is told is about the hub: how many subscribers get an event, and
whether a request is a repeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from twisted.internet.defer import Deferred

from twisted_sse.broker.connections.elsewhere import Elsewhere
from twisted_sse.broker.receipts import Find, PublishOutcome, RepeatKey, Submit
from twisted_sse.broker.topicchanges import TopicRequest
from twisted_sse.events.publication import Publication, Published

__all__ = ["Siblings", "count_all"]


class Siblings(Protocol):
    """
    The other processes.
    """

    @property
    def connections(self) -> Elsewhere:
        """
        The connections that they serve.
        """

    def count(self, publications: Sequence[Publication]) -> Deferred[Sequence[int]]:
        """
        Count the connections of the other processes that get each of *publications*.

        It never fails: a process that does not answer in time counts as 0.
        """

    async def change_topics(
        self, name: str, user: str | None, request: TopicRequest
    ) -> Sequence[str] | None:
        """
        Do what `TopicChanges.change` does, for the connections of the other processes.

        Raises:
            ChangeRefused, HistoryUnavailable: Nothing was changed, or it is not known.
        """

    def submit_once(
        self,
        repeat: RepeatKey,
        publications: Sequence[Publication],
        submit: Submit,
        find: Find | None,
    ) -> Deferred[Sequence[PublishOutcome]]:
        """
        Do what `Receipts.once` does, for the requests of all processes.

        Args:
            publications: Those of the request, which *submit* would submit.
        """


def count_all(published: list[Published], siblings: Siblings) -> Deferred[list[Published]]:
    """
    Add the connections of the other processes to those that this one has counted.
    """
    counting = siblings.count([record.publication for record, _ in published])
    return counting.addCallback(
        lambda counts: [
            (record, here + elsewhere)
            for (record, here), elsewhere in zip(published, counts, strict=True)
        ]
    )
