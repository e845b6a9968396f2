"""
The rules of IDs that are not known: a client may send anything.
"""

from __future__ import annotations

from collections.abc import Iterable

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.publication import Record
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.case import ALL, MANY, ContractCase
from twisted_sse.testing.contract.samples import HOSTILE_IDS, mutations
from twisted_sse.topics import Selection

__all__ = ["UnknownIDRules"]


class UnknownIDRules(ContractCase):
    """
    *last_event_id* is sent by the client, so trust nothing about it.
    """

    async def test_hostile_ids(self) -> None:
        """
        An ID that nobody has given raises `UnknownEventID` and nothing else,
        whatever it looks like, and harms nothing.
        """
        history = await self.started()
        kept = await self.append(history, *"abc")
        await self._all_unknown(history, HOSTILE_IDS)

        self.same("since(None) has found afterwards", await self.since(history, None), kept)

    async def test_hostile_ids_when_empty(self) -> None:
        """
        Before anything is kept no ID is known but that of the position where
        the order will begin.
        """
        history = await self.started()

        await self._all_unknown(history, HOSTILE_IDS)

    async def test_alike_ids(self) -> None:
        """
        What looks much like an ID, as one with other digits or of the future,
        is another one, and raises `UnknownEventID`.
        """
        history = await self.started()
        kept = await self.append(history, *map(str, range(12)))

        for one in (kept[0], kept[5], kept[-1]):
            await self._all_unknown(history, mutations(one.id))

    async def test_other_life(self) -> None:
        """
        An ID is unique over all lives of the store: one of a life that is lost
        raises `UnknownEventID`, and is not taken for a newer event's.
        """
        earlier = await self.started()
        lost = await self.append(earlier, *"abc")
        history = await self.started()
        await self.append(history, *"defghi")

        # Stores that are durable and separate may give the same IDs.
        if not self.durable:
            await self._all_unknown(history, [one.id for one in lost])

    async def test_unknown_of_any_topic(self) -> None:
        """
        An unknown ID is unknown too when nothing that is wanted is kept.
        """
        history = await self.started()
        await self.append(history, *"abc")

        for topics in (ALL, Selection.of(["nobody"])):
            await self.refused(UnknownEventID, history.since, "nobody's", topics, 1)

    async def _all_unknown(self, history: IHistoryProvider, ids: Iterable[str]) -> None:
        end = await self.tail(history, MANY)
        known = {end.before.id, *map(_id, end.kept)}
        for event_id in ids:
            if event_id not in known:
                await self.refused(UnknownEventID, history.since, event_id, ALL, MANY)


def _id(kept: Record) -> str:
    return kept.id
