"""
Differences between hubs, and mistakes of `locate`.
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
    Does not declare `ISharedHistoryProvider`.
    """


@breaks("test_hubs_agree", "test_follow")
class _OwnNumbers(Wrong):
    """
    Has different numbers at each hub.
    """

    def append(self, publications: Any) -> Any:
        return self._renumbered(super().append(publications))

    def since(self, *arguments: Any) -> Any:
        return self._renumbered(super().since(*arguments))

    def _renumbered(self, records: Any) -> Any:
        index = self.store.histories.index(self)
        return [record._replace(number=record.number + index * 100) for record in records]


@breaks("test_locate", "test_locate_before")
class _OwnEvents(Wrong):
    """
    Finds only its own publications.
    """

    def append(self, publications: Any) -> Any:
        records = super().append(publications)
        self.own = {record.id for record in records}
        return records

    def locate(self, event_id: str) -> Any:
        if event_id not in getattr(self, "own", ()):
            raise UnknownEventID(event_id)
        return super().locate(event_id)


@breaks("test_locate", "test_locate_oldest", "test_locate_before")
class _NextPosition(Wrong):
    """
    Returns the position after the requested one.
    """

    def locate(self, event_id: str) -> Any:
        found = super().locate(event_id)
        return found._replace(number=found.number + 1)


@breaks("test_locate_unknown")
class _SomePosition(Wrong):
    """
    Returns the beginning for an unknown ID.
    """

    def locate(self, event_id: str) -> Any:
        try:
            return super().locate(event_id)
        except UnknownEventID:
            return Position(0, event_id)


@breaks("test_locate_unavailable")
class _UnknownWhenAway(Wrong):
    """
    Raises `UnknownEventID` while its store is unavailable.
    """

    def locate(self, event_id: str) -> Any:
        try:
            return super().locate(event_id)
        except HistoryUnavailable as error:
            raise UnknownEventID(event_id) from error
