"""
Mistakes of runs: who owns them, how long, and how they end.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from zope.interface import implementer

from tests.support.shared import SharedMemoryHistory
from tests.testing.wrong import Wrong, breaks
from twisted_sse.errors import HistoryUnavailable, RunLost, TopicEnded
from twisted_sse.events.publication import Publication
from twisted_sse.events.runrecord import RunBegun, RunKey
from twisted_sse.interfaces import IRunHistory
from twisted_sse.topics import check_topics

__all__: list[str] = []


@breaks("test_run_interface")
@implementer(IRunHistory)
class _NoRuns(SharedMemoryHistory):
    """
    Declares `IRunHistory` and has none of its methods.
    """


class _Begins(Wrong):
    """
    Answers `begin_run` with something else.
    """

    def begin_run(self, topic: str, owner: str, *rest: Any) -> Any:
        return self.answers(super().begin_run(topic, owner, *rest), topic, owner)

    def answers(self, begun: RunBegun, topic: str, owner: str) -> Any:
        """
        Return an answer instead of *begun*.
        """
        raise NotImplementedError


@breaks("test_run_begin_again", "test_run_race", "test_run_reopened", "test_run_at_every_hub")
class _EveryoneBegins(_Begins):
    """
    Tells everybody that the run was begun for them.
    """

    def answers(self, begun: RunBegun, topic: str, owner: str) -> Any:
        return begun._replace(run=begun.run._replace(key=RunKey(topic, owner)))


@breaks("test_run_begin")
class _NoRecords(_Begins):
    """
    Does not return the record with which a run begins.
    """

    def answers(self, begun: RunBegun, topic: str, owner: str) -> Any:
        return begun._replace(records=())


@breaks("test_run_begin_again", "test_run_reopened")
class _TellsAgain(_Begins):
    """
    Returns the record with which a run begins to everybody.
    """

    def answers(self, begun: RunBegun, topic: str, owner: str) -> Any:
        number = begun.run.start.number
        return begun._replace(records=[one for one in self.all() if one.number == number])


@breaks("test_run_begin")
class _PublicRuns(Wrong):
    """
    Begins every run in public.
    """

    def begin_run(self, topic: str, owner: str, lease: float, keep: float, private: bool) -> Any:
        return super().begin_run(topic, owner, lease, keep, False)


@breaks("test_run_begin_again", "test_run_race", "test_run_at_every_hub", "test_run_reopened")
class _BeginsAnew(Wrong):
    """
    Begins a run again that goes on.
    """

    def begin_run(self, topic: str, owner: str, *rest: Any) -> Any:
        self.store.available  # noqa: B018
        runs = self.store.memory._runs
        if topic in runs._going_on:
            del runs._going_on[topic], runs._runs[topic]
        return super().begin_run(topic, owner, *rest)


@breaks("test_run_end")
class _BeginsEnded(Wrong):
    """
    Begins a run again that has ended.
    """

    def begin_run(self, topic: str, owner: str, *rest: Any) -> Any:
        memory = self.store.available
        run = memory._runs.find(topic)
        if run is not None and run.outcome is not None:
            del memory._runs._runs[topic], memory._ends[topic]
        return super().begin_run(topic, owner, *rest)


@breaks("test_run_begin_ended")
class _BeginsEndedTopic(Wrong):
    """
    Begins a run in a topic that has ended.
    """

    def begin_run(self, topic: str, *rest: Any) -> Any:
        memory = self.store.available
        if memory._runs.find(topic) is None:
            memory._ends.pop(topic, None)
        return super().begin_run(topic, *rest)


class _Owners(Wrong):
    """
    Checks owners in another way.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        return super().append([self.checked(one) for one in publications])

    def checked(self, one: Publication) -> Publication:
        """
        Return what is kept instead of *one*.
        """
        raise NotImplementedError


@breaks("test_run_other_owner", "test_run_keep", "test_run_reopened", "test_run_at_every_hub")
class _NoFence(_Owners):
    """
    Keeps what anybody publishes.
    """

    def checked(self, one: Publication) -> Publication:
        return replace(one, owner=None)


