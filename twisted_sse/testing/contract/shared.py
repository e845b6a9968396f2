"""
What the tests of a shared history have in common: two hubs, and who follows.
"""

from __future__ import annotations

from typing import Any

from twisted_sse.events.publication import Record
from twisted_sse.testing.contract.follower import RecordingFollower
from twisted_sse.testing.contract.lifecycle import AvailabilityRules

__all__ = ["SharedRules"]


class SharedRules(AvailabilityRules):
    """
    Several hubs keep a history together, and so are one hub.
    """

    async def hubs(self, **bounds: float) -> tuple[Any, Any]:
        """
        The providers of two hubs that share an empty store.
        """
        history = await self.started(**bounds)
        return history, await self.start(await self.resolve(self.second_hub, history))

    async def following(self, history: Any) -> RecordingFollower:
        """
        What *history* delivers from now on.
        """
        follower = RecordingFollower()
        newest = (await self.tail(history, 1)).newest
        await self.resolve(history.follow, newest, follower.deliver, follower.restart)
        return follower

    async def delivered(self, follower: RecordingFollower, expected: list[Record]) -> None:
        """
        Have *follower* get exactly *expected*, without a restart.
        """
        await self.eventually(
            lambda: follower.knows(expected[-1]),
            lambda: (
                f"has been delivered {[len(batch) for batch in follower.batches]}"
                f" of {len(expected)}"
            ),
        )
        self.same("follow() has restarted", follower.ends, [])
        self.same("follow() has delivered", follower.order, expected)
