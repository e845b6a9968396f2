"""
The rules of `tail`: where the order ends, and what stands there.
"""

from __future__ import annotations

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.testing.contract.case import MANY, ContractCase, publication

__all__ = ["TailRules"]


class TailRules(ContractCase):
    """
    Tell where the order ends, and what stands there.
    """

    async def test_tail(self) -> None:
        """
        The newest *limit* publications are told, oldest first, none left out.
        """
        history = await self.started()
        kept = [one for batch in ("ab", "cde") for one in await self.append(history, *batch)]

        for limit in (1, 2, 4, 5, 6, 1000):
            end = await self.tail(history, limit)
            self.same(f"tail({limit}) has told", end.kept, kept[-limit:])

    async def test_tail_of_all_topics(self) -> None:
        """
        Private publications and those of all topics are told.
        """
        history = await self.started()
        batch = [publication(topic, topic) for topic in ("a", "b", "https://example.com/")]
        secret = Publication(("a",), ServerSentEvent("secret"), private=True)
        kept = await self.append(history, *batch, secret)

        self.same("tail(4) has told", (await self.tail(history, 4)).kept, kept)

    async def test_before(self) -> None:
        """
        Where the newest *limit* begin is a position whose number is lower than
        theirs, and whose ID `since` accepts.
        """
        history = await self.started()
        kept = await self.append(history, "a", publication("b", id="mine"), *"cde")

        for limit in (1, 2, 3, 4, 5, 6):
            end = await self.tail(history, limit)
            self.same(f"tail({limit}) has told", end.kept, kept[-limit:])
            if not end.before.number < end.kept[0].number:
                self.broken(f"tail({limit}) has told {end.before!r} before {end.kept[0].number}")
            found = await self.since(history, end.before.id)
            self.same(f"since(tail({limit}).before.id) has found", found, kept[-limit:])

    async def test_before_is_right_before(self) -> None:
        """
        The position before the newest *limit* is not before those that precede
        them.
        """
        history = await self.started()
        kept = await self.append(history, *"abcde")

        for limit in (1, 2, 3, 4):
            number = (await self.tail(history, limit)).before.number
            if number < kept[-limit - 1].number:
                self.broken(f"tail({limit}) begins at {number}, {kept[-limit - 1].number} precedes")

    async def test_tail_of_nothing(self) -> None:
        """
        If nothing was ever kept there is a position all the same, whose ID
        `since` accepts until what follows it is forgotten.
        """
        history = await self.started()
        end = await self.tail(history, 3)
        self.same("tail() has told", end.kept, [])
        self.same("since(its ID) has found", await self.since(history, end.before.id), [])

        kept = await self.append(history, *"ab")
        if not end.before.number < kept[0].number:
            self.broken(f"{kept[0].number} has followed {end.before!r}")
        self.same("since(its ID) has found", await self.since(history, end.before.id), kept)

    async def test_tail_again(self) -> None:
        """
        `tail` may be asked at any time, and changes nothing.
        """
        history = await self.started()
        first = await self.tail(history, 1)
        await self.tail(history, 1)
        kept = await self.append(history, *"ab")
        await self.tail(history, 1)
        kept += await self.append(history, *"cd")
        self.same("tail() has told", (await self.tail(history, MANY)).kept, kept)

        self.same("since() has found", await self.since(history, first.before.id), kept)

    async def test_tail_meanwhile(self) -> None:
        """
        `tail` answers while an `append` is under way, with or without it.
        """
        history = await self.started()
        kept = await self.append(history, *"abc")
        appending = self.begin(history.append, [publication(str(one)) for one in range(50)])
        asking = [self.begin(history.tail, MANY) for _ in range(3)]

        later, *ends = await self.answers([appending, *asking])
        whole = [*kept, *later]
        for told in (list(end.kept) for end in ends):
            if told not in (kept, whole):
                self.broken(f"tail() has told {len(told)} of {len(kept)} or {len(whole)}")
