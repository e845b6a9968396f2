"""
The rules of `IRunHistory`, for providers that provide it: one owner, one end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import TopicEnded
from twisted_sse.events.ending import OUTCOMES
from twisted_sse.events.runrecord import RunBegun, RunKey, beginning
from twisted_sse.interfaces import IRunHistory
from twisted_sse.testing.contract.case import provides, publication
from twisted_sse.testing.contract.runcase import LONG, RunCase, end, owned
from twisted_sse.testing.contract.samples import HOSTILE_IDS

__all__ = ["RunRules"]


class RunRules(RunCase):
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
            self.begin(history.begin_run, topic, f"{topic} {number}", LONG, LONG, False)
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
        batch = [owned("one", "x"), publication("y"), owned("one", "z", "a")]
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
            [owned("two", "x")],
            [owned("on", "x")],
            [owned("one", "x"), owned("two", "y")],
            [publication("x", "b"), owned("two", "y")],
            [replace(end("a"), owner="two")],
        ):
            await self.loses(history, batch, {"a"})
        for batch in ([owned("one", "x", "b")], [owned("one", "x", "a", "b")]):
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
                await self.append(history, end(topic, outcome, owner))
                ended = begun.run._replace(outcome=outcome)

                await self.found(history, topic, ended)
                await self.loses(history, [owned("one", "x", topic)], {topic})
                again = await self.begun(history, topic, "two")
                self.same("begin_run() returned", again, RunBegun(ended, ()))

    @provides(IRunHistory)
    async def test_run_begin_ended(self, history: Any) -> None:
        """
        A topic that has ended without being a run cannot begin.
        """
        records = await self.append(history, end("a"))

        arguments = ("a", "one", LONG, LONG, False)
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
        await self.append(history, end("b", "failed", "one"))
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
        await self.append(history, end("c", "cancelled"))
        keys = [RunKey("a", "one"), RunKey("b", "two"), RunKey("c", "one"), RunKey("d", "one")]
        lost = await self.expect(history.renew_runs, keys, LONG)

        self.same("renew_runs() returned", list(lost), keys[1:])
        nothing = await self.expect(history.renew_runs, [], LONG)
        self.same("renew_runs([]) returned", list(nothing), [])
