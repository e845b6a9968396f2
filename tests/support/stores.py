"""
History providers that keep books of what they are asked.
"""

from collections.abc import Sequence

from tests.support.history import AbsentHistory
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.history import MemoryHistory
from twisted_sse.topics import Selection

__all__ = ["BookkeepingHistory"]


class BookkeepingHistory(AbsentHistory):
    """
    Answers at once, what *history* does, and remembers the questions.

    Attributes:
        asked: The last event IDs that `since` was asked for.

        tails: How many publications `tail` was asked for.

        batches: What `append` was given, each call for itself.

        away: Whether it is unavailable.
    """

    def __init__(self, history: MemoryHistory) -> None:
        super().__init__(history, away=False)
        self.asked: list[str | None] = []
        self.tails: list[int] = []
        self.batches: list[list[str | None]] = []

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        self.batches.append([one.event.data for one in publications])
        return super().append(publications)

    def since(self, last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        See `IHistoryProvider.since`.
        """
        self.asked.append(last_event_id)
        return super().since(last_event_id, topics, limit)

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        self.tails.append(limit)
        return super().tail(limit)
