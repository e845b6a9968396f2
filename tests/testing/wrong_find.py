"""
Mistakes of `find`.
"""

from dataclasses import replace
from typing import Any

from zope.interface import implementer

from tests.support.shared import SharedMemoryHistory
from tests.testing.wrong import Wrong, breaks
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.interfaces import ISearchableHistory

__all__: list[str] = []


@breaks("test_find_interface")
@implementer(ISearchableHistory)
class _NoFind(SharedMemoryHistory):
    """
    Declares `ISearchableHistory` and has no `find`.
    """


@breaks("test_find", "test_find_private", "test_find_oldest", "test_find_reopened")
class _Blind(Wrong):
    """
    Finds nothing.
    """

    def find(self, event_id: str) -> Any:
        super().find(event_id)


@breaks("test_find")
class _Lowered(Wrong):
    """
    Compares IDs without regard to case.
    """

    def find(self, event_id: str) -> Any:
        super().find(event_id)
        ids = ((one, one.publication.event.id) for one in self.all())
        return next((one for one, own in ids if own and own.lower() == event_id.lower()), None)


@breaks("test_find_private")
class _PublicOnly(Wrong):
    """
    Finds no private publications.
    """

    def find(self, event_id: str) -> Any:
        found = super().find(event_id)
        return None if found is None or found.publication.private else found


@breaks("test_find", "test_find_private")
class _Changed(Wrong):
    """
    Returns a record that differs from the kept one.
    """

    def find(self, event_id: str) -> Any:
        found = super().find(event_id)
        if found is None:
            return None
        changed = replace(found.publication, private=not found.publication.private)
        return found._replace(publication=changed)


@breaks("test_find_oldest")
class _Newest(Wrong):
    """
    Finds the newest with the ID.
    """

    def find(self, event_id: str) -> Any:
        super().find(event_id)
        chosen = (one for one in reversed(self.all()) if one.publication.event.id == event_id)
        return next(chosen, None)


@breaks("test_find_nothing", "test_find_reopened")
class _AnyID(Wrong):
    """
    Finds records by assigned IDs, too.
    """

    def find(self, event_id: str) -> Any:
        found = super().find(event_id)
        return found or next((one for one in self.all() if one.id == event_id), None)


@breaks("test_find_nothing")
class _Raises(Wrong):
    """
    Raises an error for an unknown ID.
    """

    def find(self, event_id: str) -> Any:
        found = super().find(event_id)
        if found is None:
            raise UnknownEventID(event_id)
        return found


@breaks("test_find_forgotten")
class _NextInLine(Wrong):
    """
    Finds a newer publication when the oldest with the ID is forgotten.
    """

    def find(self, event_id: str) -> Any:
        super().find(event_id)
        chosen = (one for one in self.all() if one.publication.event.id == event_id)
        return next(chosen, None)


@breaks("test_find_unavailable")
class _NoneWhenAway(Wrong):
    """
    Returns None while its store is unavailable.
    """

    def find(self, event_id: str) -> Any:
        try:
            return super().find(event_id)
        except HistoryUnavailable:
            return None


@breaks("test_find_at_every_hub")
class _OwnOnly(Wrong):
    """
    Finds only what it has appended itself.
    """

    own = 0

    def append(self, publications: Any) -> Any:
        records = super().append(publications)
        self.own = records[-1].number
        return records

    def find(self, event_id: str) -> Any:
        found = super().find(event_id)
        return found if found is not None and found.number == self.own else None
