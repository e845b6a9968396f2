"""
The rules of `follow`: every hub receives the same records in the same order.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Record
from twisted_sse.testing.contract.case import needs, publication
from twisted_sse.testing.contract.follower import RecordingFollower
from twisted_sse.testing.contract.shared import SharedRules
from twisted_sse.testing.contract.wording import describe

__all__ = ["FollowRules"]


class FollowRules(SharedRules):
    """
    Deliver everything that follows a position, while the provider runs.
    """

    async def test_follow(self) -> None:
        """
        *deliver* receives the same records in the same order at every hub, none
        left out and none repeated, whichever hub appended them.
        """
        first, second = await self.hubs()
        followers = [await self.following(first), await self.following(second)]
        appending = [self.begin(self._append_all, history, 20) for history in (first, second)]
        answered = [record for answer in await self.answers(appending) for record in answer]
        answered += await self.append(first, "the last")

        order = await self.since(first, None)
        self.same("since(None) returned", order, sorted(answered, key=_number))
        for follower in followers:
            await self.delivered(follower, order)

    async def test_follow_batches(self) -> None:
        """
        *deliver* is called with one or more records.
        """
        history, _ = await self.hubs()
        follower = await self.following(history)
        records = await self.append(history, *map(str, range(600)))
        records += await self.append(history, "the last")
        await self.delivered(follower, records)

        if [] in follower.batches:
            self.broken("deliver was called without records")

    async def test_follow_after(self) -> None:
        """
        *deliver* receives everything that follows *after*, including records
        appended before `follow` was called, and nothing before it.
        """
        first, second = await self.hubs()
        await self.append(first, *"abc")
        newest = (await self.tail(first, 2)).newest
        records = [*await self.append(first, *"de"), *await self.append(second, *"fg")]
        follower = RecordingFollower()
        await self.resolve(first.follow, newest, follower.deliver, follower.restart)
        records += await self.append(second, "h")

        await self.delivered(follower, records)

    async def test_follow_from_empty(self) -> None:
        """
        If nothing was ever kept when `tail` was called, *deliver* receives
        everything.
        """
        first, second = await self.hubs()
        newest = (await self.tail(first, 1)).newest
        records = await self.append(second, *"ab")
        follower = RecordingFollower()
        await self.resolve(first.follow, newest, follower.deliver, follower.restart)
        records += await self.append(second, "c")

        await self.delivered(follower, records)

    async def test_follow_shapes(self) -> None:
        """
        *deliver* receives the same records that `append` and `since` return.
        """
        first, second = await self.hubs()
        follower = await self.following(second)
        shapes = [publication("é\n😀", "b", "a", id="mine"), publication(""), publication("x", "c")]
        records = await self.append(first, *shapes)

        await self.delivered(follower, records)

    @needs("interruptible")
    async def test_follow_after_interruption(self) -> None:
        """
        When the store is available again, *deliver* continues exactly where it was.
        """
        first, second = await self.hubs()
        followers = [await self.following(first), await self.following(second)]
        records = await self.append(first, *"abc")
        for follower in followers:
            await self.delivered(follower, records)
        await self.resolve(self.interrupt, first)
        await self.refused(HistoryUnavailable, first.append, [publication("d")])
        await self.returned(first)
        await self.noticed(second)
        records += [*await self.append(first, *"ef"), *await self.append(second, *"gh")]

        for follower in followers:
            await self.delivered(follower, records)

    async def test_follow_what_is_forgotten(self) -> None:
        """
        If the next record is no longer kept, *restart* is called with the end of
        the order, and *deliver* continues after it.
        """
        bounds = {"events": 5} if self.can("events") else {"bytes": 50_000}
        first, second = await self.hubs(**bounds)
        newest = (await self.tail(first, 1)).newest
        records = [each for _ in range(20) for each in await self.append(second, "x" * 10_000)]
        follower = RecordingFollower()
        await self.resolve(first.follow, newest, follower.deliver, follower.restart)
        records += await self.append(second, "the last")
        await self.eventually(
            lambda: follower.knows(records[-1]),
            lambda: f"follow() delivered {describe(follower.order)}",
        )

        missed = len(records) - len(follower.order)
        self.same("follow() delivered", follower.order, records[missed:])
        if missed and not follower.restarts:
            self.broken(f"{missed} records were left out, expected a call of restart")

    async def test_follow_ends(self) -> None:
        """
        Nothing is delivered after the provider is stopped, and when it is started
        again, it can follow again.
        """
        first, second = await self.hubs()
        if IService(first, None) is None:
            return
        follower, witness = await self.following(first), await self.following(second)
        records = await self.append(first, *"ab")
        await self.delivered(follower, records)
        await self.stop(first)
        later = await self.append(second, *"cd")
        await self.delivered(witness, [*records, *later])
        await self.start(first)
        again = await self.following(first)
        await self.delivered(again, await self.append(second, *"ef"))

        self.same("although it was stopped, follow() delivered", follower.order, records)

    async def _append_all(self, history: Any, times: int) -> list[Record]:
        """
        Append as a hub does: each batch after `append` of the previous one returned.
        """
        records = []
        for time in range(times):
            records += await self.append(history, *(f"{time}" for _ in range(1 + time % 3)))
            await self.turn()
        return records


def _number(record: Record) -> int:
    return record.number
