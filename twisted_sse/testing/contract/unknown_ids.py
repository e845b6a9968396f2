"""
The rules of unknown event IDs: a client may send anything.
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
        An ID that was never given to an event raises `UnknownEventID` and
        nothing else, and changes nothing.
        """
        history = await self.started()
        records = await self.append(history, *"abc")
        await self._all_unknown(history, HOSTILE_IDS)

        self.same("afterwards, since(None) returned", await self.since(history, None), records)

    async def test_hostile_ids_when_empty(self) -> None:
        """
        Before anything is kept, the only known ID is that of the position where
        the order will begin.
        """
        history = await self.started()

        await self._all_unknown(history, HOSTILE_IDS)

    async def test_alike_ids(self) -> None:
        """
        An ID that is only similar to a known one, for example with other digits,
        raises `UnknownEventID`.
        """
        history = await self.started()
        records = await self.append(history, *map(str, range(12)))

        for record in (records[0], records[5], records[-1]):
            await self._all_unknown(history, mutations(record.id))

    async def test_lost_store(self) -> None:
        """
        IDs are unique even if a store is lost and begins again: an ID of the
        lost store raises `UnknownEventID`, and does not match a newer event.
        """
        earlier = await self.started()
        lost = await self.append(earlier, *"abc")
        history = await self.started()
        await self.append(history, *"defghi")

        # Separate durable stores may give the same IDs.
        if not self.durable:
            await self._all_unknown(history, [record.id for record in lost])

    async def test_unknown_of_any_topic(self) -> None:
        """
        An unknown ID raises `UnknownEventID` even if no publication matches
        *topics*.
        """
        history = await self.started()
        await self.append(history, *"abc")

        for topics in (ALL, Selection.of(["nobody"])):
            await self.refused(UnknownEventID, history.since, "nobody's", topics, 1)

    async def _all_unknown(self, history: IHistoryProvider, ids: Iterable[str]) -> None:
        tail = await self.tail(history, MANY)
        known = {tail.before.id, *map(_id, tail.kept)}
        for event_id in ids:
            if event_id not in known:
                await self.refused(UnknownEventID, history.since, event_id, ALL, MANY)


def _id(record: Record) -> str:
    return record.id
