"""
The rules of `append`: what comes back, in which order, under which number and ID.
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
        A provider says that it is one, and has every method as it is declared.
        """
        try:
            verifyObject(IHistoryProvider, await self.started())
        except Invalid as error:
            self.broken(str(error))

    async def test_append_order(self) -> None:
        """
        There is one `Record` for each publication, in the same order.
        """
        history = await self.started()
        for batch in (["a"], ["b", "c", "d"], ["b"], list("efghijkl")):
            kept = await self.append(history, *batch)
            self.same("append() has answered", _data(kept), batch)

    async def test_numbers(self) -> None:
        """
        Each number is greater than that of everything kept before it.
        """
        history = await self.started()
        kept = [
            one for batch in ("a", "bcd", "ef", "g") for one in await self._kept(history, batch)
        ]

        for one, other in pairwise(kept):
            if not one.number < other.number:
                self.broken(f"{other.number!r} has come after {one.number!r}")

    async def test_generated_ids_differ(self) -> None:
        """
        To publications without an ID the provider gives one, which is unique.
        """
        history = await self.started()
        kept = [
            one for batch in ("a", "bcd", "bcd", "g") for one in await self._kept(history, batch)
        ]
        ids = [one.id for one in kept]

        if len(set(ids)) != len(ids):
            self.broken(f"these have been given: {ids!r}")

    async def test_generated_ids_travel(self) -> None:
        """
        An ID can go to a client and come back in a header: it is text, not
        empty, has no CR, LF or NUL, no space at its ends, and is not "earliest".
        """
        history = await self.started()
        for one in await self._kept(history, "abc"):
            try:
                Publication.of("a", ServerSentEvent("x", id=one.id))
            except InvalidEvent as error:
                self.broken(f"append() has given the ID {one.id!r}: {error}")

    async def test_publishers_ids(self) -> None:
        """
        A publication whose event has an ``id`` keeps that ID.
        """
        history = await self.started()
        batch = [publication("x", id=event_id) for event_id in PUBLISHERS_IDS]
        kept = await self.append(history, *batch)
        self.same("append() has answered the IDs", [one.id for one in kept], PUBLISHERS_IDS)

        found = await self.since(history, None)
        self.same("since() has found the IDs", [one.id for one in found], PUBLISHERS_IDS)

    async def test_publications(self) -> None:
        """
        A publication comes back as it was handed to the provider: its data and
        all other fields of its event, its topics in their order, its privacy.
        """
        history = await self.started()
        kept = await self.append(history, *SHAPES)
        found = await self.since(history, None)
        end = await self.tail(history, len(SHAPES))

        for how, answer in (("append", kept), ("since", found), ("tail", end.kept)):
            self.same(f"{how}() has answered", len(answer), len(SHAPES))
            for one, shape in zip(answer, SHAPES, strict=True):
                if one.publication != shape:
                    self.broken(f"{how}() has answered {one.publication!r} for {shape!r}")

    async def test_large_batch(self) -> None:
        """
        A batch of 1,000 is kept as a small one is.
        """
        history = await self.started()
        data = [f"{number:04}" for number in range(1000)]
        kept = await self.append(history, *data)
        self.same("append() has answered", _data(kept), data)

        self.same("since() has found", await self.since(history, None), kept)

    async def test_large_publications(self) -> None:
        """
        Publications of a megabyte together are kept as small ones are.
        """
        history = await self.started()
        kept = await self.append(history, *(letter * 250_000 for letter in "abcd"))

        self.same("since() has found", await self.since(history, None), kept)

    async def test_whole_batches(self) -> None:
        """
        All or none of a batch are kept: who asks meanwhile sees all or none.
        """
        history = await self.started()
        before = await self._kept(history, "abc")
        appending = self.begin(history.append, [publication(str(one)) for one in range(200)])
        asking = [self.begin(history.since, None, ALL, MANY) for _ in range(5)]
        while not appending.called:
            # Five questions at a time: a crowd of them would only keep a store busy.
            if asking[-5].called:
                asking.append(self.begin(history.since, None, ALL, MANY))
            await self.turn()

        kept, *answers = await self.answers([appending, *asking])
        whole = [*before, *kept]
        for found in map(list, answers):
            if found not in (before, whole):
                self.broken(f"since() has found {len(found)} of {len(before)} or {len(whole)}")

    async def _kept(self, history: IHistoryProvider, data: str) -> list[Record]:
        return await self.append(history, *data)


def _data(kept: list[Record]) -> list[str | None]:
    return [one.publication.event.data for one in kept]
