"""
The rules of `locate`, and that numbers and IDs are the same at all hubs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position, Record
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.testing.contract.case import MANY, needs, publication
from twisted_sse.testing.contract.samples import HOSTILE_IDS, PUBLISHERS_IDS, mutations
from twisted_sse.testing.contract.shared import SharedRules

__all__ = ["LocateRules"]


class LocateRules(SharedRules):
    """
    Find the position of an event, at whichever hub a subscriber received it.
    """

    async def test_shared_interface(self) -> None:
        """
        A shared provider declares `ISharedHistoryProvider` and implements all of
        its methods.
        """
        try:
            verifyObject(ISharedHistoryProvider, await self.started())
        except Invalid as error:
            self.broken(f"verifyObject() failed: {error}")

    async def test_hubs_agree(self) -> None:
        """
        A number and an ID stand for the same publication at every hub.
        """
        first, second = await self.hubs()
        records = [
            *await self.append(first, *"ab"),
            *await self.append(second, "c", publication("d", id="mine")),
            *await self.append(first, *"ef"),
        ]

        for history in (first, second):
            self.same("since(None) returned", await self.since(history, None), records)
            found = await self.since(history, records[2].id)
            self.same("since() returned", found, records[3:])
            self.same("tail(2) returned", (await self.tail(history, 2)).kept, records[-2:])

    async def test_locate(self) -> None:
        """
        Every hub finds the position of an event as soon as it is kept.
        """
        first, second = await self.hubs()
        records = await self.append(
            first, *"ab", *(publication("x", id=id) for id in PUBLISHERS_IDS)
        )

        for each in records:
            for history in (first, second):
                await self._located(history, each.id, each)

    async def test_locate_oldest(self) -> None:
        """
        If several publications have the ID, the position is that of the oldest.
        """
        history, second = await self.hubs()
        records = await self.append(history, publication("a", id="mine"), "b")
        await self.append(second, publication("c", id="mine"), "d")

        await self._located(history, "mine", records[0])

    async def test_locate_before(self) -> None:
        """
        The position `Tail.before` is found, even if nothing was ever kept.
        """
        history, second = await self.hubs()
        beginning = (await self.tail(history, 1)).before
        await self._located(second, beginning.id, beginning)
        await self.append(history, *"abc")

        for before in (beginning, (await self.tail(history, 2)).before):
            await self._located(second, before.id, before)

    async def test_locate_unknown(self) -> None:
        """
        An unknown ID raises `UnknownEventID` and nothing else.
        """
        history, _ = await self.hubs()
        await self._none_located(history, HOSTILE_IDS)
        records = await self.append(history, *map(str, range(12)))

        await self._none_located(history, [*HOSTILE_IDS, *mutations(records[-1].id)])

    @needs("interruptible")
    async def test_locate_unavailable(self) -> None:
        """
        While the store is unavailable, `locate` raises `HistoryUnavailable` and
        not `UnknownEventID`.
        """
        history, _ = await self.hubs()
        (record,) = await self.append(history, "a")
        await self.resolve(self.interrupt, history)

        for event_id in (record.id, "nobody's"):
            await self.refused(HistoryUnavailable, history.locate, event_id)
        await self.returned(history)

    async def _located(self, history: Any, event_id: str, where: Record | Position) -> None:
        expected = Position(where.number, event_id)
        found = await self.expect(history.locate, event_id)
        self.same(f"locate({event_id[:20]!r}) returned", found, expected)

    async def _none_located(self, history: Any, ids: Iterable[str]) -> None:
        tail = await self.tail(history, MANY)
        known = {tail.before.id, *(record.id for record in tail.kept)}
        for event_id in ids:
            if event_id not in known:
                await self.refused(UnknownEventID, history.locate, event_id)
