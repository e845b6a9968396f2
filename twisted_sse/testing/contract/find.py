"""
The rules of `ISearchableHistory`, for providers that provide it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Record
from twisted_sse.interfaces import ISearchableHistory
from twisted_sse.testing.contract.case import MANY, needs, provides, publication
from twisted_sse.testing.contract.lifecycle import AvailabilityRules
from twisted_sse.testing.contract.samples import (
    HOSTILE_IDS,
    PUBLISHERS_IDS,
    SHAPES,
    mutations,
)
from twisted_sse.testing.contract.shared import SharedRules

__all__ = ["FindRules", "SharedFindRules"]


class FindRules(AvailabilityRules):
    """
    Find a publication by the ID that its publisher chose.
    """

    @provides(ISearchableHistory)
    async def test_find_interface(self, history: Any) -> None:
        """
        A provider that declares `ISearchableHistory` implements all of its methods.
        """
        try:
            verifyObject(ISearchableHistory, history)
        except Invalid as error:
            self.broken(f"verifyObject() failed: {error}")

    @provides(ISearchableHistory)
    async def test_find(self, history: Any) -> None:
        """
        Every ID that a publisher chose finds its record, unchanged.
        """
        chosen = [publication("x", id=event_id) for event_id in PUBLISHERS_IDS]
        shapes = [one for one in SHAPES if one.event.id not in (None, *PUBLISHERS_IDS)]
        records = await self.append(history, "a", *chosen, "b", *shapes)

        for record in records:
            if record.publication.event.id is not None:
                await self.finds(history, record.id, record)

    @provides(ISearchableHistory)
    async def test_find_private(self, history: Any) -> None:
        """
        A private publication is found as well: the hub decides who may know of it.
        """
        secret = publication("x", id="mine")
        secret = type(secret)(secret.topics, secret.event, private=True)
        (record,) = await self.append(history, secret)

        await self.finds(history, "mine", record)

    @provides(ISearchableHistory)
    async def test_find_oldest(self, history: Any) -> None:
        """
        If several publications have the ID, the oldest is found.
        """
        records = await self.append(history, publication("a", id="mine"), "b")
        await self.append(history, publication("c", id="mine"), publication("d", id="mine"))

        await self.finds(history, "mine", records[0])

    @provides(ISearchableHistory)
    async def test_find_nothing(self, history: Any) -> None:
        """
        `find` returns None for an ID that no publisher has chosen: one that the provider
        assigned, the position before the oldest, or anything else that a client sends.
        """
        await self.finds_none(history, HOSTILE_IDS)
        records = await self.append(history, *map(str, range(12)), publication("x", id="mine"))
        before = (await self.tail(history, MANY)).before
        assigned = [record.id for record in records[:-1]]

        await self.finds_none(history, [before.id, *assigned, *HOSTILE_IDS])
        similar = (one for event_id in (assigned[-1], "mine") for one in mutations(event_id))
        await self.finds_none(history, (one for one in similar if one != "mine"))

    @needs("events")
    @provides(ISearchableHistory, events=5)
    async def test_find_forgotten(self, history: Any) -> None:
        """
        `find` returns None once the record is forgotten; a newer publication with the same
        ID does not replace it.  A record that is only known as the position before the
        oldest may be found.
        """
        first, *_ = await self.append(
            history, publication("a", id="mine"), "b", publication("c", id="mine")
        )
        for number in range(4):
            await self.append(history, *(f"{number} {one}" for one in range(3)))
            tail = await self.tail(history, MANY)
            found = await self.expect(history.find, "mine")
            precedes = tail.before.number == first.number
            if found is not None or not precedes:
                known = first in tail.kept or precedes
                self.same("find('mine') returned", [found], [first if known else None])

    @needs("durable")
    @provides(ISearchableHistory)
    async def test_find_reopened(self, history: Any) -> None:
        """
        After a durable store is opened again, the IDs of publishers still find their
        records, and assigned ones none.
        """
        own, chosen = await self.append(history, "a", publication("b", id="mine"))
        history = await self.reopened(history)

        await self.finds(history, "mine", chosen)
        await self.finds_none(history, [own.id])

    @needs("interruptible")
    @provides(ISearchableHistory)
    async def test_find_unavailable(self, history: Any) -> None:
        """
        While the store is unavailable, `find` raises `HistoryUnavailable`: None would
        say that nobody has chosen the ID.
        """
        await self.append(history, publication("a", id="mine"))
        await self.resolve(self.interrupt, history)

        for event_id in ("mine", "nobody's"):
            await self.refused(HistoryUnavailable, history.find, event_id)
        await self.returned(history)

    async def finds(self, history: Any, event_id: str, record: Record) -> None:
        """
        Check that *event_id* finds *record*.
        """
        found = await self.expect(history.find, event_id)
        self.same(f"find({event_id[:20]!r}) returned", [found], [record])

    async def finds_none(self, history: Any, ids: Iterable[str]) -> None:
        """
        Check that none of *ids* finds anything.
        """
        for event_id in ids:
            found = await self.expect(history.find, event_id)
            self.same(f"find({event_id[:20]!r}) returned", found, None)


class SharedFindRules(FindRules, SharedRules):
    """
    Find a publication of another hub.
    """

    @provides(ISearchableHistory)
    async def test_find_at_every_hub(self, history: Any) -> None:
        """
        Every hub finds a publication as soon as it is kept, whichever hub kept it.
        """
        other = await self.start(await self.resolve(self.second_hub, history))
        (one,) = await self.append(history, publication("a", id="mine"))
        (two,) = await self.append(other, publication("b", id="yours"))

        for each in (history, other):
            await self.finds(each, "mine", one)
            await self.finds(each, "yours", two)
