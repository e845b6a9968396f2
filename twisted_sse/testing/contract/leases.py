"""
The rules of `IRunHistory` about time: leases, and how long runs are kept; and over hubs.
"""

from __future__ import annotations

from typing import Any

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Publication
from twisted_sse.events.runrecord import RunBegun, RunKey
from twisted_sse.interfaces import IRunHistory
from twisted_sse.testing.contract.case import MANY, needs, provides, publication
from twisted_sse.testing.contract.runcase import CALLS, LONG, RunCase, end, owned
from twisted_sse.testing.contract.shared import SharedRules

__all__ = ["LeaseRules", "SharedRunRules"]

# More than any provider under test keeps of these.
_LATER = 8


class LeaseRules(RunCase):
    """
    A run ends when its owner is dead, and is forgotten some time after its end.
    """

    @provides(IRunHistory)
    async def test_run_lease(self, history: Any) -> None:
        """
        A run whose owner does not renew its lease is interrupted, in the order; its owner
        is refused from then on.  Runs that are renewed go on.
        """
        lease = self.lifetime
        dead = await self.begun(history, "a", "dead", lease=lease, private=True)
        live = await self.begun(history, "b", "live", lease=lease)
        records = await self.interrupted(history, lease, [live.run.key])
        expected = Publication.ending("a", "interrupted", private=True)

        ends = [record.publication for record in records]
        self.same("interrupt_runs() kept", ends, [expected])
        kept = [*dead.records, *live.records, *records]
        self.same("since(None) returned", await self.since(history, None), kept)
        await self.found(history, "a", dead.run._replace(outcome="interrupted"))
        await self.loses(history, [owned("dead", "x")], {"a"})
        lost = await self.expect(history.renew_runs, [dead.run.key], lease)
        self.same("renew_runs() returned", list(lost), [dead.run.key])
        await self.found(history, "b", live.run)
        await self.append(history, owned("live", "y", "b"))
        again = await self.expect(history.interrupt_runs, lease, MANY)
        self.same("interrupt_runs() returned again", list(again), [])

    @provides(IRunHistory)
    async def test_run_limit(self, history: Any) -> None:
        """
        `interrupt_runs` ends at most *limit* runs, those whose leases ran out first.
        """
        lease = self.lifetime
        for topic, factor in (("c", 0.9), ("a", 0.5), ("b", 0.7), ("d", LONG)):
            await self.begun(history, topic, "dead", lease=lease * factor)
        for _ in range(CALLS):
            await self.expect(history.renew_runs, [], lease)
            await self.resolve(self.pass_time, lease / CALLS)
        found = [await self.interrupted(history, lease, [], 1) for _ in range(3)]

        topics = [[record.publication.topics[0] for record in records] for records in found]
        self.same("interrupt_runs() ended", topics, [["a"], ["b"], ["c"]])

    @provides(IRunHistory)
    async def test_run_outage(self, history: Any) -> None:
        """
        If no hub has called for more than half of the lease, the store was away: nothing is
        interrupted, and the leases last once more.
        """
        lease = self.lifetime
        begun = await self.begun(history, "a", "one", lease=lease)
        await self.expect(history.renew_runs, [], lease)
        await self.resolve(self.pass_time, lease * 1.5)
        first = await self.expect(history.interrupt_runs, lease, MANY)
        second = await self.expect(history.interrupt_runs, lease, MANY)

        self.same("interrupt_runs() returned", [*first, *second], [])
        lost = await self.expect(history.renew_runs, [begun.run.key], lease)
        self.same("renew_runs() returned", list(lost), [])
        await self.append(history, owned("one", "x"))

    @provides(IRunHistory)
    async def test_run_keep(self, history: Any) -> None:
        """
        When *keep* seconds have passed since its end, and not before, a run is forgotten
        with the end of its topic, and the topic can begin anew, for a new owner.
        """
        keep = self.lifetime
        first = await self.begun(history, "a", "one", keep=keep)
        other = await self.begun(history, "b", "one", keep=LONG)
        going_on = await self.begun(history, "c", "one", keep=keep / 100)
        ends = await self.append(history, end("a", "done", "one"), end("b", "done", "one"))
        await self.found(history, "a", first.run._replace(outcome="done"))
        await self.resolve(self.pass_time, keep * 1.1)

        await self.found(history, "a", None)
        await self.found(history, "b", other.run._replace(outcome="done"))
        await self.found(history, "c", going_on.run)
        listed = [other.run._replace(outcome="done"), going_on.run]
        self.same("list_runs() returned", await self.listed(history), listed[::-1])
        found = await self.expect(history.ends, ["a", "b"])
        self.same("ends() returned", list(found), ends[1:])
        await self.loses(history, [owned("one", "x")], {"a"})
        again = await self.begun(history, "a", "two")
        self.same("begin_run() returned the key", again.run.key, RunKey("a", "two"))
        await self.loses(history, [owned("one", "x")], {"a"})
        await self.append(history, owned("two", "x"))
        await self.found(history, "a", again.run)

    @needs("events")
    @provides(IRunHistory, events=5)
    async def test_run_forgotten(self, history: Any) -> None:
        """
        When the end of a run is forgotten, so is the run; while a run goes on, it is known
        although everything that it published is forgotten.
        """
        begun = await self.begun(history, "a", "one")
        going_on = await self.begun(history, "c", "one")
        (last,) = await self.append(history, end("a", "done", "one"))
        for number in range(_LATER):
            await self.append(history, publication(str(number), "b"))
            kept = last in await self.since(history, None)
            await self.found(history, "a", begun.run._replace(outcome="done") if kept else None)
        again = await self.begun(history, "a", "two")

        self.same("begin_run() returned the key", again.run.key, RunKey("a", "two"))
        await self.found(history, "c", going_on.run)
        await self.append(history, owned("one", "x", "c"))

    @needs("durable")
    @provides(IRunHistory)
    async def test_run_reopened(self, history: Any) -> None:
        """
        After a durable store is opened again, it knows its runs, and their owners.
        """
        one = await self.begun(history, "a", "one", private=True)
        two = await self.begun(history, "b", "two")
        await self.append(history, end("b", "failed", "two"))
        history = await self.reopened(history)

        await self.found(history, "a", one.run)
        await self.found(history, "b", two.run._replace(outcome="failed"))
        await self.append(history, owned("one", "x"))
        await self.loses(history, [owned("two", "x")], {"a"})
        again = await self.begun(history, "a", "two")
        self.same("begin_run() returned", again, RunBegun(one.run, ()))

    @needs("interruptible")
    @provides(IRunHistory)
    async def test_run_unavailable(self, history: Any) -> None:
        """
        While the store is unavailable, all methods raise `HistoryUnavailable`.
        """
        begun = await self.begun(history, "a", "one")
        await self.resolve(self.interrupt, history)

        for method, arguments in (
            (history.begin_run, ("b", "two", LONG, LONG, False)),
            (history.renew_runs, ([begun.run.key], LONG)),
            (history.interrupt_runs, (LONG, 1)),
            (history.find_run, ("a",)),
            (history.list_runs, (None, 1)),
        ):
            await self.refused(HistoryUnavailable, method, *arguments)
        await self.returned(history)


