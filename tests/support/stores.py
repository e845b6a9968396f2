"""
A history provider that records how it is called.
"""

from collections.abc import Sequence

from tests.support.history import AbsentHistory
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.history import MemoryHistory
from twisted_sse.topics import Selection

__all__ = ["BookkeepingHistory"]


class BookkeepingHistory(AbsentHistory):
    """
    Answers at once, as *history* does, and records the calls.

    Attributes:
        asked: The last event ID of each call of `since`.

        tails: The limit of each call of `tail`.

        batches: The data of each call of `append`.

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
