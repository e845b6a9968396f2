"""
The rules of `IRunHistory`, for providers that provide it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable, RunLost, TopicEnded
from twisted_sse.events.ending import OUTCOMES, Outcome
from twisted_sse.events.publication import Publication, Record
from twisted_sse.events.runrecord import RunBegun, RunKey, RunRecord, beginning
from twisted_sse.interfaces import IRunHistory
from twisted_sse.testing.contract.case import MANY, needs, provides, publication
from twisted_sse.testing.contract.lifecycle import AvailabilityRules
from twisted_sse.testing.contract.samples import HOSTILE_IDS
from twisted_sse.testing.contract.shared import SharedRules

__all__ = ["RunRules", "SharedRunRules"]

# Longer than any test takes, in seconds.
_LONG = 3600.0

# More than any provider under test keeps of these.
_LATER = 8

# A hub calls about so often while a lease lasts; a little more often, so that one call may
# be late.
_CALLS = 6


def _owned(owner: str, data: str, *topics: str) -> Publication:
    return replace(publication(data, *topics), owner=owner)


def _end(topic: str, outcome: Outcome = "done", owner: str | None = None) -> Publication:
    return replace(Publication.ending(topic, outcome), owner=owner)


class RunRules(AvailabilityRules):
    """
    A run has one owner, and ends once.
    """

    @provides(IRunHistory)
    async def test_run_interface(self, history: Any) -> None:
        """
        A provider that declares `IRunHistory` implements all of its methods.
        """
        try:
            verifyObject(IRunHistory, history)
        except Invalid as error:
            self.broken(f"verifyObject() failed: {error}")

    @provides(IRunHistory)
    async def test_run_begin(self, history: Any) -> None:
        """
        A run begins with a publication, which is kept in the order like any other.
        """
        before = await self.append(history, "x")
        one = await self.begun(history, "a", "one")
        two = await self.begun(history, "b", "two", private=True)
        kept = [*before, *one.records, *two.records]
        begins = [beginning("a", False), beginning("b", True)]

        self.same("since(None) returned", await self.since(history, None), kept)
        self.same("begin_run() kept", [record.publication for record in kept[1:]], begins)
        self.same("begin_run() returned the key", one.run.key, RunKey("a", "one"))
        for begun in (one, two):
            position = begun.records[0].position
            self.same("begin_run() returned the start", begun.run.start, position)
            self.same("begin_run() returned the outcome", begun.run.outcome, None)
            await self.found(history, begun.run.key.topic, begun.run)
        self.same("begin_run() returned private", two.run.private, True)

    @provides(IRunHistory)
    async def test_run_begin_again(self, history: Any) -> None:
        """
        A run begins once: whoever asks again, gets the first, and nothing is kept.
        """
        first = await self.begun(history, "a", "one")
        again = [await self.begun(history, "a", owner) for owner in ("two", "one", "two")]

        for begun in again:
            self.same("begin_run() returned", begun, RunBegun(first.run, ()))
        self.same("since(None) returned", await self.since(history, None), [*first.records])

    @provides(IRunHistory)
    async def test_run_race(self, history: Any) -> None:
        """
        Of many that begin the same runs at once, each run has one owner, which all are told.
        """
        asked = [
            self.begin(history.begin_run, topic, f"{topic} {number}", _LONG, _LONG, False)
            for number in range(12)
            for topic in "ab"
        ]
        begun: list[RunBegun] = await self.answers(asked)
        owners = {one.run.key for one in begun}

        self.same("begin_run() named owners", sorted(key.topic for key in owners), ["a", "b"])
        self.same("since(None) returned", len(await self.since(history, None)), 2)

    @provides(IRunHistory)
    async def test_run_append(self, history: Any) -> None:
        """
        What the owner publishes is kept; what anybody publishes without an owner is, too.
        """
        begun = await self.begun(history, "a", "one")
        batch = [_owned("one", "x"), publication("y"), _owned("one", "z", "a")]
        records = await self.append(history, *batch)

        self.same("append() returned", [one.publication for one in records], batch)
        kept = [*begun.records, *records]
        self.same("since(None) returned", await self.since(history, None), kept)

    @provides(IRunHistory)
    async def test_run_other_owner(self, history: Any) -> None:
        """
        What another owner publishes raises `RunLost`, and nothing of its batch is kept; so
        does what an owner publishes to a topic that is no run.
        """
        begun = await self.begun(history, "a", "one")

        for batch in (
            [_owned("two", "x")],
            [_owned("on", "x")],
            [_owned("one", "x"), _owned("two", "y")],
            [publication("x", "b"), _owned("two", "y")],
            [replace(_end("a"), owner="two")],
        ):
            await self.loses(history, batch, {"a"})
        for batch in ([_owned("one", "x", "b")], [_owned("one", "x", "a", "b")]):
            await self.loses(history, batch, {"b"})
        kept = await self.since(history, None)
        self.same("since(None) returned", kept, [*begun.records])

    @provides(IRunHistory)
    async def test_run_end(self, history: Any) -> None:
        """
        A run ends with its topic, with the same outcome, whoever ends it; then its owner
        publishes no more, and it does not begin again.
        """
        for outcome in OUTCOMES:
            for owner in ("one", None):
                topic = f"{outcome} {owner}"
                begun = await self.begun(history, topic, "one")
                await self.append(history, _end(topic, outcome, owner))
                ended = begun.run._replace(outcome=outcome)

                await self.found(history, topic, ended)
                await self.loses(history, [_owned("one", "x", topic)], {topic})
                again = await self.begun(history, topic, "two")
                self.same("begin_run() returned", again, RunBegun(ended, ()))

    @provides(IRunHistory)
    async def test_run_begin_ended(self, history: Any) -> None:
        """
        A topic that has ended without being a run cannot begin.
        """
        records = await self.append(history, _end("a"))

        arguments = ("a", "one", _LONG, _LONG, False)
        await self.refused(TopicEnded, history.begin_run, *arguments)
        self.same("since(None) returned", await self.since(history, None), records)
        await self.found(history, "a", None)

    @provides(IRunHistory)
    async def test_run_find(self, history: Any) -> None:
        """
        `find_run` returns None for what is no run, whatever its name.
        """
        await self.append(history, "x")
        await self.begun(history, "b", "one")

        for name in ["a", *HOSTILE_IDS]:
            await self.found(history, name, None)

    @provides(IRunHistory)
    async def test_run_list(self, history: Any) -> None:
        """
        `list_runs` returns the runs that are known, the newest first, page by page.
        """
        self.same("list_runs() returned", await self.listed(history), [])
        begun = [(await self.begun(history, topic, "one")).run for topic in "dcba"]
        await self.append(history, _end("b", "failed", "one"))
        begun[2] = begun[2]._replace(outcome="failed")
        newest = begun[::-1]

        self.same("list_runs() returned", await self.listed(history), newest)
        self.same("with limit=2", await self.listed(history, limit=2), newest[:2])
        after = await self.listed(history, newest[1].start.number, 1)
        self.same("with before= and limit=1", after, newest[2:3])
        last = await self.listed(history, newest[-1].start.number)
        self.same("before the first", last, [])

    @provides(IRunHistory)
    async def test_run_renew(self, history: Any) -> None:
        """
        `renew_runs` returns the keys of the runs that are lost: unknown, of another owner,
        or ended.
        """
        for topic in "abc":
            await self.begun(history, topic, "one")
        await self.append(history, _end("c", "cancelled"))
        keys = [RunKey("a", "one"), RunKey("b", "two"), RunKey("c", "one"), RunKey("d", "one")]
        lost = await self.expect(history.renew_runs, keys, _LONG)

        self.same("renew_runs() returned", list(lost), keys[1:])
        nothing = await self.expect(history.renew_runs, [], _LONG)
        self.same("renew_runs([]) returned", list(nothing), [])

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
        await self.loses(history, [_owned("dead", "x")], {"a"})
        lost = await self.expect(history.renew_runs, [dead.run.key], lease)
        self.same("renew_runs() returned", list(lost), [dead.run.key])
        await self.found(history, "b", live.run)
        await self.append(history, _owned("live", "y", "b"))
        again = await self.expect(history.interrupt_runs, lease, MANY)
        self.same("interrupt_runs() returned again", list(again), [])

    @provides(IRunHistory)
    async def test_run_limit(self, history: Any) -> None:
        """
        `interrupt_runs` ends at most *limit* runs, those whose leases ran out first.
        """
        lease = self.lifetime
        for topic, factor in (("c", 0.9), ("a", 0.5), ("b", 0.7), ("d", _LONG)):
            await self.begun(history, topic, "dead", lease=lease * factor)
        for _ in range(_CALLS):
            await self.expect(history.renew_runs, [], lease)
            await self.resolve(self.pass_time, lease / _CALLS)
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
        await self.append(history, _owned("one", "x"))

    @provides(IRunHistory)
    async def test_run_keep(self, history: Any) -> None:
        """
        When *keep* seconds have passed since its end, and not before, a run is forgotten
        with the end of its topic, and the topic can begin anew, for a new owner.
        """
        keep = self.lifetime
        first = await self.begun(history, "a", "one", keep=keep)
        other = await self.begun(history, "b", "one", keep=_LONG)
        going_on = await self.begun(history, "c", "one", keep=keep / 100)
        ends = await self.append(history, _end("a", "done", "one"), _end("b", "done", "one"))
        await self.found(history, "a", first.run._replace(outcome="done"))
        await self.resolve(self.pass_time, keep * 1.1)

        await self.found(history, "a", None)
        await self.found(history, "b", other.run._replace(outcome="done"))
        await self.found(history, "c", going_on.run)
        listed = [other.run._replace(outcome="done"), going_on.run]
        self.same("list_runs() returned", await self.listed(history), listed[::-1])
        found = await self.expect(history.ends, ["a", "b"])
        self.same("ends() returned", list(found), ends[1:])
        await self.loses(history, [_owned("one", "x")], {"a"})
        again = await self.begun(history, "a", "two")
        self.same("begin_run() returned the key", again.run.key, RunKey("a", "two"))
        await self.loses(history, [_owned("one", "x")], {"a"})
        await self.append(history, _owned("two", "x"))
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
        (end,) = await self.append(history, _end("a", "done", "one"))
        for number in range(_LATER):
            await self.append(history, publication(str(number), "b"))
            kept = end in await self.since(history, None)
            await self.found(history, "a", begun.run._replace(outcome="done") if kept else None)
        again = await self.begun(history, "a", "two")

        self.same("begin_run() returned the key", again.run.key, RunKey("a", "two"))
        await self.found(history, "c", going_on.run)
        await self.append(history, _owned("one", "x", "c"))

    @needs("durable")
    @provides(IRunHistory)
    async def test_run_reopened(self, history: Any) -> None:
        """
        After a durable store is opened again, it knows its runs, and their owners.
        """
        one = await self.begun(history, "a", "one", private=True)
        two = await self.begun(history, "b", "two")
        await self.append(history, _end("b", "failed", "two"))
        history = await self.reopened(history)

        await self.found(history, "a", one.run)
        await self.found(history, "b", two.run._replace(outcome="failed"))
        await self.append(history, _owned("one", "x"))
        await self.loses(history, [_owned("two", "x")], {"a"})
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
            (history.begin_run, ("b", "two", _LONG, _LONG, False)),
            (history.renew_runs, ([begun.run.key], _LONG)),
            (history.interrupt_runs, (_LONG, 1)),
            (history.find_run, ("a",)),
            (history.list_runs, (None, 1)),
        ):
            await self.refused(HistoryUnavailable, method, *arguments)
        await self.returned(history)

    async def begun(
        self,
        history: Any,
        topic: str,
        owner: str,
        *,
        lease: float = _LONG,
        keep: float = _LONG,
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
        for _ in range(_CALLS * 8):
            await self.expect(history.renew_runs, keys, lease)
            records = list(await self.expect(history.interrupt_runs, lease, limit))
            if records:
                return records
            await self.resolve(self.pass_time, lease / _CALLS)
        self.broken("interrupt_runs() has ended nothing")


class SharedRunRules(RunRules, SharedRules):
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
        records = await self.append(history, _owned("one", "x"))
        await self.loses(other, [_owned("two", "x")], {"a"})
        ended = await self.append(other, _end("a", "cancelled"))

        self.same("begin_run() returned", again, RunBegun(begun.run, ()))
        await self.loses(history, [_owned("one", "y")], {"a"})
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
        await self.loses(history, [_owned("dead", "x")], {"a"})
