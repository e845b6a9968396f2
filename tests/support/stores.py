"""
History providers that keep books of what they are asked.
"""

from collections.abc import Sequence

from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.publication import Kept, Position, Publication
from twisted_sse.topics import Selection

__all__ = ["BookkeepingHistory"]


@implementer(IHistoryProvider)
class BookkeepingHistory:
    """
    Answers at once, what *history* does, and remembers the questions.

    Attributes:
        asked: The last event IDs that `since` was asked for.

        batches: What `append` was given, each call for itself.

        away: Whether it is unavailable.
    """

    def __init__(self, history: MemoryHistory) -> None:
        self.history = history
        self.asked: list[str | None] = []
        self.batches: list[list[str | None]] = []
        self.away = False

    def append(self, publications: Sequence[Publication]) -> Sequence[Kept]:
        """
        See `IHistoryProvider.append`.
        """
        self.batches.append([one.event.data for one in publications])
        self._check()
        return self.history.append(publications)

    def since(self, last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Kept]:
        """
        See `IHistoryProvider.since`.
        """
        self.asked.append(last_event_id)
        self._check()
        return self.history.since(last_event_id, topics, limit)

    def newest(self) -> Position:
        """
        See `IHistoryProvider.newest`.
        """
        self._check()
        return self.history.newest()

    def _check(self) -> None:
        if self.away:
            raise HistoryUnavailable("The store is away.")
