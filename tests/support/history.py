"""
History providers that a test controls.
"""

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from zope.interface import implementer

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["AbsentHistory", "SlowHistory"]


@implementer(IHistoryProvider)
class SlowHistory:
    """
    Passes on the answers of *history* when a test says so.

    Attributes:
        waiting: Functions that give the pending answers, oldest first.
    """

    def __init__(self, history: MemoryHistory) -> None:
        self.history = history
        self.waiting: list[Callable[[], None]] = []

    def append(self, publications: Sequence[Publication]) -> Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.append`.
        """
        return self._later(self.history.append, publications)

    def since(
        self, last_event_id: str | None, topics: Selection, limit: int
    ) -> Deferred[Sequence[Record]]:
        """
        See `IHistoryProvider.since`.
        """
        return self._later(self.history.since, last_event_id, topics, limit)

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        return self.history.tail(limit)

    def answer_next(self) -> None:
        """
        Give the oldest pending answer, if there is one.
        """
        if self.waiting:
            self.waiting.pop(0)()

    def _later(self, call: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        found: Deferred[Any] = maybeDeferred(call, *arguments)
        answer: Deferred[Any] = Deferred()
        self.waiting.append(lambda: found.chainDeferred(answer) and None)
        return answer


@implementer(IHistoryProvider)
class AbsentHistory:
    """
    Fails while `away` is true, and otherwise forwards to *history*.
    """

    def __init__(self, history: MemoryHistory | None = None, *, away: bool = True) -> None:
        self.away = away
        self.history = MemoryHistory() if history is None else history

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        self._check()
        return self.history.append(publications)

    def since(self, last_event_id: str | None, topics: Selection, limit: int) -> Sequence[Record]:
        """
        See `IHistoryProvider.since`.
        """
        self._check()
        return self.history.since(last_event_id, topics, limit)

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        self._check()
        return self.history.tail(limit)

    def _check(self) -> None:
        if self.away:
            raise HistoryUnavailable("The store is away.")