class SharedRunRules(RunCase, SharedRules):
    """
    A run has one owner over all hubs.
    """

    @provides(IRunHistory)
    async def test_run_at_every_hub(self, history: Any) -> None:
        """
        Every hub knows a run and its owner, whichever hub has begun or ended it; what has
        begun and ended is delivered to all.
        """
        other = await self.start(await self.resolve(self.second_hub, history))
        follower = await self.following(other)
        begun = await self.begun(history, "a", "one")
        again = await self.begun(other, "a", "two")
        records = await self.append(history, owned("one", "x"))
        await self.loses(other, [owned("two", "x")], {"a"})
        ended = await self.append(other, end("a", "cancelled"))

        self.same("begin_run() returned", again, RunBegun(begun.run, ()))
        await self.loses(history, [owned("one", "y")], {"a"})
        await self.delivered(follower, [*begun.records, *records, *ended])
        for each in (history, other):
            await self.found(each, "a", begun.run._replace(outcome="cancelled"))

    @provides(IRunHistory)
    async def test_run_interrupted_elsewhere(self, history: Any) -> None:
        """
        Another hub interrupts the runs of one that is gone, and delivers their ends.
        """
        other = await self.start(await self.resolve(self.second_hub, history))
        follower = await self.following(history)
        begun = await self.begun(history, "a", "dead", lease=self.lifetime)
        records = await self.interrupted(other, self.lifetime, [])

        await self.delivered(follower, [*begun.records, *records])
        await self.loses(history, [owned("dead", "x")], {"a"})
