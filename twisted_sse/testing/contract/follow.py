"""
The rules of `follow`: every hub is delivered the same in the same order.
"""

from __future__ import annotations

from typing import Any

from twisted.application.service import IService

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Record
from twisted_sse.testing.contract.case import needs, publication
from twisted_sse.testing.contract.follower import RecordingFollower
from twisted_sse.testing.contract.shared import SharedRules
from twisted_sse.testing.contract.wording import brief

__all__ = ["FollowRules"]


class FollowRules(SharedRules):
    """
    Deliver everything that follows a position, as long as the provider runs.
    """

    async def test_follow(self) -> None:
        """
        Every hub is delivered the same in the same order, none left out and
        none repeated, whichever hub has appended it.
        """
        one, other = await self.hubs()
        followers = [await self.following(one), await self.following(other)]
        appending = [self.begin(self._append_all, history, 20) for history in (one, other)]
        answered = [kept for answer in await self.answers(appending) for kept in answer]
        answered += await self.append(one, "the last")

        order = await self.since(one, None)
        if sorted(answered, key=_number) != order:
            self.broken("append() has answered what since() does not find, or not as it does")
        for follower in followers:
            await self.delivered(follower, order)

    async def test_follow_batches(self) -> None:
        """
        `deliver` takes one or more publications.
        """
        history, _ = await self.hubs()
        follower = await self.following(history)
        kept = await self.append(history, *map(str, range(600)))
        kept += await self.append(history, "the last")
        await self.delivered(follower, kept)

        if [] in follower.batches:
            self.broken("deliver() was called with nothing")

    async def test_follow_after(self) -> None:
        """
        Delivered is what follows *after*, also what was appended before
        `follow` was called, and nothing that precedes it.
        """
        one, other = await self.hubs()
        await self.append(one, *"abc")
        newest = (await self.tail(one, 2)).newest
        kept = [*await self.append(one, *"de"), *await self.append(other, *"fg")]
        follower = RecordingFollower()
        await self.resolve(one.follow, newest, follower.deliver, follower.restart)
        kept += await self.append(other, "h")

        await self.delivered(follower, kept)

    async def test_follow_from_empty(self) -> None:
        """
        Delivered is everything, if nothing was ever kept when `tail` was asked.
        """
        one, other = await self.hubs()
        newest = (await self.tail(one, 1)).newest
        kept = await self.append(other, *"ab")
        follower = RecordingFollower()
        await self.resolve(one.follow, newest, follower.deliver, follower.restart)
        kept += await self.append(other, "c")

        await self.delivered(follower, kept)

    async def test_follow_shapes(self) -> None:
        """
        What is delivered is what `append` has answered and `since` finds.
        """
        one, other = await self.hubs()
        follower = await self.following(other)
        shapes = [publication("é\n😀", "b", "a", id="mine"), publication(""), publication("x", "c")]
        kept = await self.append(one, *shapes)

        await self.delivered(follower, kept)

    @needs("interruptible")
    async def test_follow_after_interruption(self) -> None:
        """
        When the store is back, *deliver* goes on exactly where it was.
        """
        one, other = await self.hubs()
        followers = [await self.following(one), await self.following(other)]
        kept = await self.append(one, *"abc")
        for follower in followers:
            await self.delivered(follower, kept)
        await self.resolve(self.interrupt, one)
        await self.refused(HistoryUnavailable, one.append, [publication("d")])
        await self.returned(one)
        await self.noticed(other)
        kept += [*await self.append(one, *"ef"), *await self.append(other, *"gh")]

        for follower in followers:
            await self.delivered(follower, kept)

    async def test_follow_what_is_forgotten(self) -> None:
        """
        When what comes next is kept no longer, *restart* is called with the end
        of the order, and *deliver* goes on after that.
        """
        bounds = {"events": 5} if self.can("events") else {"bytes": 50_000}
        one, other = await self.hubs(**bounds)
        newest = (await self.tail(one, 1)).newest
        kept = [each for _ in range(20) for each in await self.append(other, "x" * 10_000)]
        follower = RecordingFollower()
        await self.resolve(one.follow, newest, follower.deliver, follower.restart)
        kept += await self.append(other, "the last")
        await self.eventually(
            lambda: follower.knows(kept[-1]), lambda: f"is told of {brief(follower.order)}"
        )

        missed = len(kept) - len(follower.order)
        self.same("the order goes on as", follower.order, kept[missed:])
        if missed and not follower.ends:
            self.broken(f"{missed} are left out, and restart() was not called")

    async def test_follow_ends(self) -> None:
        """
        Nothing is delivered after the provider has stopped, and in its next
        life it can follow again.
        """
        one, other = await self.hubs()
        if IService(one, None) is None:
            return
        follower, witness = await self.following(one), await self.following(other)
        kept = await self.append(one, *"ab")
        await self.delivered(follower, kept)
        await self.stop(one)
        later = await self.append(other, *"cd")
        await self.delivered(witness, [*kept, *later])
        await self.start(one)
        again = await self.following(one)
        await self.delivered(again, await self.append(other, *"ef"))

        self.same("after it was stopped follow() has delivered", follower.order, kept)

    async def _append_all(self, history: Any, times: int) -> list[Record]:
        """
        Append as a hub does: a batch when the one before has been answered.
        """
        kept = []
        for time in range(times):
            kept += await self.append(history, *(f"{time}" for _ in range(1 + time % 3)))
            await self.turn()
        return kept


def _number(kept: Record) -> int:
    return kept.number
