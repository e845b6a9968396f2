"""
Finds what a store cannot tell about itself, by reading everything.
"""

from __future__ import annotations

from typing import Final

from twisted.internet.interfaces import IReactorTime

from twisted_sse.cli.history.count import EventCount
from twisted_sse.cli.history.exporting import Losses
from twisted_sse.cli.history.pages import pages_of
from twisted_sse.events.holdings import Holdings, StoredPosition
from twisted_sse.events.publication import Publication
from twisted_sse.interfaces import IHistoryReader

__all__ = ["MOST_TOPICS", "Survey"]

#: The most topics that are counted, so that memory stays bounded: about 10 MiB.
MOST_TOPICS: Final = 100_000


class Survey:
    """
    What was found.

    Attributes:
        losses: What could not be read.
    """

    def __init__(self) -> None:
        self.losses = Losses()
        self._events = self._bytes = 0
        # Hashes: a topic may be long.
        self._topics: set[int] = set()
        self._oldest: StoredPosition | None = None
        self._newest: StoredPosition | None = None

    async def read(self, reader: IHistoryReader, count: EventCount, clock: IReactorTime) -> None:
        """
        Read everything that is kept now.

        Raises:
            HistoryUnavailable: The store cannot be read.
        """
        async for page in pages_of(reader, clock):
            for stored in page.records:
                publication = stored.record.publication
                self._bytes += _size(publication)
                if len(self._topics) <= MOST_TOPICS:
                    self._topics.update(map(hash, publication.topics))
                self._newest = stored.position
                self._oldest = self._oldest or self._newest
            self._events += len(page.records)
            self.losses.lost |= page.lost
            self.losses.unreadable += page.unreadable
            count.add(len(page.records))

    def complete(self, told: Holdings) -> Holdings:
        """
        Add to *told* what the store has not told.

        Returns:
            More than `MOST_TOPICS` topics mean that they were not counted to the end.
        """
        return Holdings(
            self._events if told.events is None else told.events,
            self._bytes if told.bytes is None else told.bytes,
            min(len(self._topics), MOST_TOPICS + 1) if told.topics is None else told.topics,
            told.oldest or self._oldest,
            told.newest or self._newest,
            told.bounds,
        )


def _size(publication: Publication) -> int:
    event = publication.event
    texts = [*publication.topics, event.data, event.event, event.id, event.comment]
    return sum(len(text.encode()) for text in texts if text is not None)
