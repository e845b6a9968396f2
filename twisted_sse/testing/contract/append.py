"""
The rules of `append`: what it returns, and in which order, with which numbers and IDs.
"""

from __future__ import annotations

from itertools import pairwise

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.testing.contract.case import ALL, MANY, ContractCase, publication
from twisted_sse.testing.contract.samples import PUBLISHERS_IDS, SHAPES

__all__ = ["AppendRules"]


class AppendRules(ContractCase):
    """
    Keep publications, all or none of them, in this order.
    """

    async def test_interface(self) -> None:
        """
        A provider declares `IHistoryProvider` and implements all of its methods.
        """
        try:
            verifyObject(IHistoryProvider, await self.started())
        except Invalid as error:
            self.broken(f"verifyObject() failed: {error}")

    async def test_append_order(self) -> None:
        """
        `append` returns one `Record` for each publication, in the same order.
        """
        history = await self.started()
        for batch in (["a"], ["b", "c", "d"], ["b"], list("efghijkl")):
            records = await self.append(history, *batch)
            self.same("append() returned", _data(records), batch)

    async def test_numbers(self) -> None:
        """
        Each number is greater than those of all records before it.
        """
        history = await self.started()
        records = [
            record
            for batch in ("a", "bcd", "ef", "g")
            for record in await self._append_data(history, batch)
        ]

        for record, later in pairwise(records):
            if not record.number < later.number:
                self.broken(
                    f"the number {later.number!r} follows {record.number!r}; expected a greater one"
                )

    async def test_generated_ids_differ(self) -> None:
        """
        The provider gives a unique ID to each publication that has none.
        """
        history = await self.started()
        records = [
            record
            for batch in ("a", "bcd", "bcd", "g")
            for record in await self._append_data(history, batch)
        ]
        ids = [record.id for record in records]

        if len(set(ids)) != len(ids):
            self.broken(f"not all of these IDs are different: {ids!r}")

    async def test_generated_ids_travel(self) -> None:
        """
        A client can send an ID back in a header: it is a str, not empty, without
        CR, LF and NUL, without spaces at its ends, and not "earliest".
        """
        history = await self.started()
        for record in await self._append_data(history, "abc"):
            try:
                Publication.of("a", ServerSentEvent("x", id=record.id))
            except InvalidEvent as error:
                self.broken(f"append() returned the ID {record.id!r}: {error}")

    async def test_publishers_ids(self) -> None:
        """
        A publication whose event has an ``id`` keeps that ID.
        """
        history = await self.started()
        batch = [publication("x", id=event_id) for event_id in PUBLISHERS_IDS]
        records = await self.append(history, *batch)
        self.same("append() returned the IDs", [record.id for record in records], PUBLISHERS_IDS)

        found = await self.since(history, None)
        self.same("since() returned the IDs", [record.id for record in found], PUBLISHERS_IDS)

    async def test_publications(self) -> None:
        """
        A publication is returned unchanged: its data and all other fields of its
        event, the order of its topics, and whether it is private.
        """
        history = await self.started()
        records = await self.append(history, *SHAPES)
        found = await self.since(history, None)
        tail = await self.tail(history, len(SHAPES))

        for how, answer in (("append", records), ("since", found), ("tail", tail.kept)):
            self.same(f"{how}() returned this many records", len(answer), len(SHAPES))
            for record, shape in zip(answer, SHAPES, strict=True):
                if record.publication != shape:
                    self.broken(f"{how}() returned {record.publication!r}, expected {shape!r}")

    async def test_large_batch(self) -> None:
        """
        A batch of 1,000 publications is kept like a small one.
        """
        history = await self.started()
        data = [f"{number:04}" for number in range(1000)]
        records = await self.append(history, *data)
        self.same("append() returned", _data(records), data)

        self.same("since() returned", await self.since(history, None), records)

    async def test_large_publications(self) -> None:
        """
        A batch of a megabyte is kept like a small one.
        """
        history = await self.started()
        records = await self.append(history, *(letter * 250_000 for letter in "abcd"))

        self.same("since() returned", await self.since(history, None), records)

    async def test_whole_batches(self) -> None:
        """
        All or none of a batch are kept: a concurrent `since` returns all or none.
        """
        history = await self.started()
        before = await self._append_data(history, "abc")
        appending = self.begin(history.append, [publication(str(one)) for one in range(200)])
        calls = [self.begin(history.since, None, ALL, MANY) for _ in range(5)]
        while not appending.called:
            # At most five calls at a time; more would only keep the store busy.
            if calls[-5].called:
                calls.append(self.begin(history.since, None, ALL, MANY))
            await self.turn()

        records, *answers = await self.answers([appending, *calls])
        whole = [*before, *records]
        for found in map(list, answers):
            if found not in (before, whole):
                self.broken(
                    f"since() returned {len(found)} records, expected {len(before)} or {len(whole)}"
                )

    async def _append_data(self, history: IHistoryProvider, data: str) -> list[Record]:
        return await self.append(history, *data)


def _data(records: list[Record]) -> list[str | None]:
    return [record.publication.event.data for record in records]
