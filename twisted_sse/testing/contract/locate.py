"""
The rules of `locate`, and that all hubs mean the same by a number and an ID.
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
    Find where a returning subscriber stands, whichever hub it comes from.
    """

    async def test_shared_interface(self) -> None:
        """
        A shared provider says that it is one, and has every method as it is
        declared.
        """
        try:
            verifyObject(ISharedHistoryProvider, await self.started())
        except Invalid as error:
            self.broken(str(error))

    async def test_hubs_agree(self) -> None:
        """
        A number and an ID stand for the same publication at every hub.
        """
        one, other = await self.hubs()
        kept = [
            *await self.append(one, *"ab"),
            *await self.append(other, "c", publication("d", id="mine")),
            *await self.append(one, *"ef"),
        ]

        for history in (one, other):
            self.same("since(None) has found", await self.since(history, None), kept)
            found = await self.since(history, kept[2].id)
            self.same("since() has found", found, kept[3:])
            self.same("tail(2) has told", (await self.tail(history, 2)).kept, kept[-2:])

    async def test_locate(self) -> None:
        """
        The position of an event is told at every hub, as soon as it is kept.
        """
        one, other = await self.hubs()
        kept = await self.append(one, *"ab", *(publication("x", id=id) for id in PUBLISHERS_IDS))

        for each in kept:
            for history in (one, other):
                await self._located(history, each.id, each)

    async def test_locate_oldest(self) -> None:
        """
        The position is that of the oldest, if several publications have the ID.
        """
        history, other = await self.hubs()
        kept = await self.append(history, publication("a", id="mine"), "b")
        await self.append(other, publication("c", id="mine"), "d")

        await self._located(history, "mine", kept[0])

    async def test_locate_before(self) -> None:
        """
        The position that `tail` has told is found, also if nothing was ever
        kept.
        """
        history, other = await self.hubs()
        beginning = (await self.tail(history, 1)).before
        await self._located(other, beginning.id, beginning)
        await self.append(history, *"abc")

        for before in (beginning, (await self.tail(history, 2)).before):
            await self._located(other, before.id, before)

    async def test_locate_unknown(self) -> None:
        """
        An ID that is not known raises `UnknownEventID` and nothing else,
        whatever it looks like.
        """
        history, _ = await self.hubs()
        await self._none_located(history, HOSTILE_IDS)
        kept = await self.append(history, *map(str, range(12)))

        await self._none_located(history, [*HOSTILE_IDS, *mutations(kept[-1].id)])

    @needs("interruptible")
    async def test_locate_unavailable(self) -> None:
        """
        While the store is away `locate` raises `HistoryUnavailable`: an ID is
        not unknown because it cannot be looked up.
        """
        history, _ = await self.hubs()
        (kept,) = await self.append(history, "a")
        await self.resolve(self.interrupt, history)

        for event_id in (kept.id, "nobody's"):
            await self.refused(HistoryUnavailable, history.locate, event_id)
        await self.returned(history)

    async def _located(self, history: Any, event_id: str, where: Record | Position) -> None:
        expected = Position(where.number, event_id)
        found = await self.expect(history.locate, event_id)
        self.same(f"locate({event_id[:20]!r}) has told", found, expected)

    async def _none_located(self, history: Any, ids: Iterable[str]) -> None:
        end = await self.tail(history, MANY)
        known = {end.before.id, *(one.id for one in end.kept)}
        for event_id in ids:
            if event_id not in known:
                await self.refused(UnknownEventID, history.locate, event_id)
