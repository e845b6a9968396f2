"""
History providers that do as a test tells them.
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
    Answers when a test says so, what *history* answered when it was asked.

    Attributes:
        waiting: Gives each answer that is due, oldest first.
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
        Give the answer that has been due longest, if there is any.
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
    A store that is away while *away* is true, and else does what *history* does.
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
