"""
The rules of `IEndingHistory`, for providers that provide it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zope.interface import Invalid
from zope.interface.verify import verifyObject

from twisted_sse.errors import HistoryUnavailable, TopicEnded
from twisted_sse.events.ending import OUTCOMES, Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.interfaces import IEndingHistory
from twisted_sse.testing.contract.case import MANY, needs, provides, publication
from twisted_sse.testing.contract.lifecycle import AvailabilityRules
from twisted_sse.testing.contract.samples import HOSTILE_IDS
from twisted_sse.testing.contract.shared import SharedRules

__all__ = ["EndRules", "SharedEndRules"]

# More than any provider under test keeps of these.
_LATER = 8


def _end(*topics: str, outcome: Outcome = "done", private: bool = False) -> Publication:
    return Publication.ending(topics, outcome, private=private)


class EndRules(AvailabilityRules):
    """
    After the end of a topic, nothing is kept in it.
    """

    @provides(IEndingHistory)
    async def test_end_interface(self, history: Any) -> None:
        """
        A provider that declares `IEndingHistory` implements all of its methods.
        """
        try:
            verifyObject(IEndingHistory, history)
        except Invalid as error:
            self.broken(f"verifyObject() failed: {error}")

    @provides(IEndingHistory)
    async def test_end_kept(self, history: Any) -> None:
        """
        An end is kept like any other publication, with its outcome.
        """
        ends = [_end(outcome, outcome=outcome) for outcome in OUTCOMES]
        final = replace(publication("last", "a", id="mine"), outcome="failed")
        silent = Publication(("b",), ServerSentEvent(comment="c"), True, "cancelled")
        records = await self.append(history, "x", *ends, final, silent)
        kept = [record.publication for record in records]

        self.same("append() returned", kept, [publication("x"), *ends, final, silent])
        self.same("since(None) returned", await self.since(history, None), records)
        self.same("tail() returned", (await self.tail(history, MANY)).kept, records)
        await self.ended(history, ["a", "b", *OUTCOMES], records[1:])

    @provides(IEndingHistory)
    async def test_end_refuses(self, history: Any) -> None:
        """
        After the end of a topic, `append` raises `TopicEnded` with that topic, and keeps
        nothing of the batch.
        """
        records = await self.append(history, "x", _end("a"))

        for batch in (
            [publication("y")],
            [publication("y", "b"), publication("z")],
            [publication("y"), publication("z", "b")],
            [publication("y", "b", "a")],
            [publication("y", id="mine")],
        ):
            await self.refuses(history, batch, {"a"})
        self.same("since(None) returned", await self.since(history, None), records)

    @provides(IEndingHistory)
    async def test_end_again(self, history: Any) -> None:
        """
        A topic that has ended cannot end again: the first outcome stays.
        """
        (record,) = await self.append(history, _end("a", outcome="cancelled"))

        await self.refuses(history, [_end("a")], {"a"})
        await self.refuses(history, [_end("b", "a")], {"a"})
        await self.ended(history, ["a", "b"], [record])

    @provides(IEndingHistory)
    async def test_end_names_topics(self, history: Any) -> None:
        """
        `TopicEnded` names topics that have ended, and no others.
        """
        await self.append(history, _end("a"), _end("b", "c"))
        batch = [publication("x", "d"), publication("y", "c", "e"), publication("z", "a")]

        await self.refuses(history, batch, {"a", "c"})

    @provides(IEndingHistory)
    async def test_end_other_topics(self, history: Any) -> None:
        """
        The end of a topic does not affect others, however similar.
        """
        await self.append(history, _end("a"))
        others = ["A", "a ", " a", "a/", "á", "aa", "b"]
        records = await self.append(history, *(publication("x", one) for one in others))

        self.same("append() kept", len(records), len(others))
        await self.ended(history, others, [])

    @provides(IEndingHistory)
    async def test_end_alternates(self, history: Any) -> None:
        """
        An end with several topics ends each of them, and is one publication.
        """
        (record,) = await self.append(history, _end("a", "b", "c"))

        for topic in "abc":
            await self.refuses(history, [publication("x", topic)], {topic})
            await self.ended(history, [topic], [record])
        await self.ended(history, ["c", "a", "b"], [record])

    @provides(IEndingHistory)
    async def test_end_in_batch(self, history: Any) -> None:
        """
        What precedes the end in the same batch is kept.
        """
        records = await self.append(history, "x", "y", _end("a"), publication("z", "b"))

        self.same("since(None) returned", await self.since(history, None), records)
        await self.refuses(history, [publication("late")], {"a"})

    @provides(IEndingHistory)
    async def test_ends(self, history: Any) -> None:
        """
        `ends` returns the ends of the topics that it is asked for, oldest first, and
        nothing for topics that have not ended, whatever their names.
        """
        records = await self.append(history, _end("b"), "x", _end("a", "c"), _end("d"))
        open_topics = [one for one in HOSTILE_IDS if one]

        await self.ended(history, ["d", "a", "b", "c"], [records[0], records[2], records[3]])
        await self.ended(history, ["d", "x", "b"], [records[0], records[3]])
        await self.ended(history, open_topics, [])
        await self.ended(history, [*open_topics, "a"], [records[2]])

    @needs("events")
    @provides(IEndingHistory, events=5)
    async def test_end_forgotten(self, history: Any) -> None:
        """
        As long as its end is kept, a topic has ended; when the end is forgotten, the
        topic is as if it were new.
        """
        (end,) = await self.append(history, _end("a"))
        for number in range(_LATER):
            await self.append(history, publication(str(number), "b"))
            kept = end in await self.since(history, None)
            await self.ended(history, ["a"], [end] if kept else [])
            if kept:
                await self.refuses(history, [publication("x")], {"a"})
        await self.append(history, "new")
        (again,) = await self.append(history, _end("a", outcome="failed"))

        await self.ended(history, ["a"], [again])
        await self.refuses(history, [publication("x")], {"a"})

    @needs("age")
    async def test_end_expired(self) -> None:
        """
        An end as old as ``age`` is forgotten, even if nothing is appended.
        """
        history: Any = await self.started(age=self.lifetime)
        if IEndingHistory(history, None) is None:
            return
        await self.append(history, _end("a"))
        await self.resolve(self.pass_time, self.lifetime * 1.5)

        await self.ended(history, ["a"], [])
        records = await self.append(history, "new")
        self.same("since(None) returned", await self.since(history, None), records)

    @needs("durable")
    @provides(IEndingHistory)
    async def test_end_reopened(self, history: Any) -> None:
        """
        After a durable store is opened again, its topics have still ended.
        """
        records = await self.append(history, "x", _end("a", outcome="failed"))
        history = await self.reopened(history)

        await self.ended(history, ["a"], records[1:])
        await self.refuses(history, [publication("y")], {"a"})
        self.same("since(None) returned", await self.since(history, None), records)

    @needs("interruptible")
    @provides(IEndingHistory)
    async def test_ends_unavailable(self, history: Any) -> None:
        """
        While the store is unavailable, `ends` raises `HistoryUnavailable`: an empty result
        would say that the topics are open.
        """
        await self.append(history, _end("a"))
        await self.resolve(self.interrupt, history)

        await self.refused(HistoryUnavailable, history.ends, ["a"])
        await self.returned(history)

    async def ended(self, history: Any, topics: Sequence[str], expected: list[Record]) -> None:
        """
        Check that the ends of *topics* are *expected*.
        """
        found = list(await self.expect(history.ends, topics))
        self.same(f"ends({str(topics)[:60]}) returned", found, expected)

    async def refuses(self, history: Any, batch: Sequence[Publication], topics: set[str]) -> None:
        """
        Check that `append` refuses *batch*, because *topics* have ended.
        """
        try:
            await self.resolve(history.append, batch)
        except TopicEnded as error:
            named = set(error.topics)
            if not named or not named <= topics:
                self.broken(f"append() raised TopicEnded with {error.topics}, not {topics}")
            return
        except HistoryUnavailable as other:
            self.broken(f"append() raised {other!r} instead of TopicEnded")
        self.broken("append() raised nothing instead of TopicEnded")


class SharedEndRules(EndRules, SharedRules):
    """
    A topic ends at all hubs.
    """

    @provides(IEndingHistory)
    async def test_end_at_every_hub(self, history: Any) -> None:
        """
        Every hub is delivered the end with its outcome, and refuses what follows, whichever
        hub ended the topic.
        """
        other = await self.start(await self.resolve(self.second_hub, history))
        follower = await self.following(other)
        records = await self.append(history, "x", _end("a", "b", outcome="cancelled"))

        await self.delivered(follower, records)
        for each in (history, other):
            await self.ended(each, ["b"], records[1:])
            await self.refuses(each, [publication("y")], {"a"})