@breaks("test_run_other_owner", "test_run_keep", "test_run_reopened")
class _AnyOwner(_Owners):
    """
    Takes everybody for the owner of a run that goes on.
    """

    def checked(self, one: Publication) -> Publication:
        run = self.store.memory._runs.find(one.topics[0])
        return one if run is None or one.owner is None else replace(one, owner=run.key.owner)


@breaks("test_run_other_owner")
class _Prefix(_Owners):
    """
    Compares only the beginning of an owner.
    """

    def checked(self, one: Publication) -> Publication:
        run = self.store.memory._runs.find(one.topics[0])
        owner = "" if run is None else run.key.owner
        return replace(one, owner=owner) if one.owner and owner.startswith(one.owner) else one


@breaks("test_run_other_owner")
class _FirstTopic(_Owners):
    """
    Looks only at the first topic.
    """

    def checked(self, one: Publication) -> Publication:
        key = RunKey(one.topics[0], one.owner or "")
        return replace(one, owner=None) if self.store.memory._runs._owns(key) else one


@breaks("test_run_append", "test_run_outage", "test_run_reopened", "test_run_lease")
class _OnlyStrangers(Wrong):
    """
    Refuses every owner.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        owned = [topic for one in publications if one.owner for topic in one.topics]
        if owned:
            raise RunLost(owned)
        return super().append(publications)


@breaks("test_run_append")
class _OwnersOnly(Wrong):
    """
    Refuses what strangers publish to a run.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        runs = self.store.memory._runs
        for one in publications:
            if one.owner is None and one.outcome is None and one.topics[0] in runs._going_on:
                raise RunLost(one.topics)
        return super().append(publications)


@breaks("test_run_other_owner")
class _HalfBatch(Wrong):
    """
    Keeps what precedes the refused publication in its batch.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        try:
            return super().append(publications)
        except RunLost:
            super().append(publications[:1]) if publications[0].owner in (None, "one") else None
            raise


@breaks("test_run_other_owner")
class _NamesNobody(Wrong):
    """
    Names no topics.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        try:
            return super().append(publications)
        except RunLost:
            raise RunLost([]) from None


