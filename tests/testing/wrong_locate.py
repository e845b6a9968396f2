"""
What several hubs may have different, and what `locate` may do wrong.
"""

from typing import Any

from twisted.application.service import IService
from zope.interface import implementer_only

from tests.testing.wrong import Wrong, breaks
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position
from twisted_sse.interfaces import IHistoryProvider

__all__: list[str] = []


@breaks("test_shared_interface")
@implementer_only(IHistoryProvider, IService)
class _Undeclared(Wrong):
    """
    Does not say that it can be shared.
    """


@breaks("test_hubs_agree", "test_follow")
class _OwnNumbers(Wrong):
    """
    Has numbers of its own at each hub.
    """

    def append(self, publications: Any) -> Any:
        return self._renumbered(super().append(publications))

    def since(self, *arguments: Any) -> Any:
        return self._renumbered(super().since(*arguments))

    def _renumbered(self, kept: Any) -> Any:
        place = self.store.histories.index(self)
        return [one._replace(number=one.number + place * 100) for one in kept]


@breaks("test_locate", "test_locate_before")
class _OwnEvents(Wrong):
    """
    Finds only what it has appended itself.
    """

    def append(self, publications: Any) -> Any:
        kept = super().append(publications)
        self.own = {one.id for one in kept}
        return kept

    def locate(self, event_id: str) -> Any:
        if event_id not in getattr(self, "own", ()):
            raise UnknownEventID(event_id)
        return super().locate(event_id)


@breaks("test_locate", "test_locate_oldest", "test_locate_before")
class _NextPosition(Wrong):
    """
    Finds the position after the one that was asked for.
    """

    def locate(self, event_id: str) -> Any:
        found = super().locate(event_id)
        return found._replace(number=found.number + 1)


@breaks("test_locate_unknown")
class _SomePosition(Wrong):
    """
    Finds the beginning for an ID that it does not know.
    """

    def locate(self, event_id: str) -> Any:
        try:
            return super().locate(event_id)
        except UnknownEventID:
            return Position(0, event_id)


@breaks("test_locate_unavailable")
class _UnknownWhenAway(Wrong):
    """
    Knows no ID while its store is away.
    """

    def locate(self, event_id: str) -> Any:
        try:
            return super().locate(event_id)
        except HistoryUnavailable as error:
            raise UnknownEventID(event_id) from error
