"""
What the tests of a shared history have in common: two hubs, and their followers.
"""

from __future__ import annotations

from typing import Any

from twisted_sse.events.publication import Record
from twisted_sse.testing.contract.follower import RecordingFollower
from twisted_sse.testing.contract.lifecycle import AvailabilityRules
from twisted_sse.testing.contract.wording import describe

__all__ = ["SharedRules"]


class SharedRules(AvailabilityRules):
    """
    Several hubs share one history.
    """

    async def hubs(self, **bounds: float) -> tuple[Any, Any]:
        """
        Make and start the providers of two hubs that share an empty store.
        """
        history = await self.started(**bounds)
        return history, await self.start(await self.resolve(self.second_hub, history))

    async def following(self, history: Any) -> RecordingFollower:
        """
        Record what *history* delivers from now on.
        """
        follower = RecordingFollower()
        newest = (await self.tail(history, 1)).newest
        await self.resolve(history.follow, newest, follower.deliver, follower.restart)
        return follower

    async def delivered(self, follower: RecordingFollower, expected: list[Record]) -> None:
        """
        Check that *follower* receives exactly *expected*, without a restart.
        """
        await self.eventually(
            lambda: follower.knows(expected[-1]),
            lambda: (
                f"follow() delivered batches of {[len(batch) for batch in follower.batches]}"
                f" records; expected {len(expected)} in all, up to {describe(expected[-1])}"
            ),
        )
        self.same("follow() called restart with", follower.restarts, [])
        self.same("follow() delivered", follower.order, expected)
