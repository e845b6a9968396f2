"""
All runs of a hub: begins them, finds them, and serves them.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from weakref import WeakSet

from twisted.internet.defer import Deferred, maybeDeferred

from twisted_sse.errors import (
    HubClosed,
    RunsNotKept,
    TooManyRuns,
    TooManyRunsOfUser,
    TopicEnded,
)
from twisted_sse.events.ending import Outcome
from twisted_sse.events.preamble import Priming
from twisted_sse.events.publication import Publication
from twisted_sse.events.runrecord import RunBegun, RunRecord
from twisted_sse.hub import Hub
from twisted_sse.interfaces import IRunHistory
from twisted_sse.runs.keeper import RunKeeper
from twisted_sse.runs.resource import RunResource
from twisted_sse.runs.run import Run
from twisted_sse.runs.settings import RunSettings
from twisted_sse.runs.start import RunFunction, RunRoute
from twisted_sse.runs.status import RunStatus
from twisted_sse.runs.work import RunWork
from twisted_sse.units import check_instance, known_arguments
from twisted_sse.web.cors import CORS
from twisted_sse.web.dialects.dialect import Dialect
from twisted_sse.web.generators.items import ItemConverter
from twisted_sse.web.generators.pump import close_iterator
from twisted_sse.web.generators.source import Items, iterator_of
from twisted_sse.web.resource import Authorize

__all__ = ["Runs"]

#: What a run yields, or a function that returns it.
RunSource = Items | Callable[[], Items]


class Runs:
    """
    Begins runs, and finds those that any process has begun that shares the history.

    A run is a source that outlives its readers.  What it yields is published to a topic of
    its own, at the pace of the source, also if nobody reads it; everybody who follows the
    run gets all of it, from its start, in order.  A name is begun once: whoever begins it
    again joins it.

    Args:
        hub: What the runs are published by.  Its history has to keep runs, as those of this
            package do, except edges.

        keep: For how long a run can be read after it has ended, in seconds, if history
            keeps its events that long.  Then its name can be begun anew.

        flush: What a source yields within so many seconds is kept together.  What comes
            after a longer silence is kept at once.

        linger: How long a run may go on without a reader at this hub, in seconds; then it is
            cancelled.  ``None`` for ever.

        lease: If the process that runs a source is dead or frozen for so many seconds, the
            run is interrupted by the others, within twice that time.  At least 1; the same
            for all hubs that share the history.

        prefix: Begins the topics of the runs.

        private: Whether only those can read the events whose grant covers the topic: readers
            of `resource`, and subscribers of the hub with such a grant.

        max_runs: The most runs that go on in this process; one more raises `TooManyRuns`,
            which is answered with 503.  ``None`` sets no limit.

        max_runs_per_user: The most of one user, whom the grant names, in this process; one
            more raises `TooManyRunsOfUser`, which is answered with 429.  ``None`` sets no
            limit.

        max_bytes: The most bytes that a run may yield; one that yields more fails.  ``None``
            sets no limit.

    Raises:
        TypeError, ValueError: An argument is wrong.

        RunsNotKept: The history of *hub* cannot keep runs.

    Attributes:
        hub: As it was given.
    """

    @known_arguments
    def __init__(
        self,
        hub: Hub,
        keep: float = 3600.0,
        flush: float = 0.02,
        linger: float | None = None,
        lease: float = 10.0,
        *,
        prefix: str = "runs/",
        private: bool = True,
        max_runs: int | None = None,
        max_runs_per_user: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        check_instance("hub", hub, Hub, "Hub()")
        history = IRunHistory(hub.history, None)
        if history is None:
            kind = type(hub.history).__name__
            raise RunsNotKept(f"A {kind} cannot keep runs: use MemoryHistory, SQLite or Redis.")
        self._settings = RunSettings(
            keep=keep,
            flush=flush,
            linger=linger,
            lease=lease,
            prefix=prefix,
            private=private,
            max_runs=max_runs,
            max_runs_per_user=max_runs_per_user,
            max_bytes=max_bytes,
        )
        self.hub = hub
        self._broker = hub.broker
        self._history = history
        self._items = ItemConverter(hub.encoder, "The run {source} yielded")
        self._keeper = RunKeeper(hub.broker, history, self._settings)
        self._beginning: dict[str, str | None] = {}
        # What applications hold, by topic, to be told of the ends; and the topics that end
        # while history is being asked.
        self._held: dict[str, WeakSet[Run]] = {}
        self._asking: list[set[str]] = []
        hub.broker.endings.watch(self._note_ends)
        hub.broker.add_part(self._keeper)

    def __len__(self) -> int:
        """
        The number of runs that go on in this process.
        """
        return len(self._keeper)

    def topic(self, name: str) -> str:
        """
        The topic of the run *name*.

        Raises:
            InvalidTopic: Nothing can be called that.
        """
        return self._settings.topic(name)

    async def begin(self, name: str, source: RunSource, *, user: str | None = None) -> Run:
        """
        Begin the run *name*, or join it if it has begun.

        Args:
            source: A generator, an async generator, an iterable, an async iterable, or a
                function without arguments that returns one of them.  It is not read if the
                run has begun before.

            user: Who begins it, for `max_runs_per_user`.

        Raises:
            TypeError: *source* cannot be read.

            InvalidTopic: Nothing can be called *name*.

            TooManyRuns, TooManyRunsOfUser: A limit of this process is reached.

            TopicEnded: The topic has ended without being a run.

            HubClosed, HistoryUnavailable: The run has not begun.

            PerhapsKept: It may have begun, without a source: then it will be interrupted.
        """
        topic = self.topic(name)
        iterator = iterator_of(source() if callable(source) else source)
        try:
            run = await self._begin(name, topic, iterator, user)
        except BaseException:
            await close_iterator(iterator)
            raise
        if run.joined:
            await close_iterator(iterator)
        return run

    async def get(self, name: str) -> Run | None:
        """
        Find the run *name*, on whichever node it is; ``None`` if there is none, or it is
        forgotten.

        Raises:
            InvalidTopic: Nothing can be called that.

            HistoryUnavailable: History cannot tell now.
        """
        topic = self.topic(name)
        return await self._known(name, topic, lambda: self.find(topic))

    def list(self, before: int | None = None, limit: int = 100) -> Deferred[Sequence[RunStatus]]:
        """
        List the runs that history knows, those that began last first.

        Args:
            before: ``None`` to begin with the newest; else `RunStatus.number` of the last
                one of the page before.

            limit: The most to return.
        """
        return Deferred.fromCoroutine(self._list(before, limit))

    def resource(
        self,
        name: str,
        *,
        dialect: Dialect | None = None,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        priming: Priming = None,
    ) -> RunResource:
        """
        Make a resource for the run *name*, to return from a route; see `RunResource`.

        Raises:
            InvalidTopic: Nothing can be called that.
        """
        return RunResource(
            self, name, dialect=dialect, authorize=authorize, cors=cors, priming=priming
        )

    def start(
        self,
        function: RunFunction | None = None,
        /,
        *,
        dialect: Dialect | None = None,
        authorize: Authorize | None = None,
        cors: CORS | None = None,
        priming: Priming = None,
    ) -> Any:
        """
        Make a route of a function that yields: ``POST`` begins the run, or joins it, and is
        answered as `resource` answers ``GET``.

        Use it between ``@app.route`` and ``def``, with or without options.  The function
        gets the arguments of the route; one of them is called *run* and is the name.  It
        may be a coroutine function that returns a generator: then what it raises, such as
        `Forbidden`, is the answer.

        Raises:
            TypeError: The function has no argument *run*.
        """

        def decorate(function: RunFunction) -> RunRoute:
            return RunRoute(self, function, dialect, authorize, cors, priming)

        return decorate if function is None else decorate(function)

    async def find(self, topic: str) -> RunRecord | None:
        """
        Find the run of *topic*, as history knows it.

        Raises:
            HistoryUnavailable: History cannot tell now.
        """
        await self._broker.start()
        found: RunRecord | None = await maybeDeferred(self._history.find_run, topic)
        return found

    def status_of(self, record: RunRecord) -> RunStatus:
        """
        What dialects and lists tell of a run.
        """
        name = record.key.topic.removeprefix(self._settings.prefix)
        return RunStatus(name, record.outcome or "running", record.begun, record.start.number)

    async def _list(self, before: int | None, limit: int) -> Sequence[RunStatus]:
        await self._broker.start()
        records: Sequence[RunRecord] = await maybeDeferred(self._history.list_runs, before, limit)
        prefix = self._settings.prefix
        return [self.status_of(one) for one in records if one.key.topic.startswith(prefix)]

    async def _begin(self, name: str, topic: str, iterator: Any, user: str | None) -> Run:
        if self._keeper.closed:
            raise HubClosed("The hub is stopping; nothing more is begun.")
        if self._is_full(user):
            known = await self._known(name, topic, lambda: self.find(topic))
            if known is not None:
                return known
            self._refuse(user)
        owner = secrets.token_hex(12)
        self._beginning[owner] = user

        async def begin() -> RunRecord | None:
            begun = await self._ask(topic, owner)
            if begun.run.key.owner == owner:
                self._work(begun.run, user, iterator)
            return begun.run

        try:
            run = await self._known(name, topic, begin, owner)
            assert run is not None
            return run
        finally:
            del self._beginning[owner]

    async def _known(
        self,
        name: str,
        topic: str,
        ask: Callable[[], Awaitable[RunRecord | None]],
        owner: str = "",
    ) -> Run | None:
        """
        Ask history for a run, and again if it has ended meanwhile: nobody is told later.

        Args:
            owner: That of the run if this call has begun it.
        """
        ended: set[str] = set()
        self._asking.append(ended)
        try:
            record = await ask()
            while topic in ended and record is not None and record.outcome is None:
                ended.clear()
                record = await self.find(topic)
        finally:
            # By identity: another set may be equal.
            self._asking = [one for one in self._asking if one is not ended]
        if record is None:
            return None
        return self._hold(name, record, joined=record.key.owner != owner)

    def _ask(self, topic: str, owner: str) -> Deferred[RunBegun]:
        settings = self._settings

        def begin() -> RunBegun:
            return self._history.begin_run(
                topic, owner, settings.lease, settings.keep, settings.private
            )

        return self._broker.perform(begin, lambda begun: begun.records)

    def _work(self, run: RunRecord, user: str | None, iterator: Any) -> None:
        work = RunWork(
            self._broker, run, user, iterator, self._items, self._settings, self._keeper.remove
        )
        self._keeper.add(work)
        work.start()

    def _is_full(self, user: str | None) -> bool:
        settings = self._settings
        most, most_of_user = settings.max_runs, settings.max_runs_per_user
        users = [*(work.user for work in self._keeper), *self._beginning.values()]
        if most is not None and len(users) >= most:
            return True
        return user is not None and most_of_user is not None and users.count(user) >= most_of_user

    def _refuse(self, user: str | None) -> None:
        most = self._settings.max_runs
        if most is not None and len(self._keeper) + len(self._beginning) >= most:
            raise TooManyRuns(f"{most} runs go on already: try again later.")
        raise TooManyRunsOfUser("You have too many runs that go on: cancel one first.")

    def _hold(self, name: str, record: RunRecord, *, joined: bool) -> Run:
        run = Run(name, record, self._cancel, joined=joined)
        if record.outcome is None:
            self._held.setdefault(run.topic, WeakSet()).add(run)
        return run

    async def _cancel(self, topic: str) -> None:
        record = await self.find(topic)
        if record is None or record.outcome is not None:
            return
        end = Publication.ending(topic, "cancelled", private=record.private)
        try:
            await self._broker.submit([end])
        except TopicEnded:
            return
        work = self._keeper.find(topic)
        if work is not None:
            await work.stop("cancelled")

    def _note_ends(self, topics: Sequence[str], outcome: Outcome) -> None:
        for ended in self._asking:
            ended.update(topics)
        for topic in topics:
            for run in list(self._held.pop(topic, ())):
                run.note_end(outcome)