@breaks("test_run_end", "test_run_at_every_hub", "test_run_renew")
class _OnlyOwnersEnd(Wrong):
    """
    Lets a run go on that another one than its owner has ended.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        runs = self.store.available._runs
        foreign = [
            topic for one in publications if one.outcome and not one.owner for topic in one.topics
        ]
        kept = {topic: runs._going_on.pop(topic) for topic in foreign if topic in runs._going_on}
        try:
            return super().append(publications)
        finally:
            runs._going_on.update(kept)


@breaks("test_run_end")
class _AlwaysDone(Wrong):
    """
    Knows every run that has ended as done.
    """

    def find_run(self, topic: str) -> Any:
        run = super().find_run(topic)
        return run and run._replace(outcome=run.outcome and "done")


@breaks("test_run_find", "test_run_begin_ended")
class _FindsAny(Wrong):
    """
    Finds a run for every topic.
    """

    def find_run(self, topic: str) -> Any:
        return super().find_run(topic) or next(iter(self.list_runs(None, 1)), topic)


@breaks("test_run_find")
class _Fussy(Wrong):
    """
    Fails for names that are no topics.
    """

    def find_run(self, topic: str) -> Any:
        check_topics(topic)
        return super().find_run(topic)


class _Lists(Wrong):
    """
    Lists something else.
    """

    def list_runs(self, before: int | None, limit: int) -> Any:
        return self.answers(list(super().list_runs(before, limit)), before, limit)

    def answers(self, found: list[Any], before: int | None, limit: int) -> Any:
        """
        Return an answer instead of *found*.
        """
        raise NotImplementedError


@breaks("test_run_list", "test_run_keep")
class _OldestFirst(_Lists):
    """
    Lists the oldest first.
    """

    def answers(self, found: list[Any], before: int | None, limit: int) -> Any:
        return found[::-1]


@breaks("test_run_list", "test_run_keep")
class _OnlyGoingOn(_Lists):
    """
    Lists only runs that go on.
    """

    def answers(self, found: list[Any], before: int | None, limit: int) -> Any:
        return [one for one in found if one.outcome is None]


@breaks("test_run_list")
class _Inclusive(Wrong):
    """
    Lists the run again that the page before has ended with.
    """

    def list_runs(self, before: int | None, limit: int) -> Any:
        return super().list_runs(None if before is None else before + 1, limit)


@breaks("test_run_list")
class _Unlimited(Wrong):
    """
    Lists all runs.
    """

    def list_runs(self, before: int | None, limit: int) -> Any:
        return super().list_runs(before, 1 << 20)


class _Renews(Wrong):
    """
    Answers `renew_runs` with something else.
    """

    def renew_runs(self, keys: Sequence[RunKey], lease: float) -> Any:
        return self.answers(list(super().renew_runs(keys, lease)), keys)

    def answers(self, lost: list[RunKey], keys: Sequence[RunKey]) -> Any:
        """
        Return an answer instead of *lost*.
        """
        raise NotImplementedError


@breaks("test_run_renew", "test_run_lease")
class _NothingLost(_Renews):
    """
    Says that all were renewed.
    """

    def answers(self, lost: list[RunKey], keys: Sequence[RunKey]) -> Any:
        return []


@breaks("test_run_renew", "test_run_outage")
class _AllLost(_Renews):
    """
    Says that all are lost.
    """

    def answers(self, lost: list[RunKey], keys: Sequence[RunKey]) -> Any:
        return keys


@breaks("test_run_renew")
class _RenewsAnyOwner(Wrong):
    """
    Renews the run of another owner.
    """

    def renew_runs(self, keys: Sequence[RunKey], lease: float) -> Any:
        lost = super().renew_runs(keys, lease)
        return [one for one in lost if one.topic not in self.store.memory._runs._going_on]


@breaks("test_run_lease")
class _NeverRenews(Wrong):
    """
    Lets a lease run out although it is renewed.
    """

    def renew_runs(self, keys: Sequence[RunKey], lease: float) -> Any:
        runs = self.store.available._runs
        leases = {topic: run.until for topic, run in runs._going_on.items()}
        lost = super().renew_runs(keys, lease)
        for topic, until in leases.items():
            runs._going_on[topic].until = until
        return lost


@breaks("test_run_lease", "test_run_limit", "test_run_interrupted_elsewhere")
class _NeverInterrupts(Wrong):
    """
    Lets runs go on whose owner is dead.
    """

    def interrupt_runs(self, lease: float, limit: int) -> Any:
        self.store.available  # noqa: B018
        return []


@breaks("test_run_lease")
class _InterruptsInPublic(Wrong):
    """
    Ends every run in public.
    """

    def interrupt_runs(self, lease: float, limit: int) -> Any:
        for run in self.store.available._runs._going_on.values():
            run.record = run.record._replace(private=False)
        return super().interrupt_runs(lease, limit)


@breaks("test_run_lease")
class _InterruptsAsFailed(Wrong):
    """
    Ends the runs of dead owners as failed.
    """

    def interrupt_runs(self, lease: float, limit: int) -> Any:
        runs = self.store.available._runs
        expired = runs.expired(lease, limit, self.store.memory._clock.seconds())
        ends = [Publication.ending(one.key.topic, "failed", private=one.private) for one in expired]
        return self.append(ends) if ends else []


@breaks("test_run_limit")
class _InterruptsAll(Wrong):
    """
    Interrupts more runs than it is asked to.
    """

    def interrupt_runs(self, lease: float, limit: int) -> Any:
        return super().interrupt_runs(lease, 1 << 20)


@breaks("test_run_outage")
class _Hasty(Wrong):
    """
    Interrupts runs although nobody could renew them.
    """

    def interrupt_runs(self, lease: float, limit: int) -> Any:
        memory = self.store.available
        memory._runs._called = memory._clock.seconds()
        return super().interrupt_runs(lease, limit)


class _Keeps(Wrong):
    """
    Keeps runs that have ended for another time.
    """

    factor = 1.0

    def begin_run(self, topic: str, owner: str, lease: float, keep: float, private: bool) -> Any:
        return super().begin_run(topic, owner, lease, keep * self.factor, private)


@breaks("test_run_keep")
class _KeepsForever(_Keeps):
    """
    Never forgets them.
    """

    factor = 1e6


@breaks("test_run_keep")
class _KeepsNothing(_Keeps):
    """
    Forgets them at once.
    """

    factor = 0.0


@breaks("test_run_keep")
class _KeepsFromTheBeginning(Wrong):
    """
    Forgets a run so long after its beginning, although it goes on.
    """

    def begin_run(self, topic: str, owner: str, lease: float, keep: float, private: bool) -> Any:
        begun = super().begin_run(topic, owner, lease, keep, private)
        kept = vars(self.store).setdefault("kept", {})
        kept[topic] = self.store.memory._clock.seconds() + keep
        return begun

    def find_run(self, topic: str) -> Any:
        due = vars(self.store).get("kept", {}).get(topic, 0.0)
        found = super().find_run(topic)
        return found if self.store.memory._clock.seconds() < due else None


@breaks("test_run_keep")
class _KeepsEnds(Wrong):
    """
    Forgets a run, and not the end of its topic.
    """

    def find_run(self, topic: str) -> Any:
        memory = self.store.available
        ends = dict(memory._ends)
        found = super().find_run(topic)
        memory._ends.update(ends)
        return found


@breaks("test_run_forgotten")
class _Outlives(Wrong):
    """
    Knows a run although its end is forgotten.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        runs = self.store.available._runs
        known = dict(runs._runs)
        records = super().append(publications)
        for topic, run in known.items():
            runs._runs.setdefault(topic, run)
        return records


