"""
The rules of `tail`: the newest records, and the position before them.
"""

from __future__ import annotations

from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication
from twisted_sse.testing.contract.case import MANY, ContractCase, publication

__all__ = ["TailRules"]


class TailRules(ContractCase):
    """
    Return the end of the order.
    """

    async def test_tail(self) -> None:
        """
        `tail` returns the newest *limit* publications, oldest first, none left out.
        """
        history = await self.started()
        records = [
            record for batch in ("ab", "cde") for record in await self.append(history, *batch)
        ]

        for limit in (1, 2, 4, 5, 6, 1000):
            tail = await self.tail(history, limit)
            self.same(f"tail({limit}) returned", tail.kept, records[-limit:])

    async def test_tail_of_all_topics(self) -> None:
        """
        `tail` returns private publications, and those of all topics.
        """
        history = await self.started()
        batch = [publication(topic, topic) for topic in ("a", "b", "https://example.com/")]
        secret = Publication(("a",), ServerSentEvent("secret"), private=True)
        records = await self.append(history, *batch, secret)

        self.same("tail(4) returned", (await self.tail(history, 4)).kept, records)

    async def test_before(self) -> None:
        """
        `Tail.before` has a number lower than those of the newest *limit*, and an
        ID that `since` accepts.
        """
        history = await self.started()
        records = await self.append(history, "a", publication("b", id="mine"), *"cde")

        for limit in (1, 2, 3, 4, 5, 6):
            tail = await self.tail(history, limit)
            self.same(f"tail({limit}) returned", tail.kept, records[-limit:])
            if not tail.before.number < tail.kept[0].number:
                self.broken(
                    f"tail({limit}) returned before={tail.before!r}; expected a number below"
                    f" {tail.kept[0].number}"
                )
            found = await self.since(history, tail.before.id)
            self.same(f"since(tail({limit}).before.id) returned", found, records[-limit:])

    async def test_before_is_right_before(self) -> None:
        """
        The number of `Tail.before` is not lower than that of the record before
        the tail.
        """
        history = await self.started()
        records = await self.append(history, *"abcde")

        for limit in (1, 2, 3, 4):
            number = (await self.tail(history, limit)).before.number
            if number < records[-limit - 1].number:
                self.broken(
                    f"tail({limit}) returned before with the number {number}; expected at least"
                    f" {records[-limit - 1].number}"
                )

    async def test_tail_of_nothing(self) -> None:
        """
        If nothing was ever kept, `Tail.before` is still a position whose ID
        `since` accepts, until the publication that follows it is forgotten.
        """
        history = await self.started()
        tail = await self.tail(history, 3)
        self.same("tail() returned", tail.kept, [])
        self.same("since(tail.before.id) returned", await self.since(history, tail.before.id), [])

        records = await self.append(history, *"ab")
        if not tail.before.number < records[0].number:
            self.broken(
                f"the number {records[0].number} follows {tail.before!r}; expected a greater one"
            )
        self.same(
            "since(tail.before.id) returned", await self.since(history, tail.before.id), records
        )

    async def test_tail_again(self) -> None:
        """
        `tail` may be called at any time, and changes nothing.
        """
        history = await self.started()
        first = await self.tail(history, 1)
        await self.tail(history, 1)
        records = await self.append(history, *"ab")
        await self.tail(history, 1)
        records += await self.append(history, *"cd")
        self.same("tail() returned", (await self.tail(history, MANY)).kept, records)

        self.same("since() returned", await self.since(history, first.before.id), records)

    async def test_tail_meanwhile(self) -> None:
        """
        `tail` may be called during an `append`; it returns all or none of the batch.
        """
        history = await self.started()
        records = await self.append(history, *"abc")
        appending = self.begin(history.append, [publication(str(one)) for one in range(50)])
        calls = [self.begin(history.tail, MANY) for _ in range(3)]

        later, *ends = await self.answers([appending, *calls])
        whole = [*records, *later]
        for found in (list(tail.kept) for tail in ends):
            if found not in (records, whole):
                self.broken(
                    f"tail() returned {len(found)} records, expected {len(records)} or {len(whole)}"
                )
