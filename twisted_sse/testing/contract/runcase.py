"""
What the rules of `IRunHistory` share: how they call a provider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted_sse.errors import HistoryUnavailable, RunLost, TopicEnded
from twisted_sse.events.ending import Outcome
from twisted_sse.events.publication import Publication, Record
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord
from twisted_sse.testing.contract.case import MANY, publication
from twisted_sse.testing.contract.lifecycle import AvailabilityRules

__all__ = ["CALLS", "LONG", "RunCase", "end", "owned"]

#: Longer than any test takes, in seconds.
LONG = 3600.0

#: A hub calls about so often while a lease lasts; a little more often, so that one call may
#: be late.
CALLS = 6


def owned(owner: str, data: str, *topics: str) -> Publication:
    """
    Make a publication of an owner.
    """
    return replace(publication(data, *topics), owner=owner)


def end(topic: str, outcome: Outcome = "done", owner: str | None = None) -> Publication:
    """
    Make the end of a topic, perhaps by the owner of its run.
    """
    return replace(Publication.ending(topic, outcome), owner=owner)


class RunCase(AvailabilityRules):
    """
    Calls the methods of a history that keeps runs.
    """

    async def begun(
        self,
        history: Any,
        topic: str,
        owner: str,
        *,
        lease: float = LONG,
        keep: float = LONG,
        private: bool = False,
    ) -> RunBegun:
        """
        Call `begin_run`, which must not fail.
        """
        begun: RunBegun = await self.expect(history.begin_run, topic, owner, lease, keep, private)
        return RunBegun(begun.run, tuple(begun.records))

    async def found(self, history: Any, topic: str, expected: RunRecord | None) -> None:
        """
        Check what `find_run` returns.
        """
        run = await self.expect(history.find_run, topic)
        self.same(f"find_run({topic[:20]!r}) returned", run, expected)

    async def listed(
        self, history: Any, before: int | None = None, limit: int = MANY
    ) -> list[RunRecord]:
        """
        Call `list_runs`.
        """
        return list(await self.expect(history.list_runs, before, limit))

    async def loses(self, history: Any, batch: Sequence[Publication], topics: set[str]) -> None:
        """
        Check that `append` refuses *batch*, because the runs of *topics* are lost.
        """
        try:
            await self.resolve(history.append, batch)
        except (RunLost, TopicEnded) as error:
            named = set(error.topics)
            if not named or not named <= topics:
                self.broken(f"append() raised {error!r} with {error.topics}, not {topics}")
            return
        except HistoryUnavailable as other:
            self.broken(f"append() raised {other!r} instead of RunLost")
        self.broken("append() raised nothing instead of RunLost")

    async def interrupted(
        self, history: Any, lease: float, keys: Sequence[RunKey], limit: int = MANY
    ) -> list[Record]:
        """
        Call as a hub does that owns *keys*, until something is interrupted.
        """
        for _ in range(CALLS * 8):
            await self.expect(history.renew_runs, keys, lease)
            records = list(await self.expect(history.interrupt_runs, lease, limit))
            if records:
                return records
            await self.resolve(self.pass_time, lease / CALLS)
        self.broken("interrupt_runs() has ended nothing")