@breaks("test_run_forgotten")
class _ForgetsBeginnings(Wrong):
    """
    Forgets a run that goes on with the publication with which it began.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        records = super().append(publications)
        oldest = self.store.memory.tail(1 << 20).before.number
        runs = self.store.memory._runs
        for topic, run in list(runs._going_on.items()):
            if run.record.start.number <= oldest:
                del runs._going_on[topic], runs._runs[topic]
        return records


@breaks("test_run_reopened")
class _ForgetsOwners(Wrong):
    """
    Forgets the owners when it is opened again.
    """

    def stopService(self) -> Any:
        for run in self.store.memory._runs._going_on.values():
            key = run.record.key._replace(owner="")
            run.record = run.record._replace(key=key)
        return super().stopService()


@breaks("test_run_unavailable")
class _Absent(Wrong):
    """
    Says that there is no run while the store is unavailable.
    """

    def find_run(self, topic: str) -> Any:
        try:
            return super().find_run(topic)
        except HistoryUnavailable:
            return None


@breaks("test_run_at_every_hub", "test_run_interrupted_elsewhere")
class _Silent(Wrong):
    """
    Does not deliver to other hubs what begins and ends.
    """

    def deliver_next(self, most: int = 1) -> int:
        following = self._following
        if following is not None:
            deliver = following.deliver
            following.deliver = lambda batch: deliver(
                [
                    one
                    for one in batch
                    if not (one.publication.event.event or "").startswith("topic-")
                ]
            )
            try:
                return super().deliver_next(most)
            finally:
                following.deliver = deliver
        return super().deliver_next(most)


@breaks("test_run_interrupted_elsewhere")
class _OwnRunsOnly(Wrong):
    """
    Interrupts only the runs that it has begun itself.
    """

    def begin_run(self, topic: str, *rest: Any) -> Any:
        self.own = {*getattr(self, "own", ()), topic}
        return super().begin_run(topic, *rest)

    def interrupt_runs(self, lease: float, limit: int) -> Any:
        runs = self.store.available._runs
        others = {
            topic: runs._going_on.pop(topic)
            for topic in list(runs._going_on)
            if topic not in getattr(self, "own", ())
        }
        try:
            return super().interrupt_runs(lease, limit)
        finally:
            runs._going_on.update(others)


@breaks("test_run_end")
class _Unavailable(Wrong):
    """
    Says that it is unavailable when a run has ended.
    """

    def append(self, publications: Sequence[Publication]) -> Any:
        try:
            return super().append(publications)
        except (RunLost, TopicEnded) as error:
            raise HistoryUnavailable(str(error)) from None
