"""
All runs of a hub: begins them, finds them, and serves them.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.defer import Deferred

from twisted_sse.broker.runregistry import DEFAULT_PREFIX
from twisted_sse.errors import (
    HubClosed,
    RunsNotKept,
    TooManyRuns,
    TooManyRunsOfUser,
)
from twisted_sse.events.preamble import Priming
from twisted_sse.events.runrecord import RunBegun, RunRecord
from twisted_sse.events.runstatus import RunStatus
from twisted_sse.hub import Hub
from twisted_sse.interfaces import IRunHistory
from twisted_sse.runs.held import HeldRuns
from twisted_sse.runs.keeper import RunKeeper
from twisted_sse.runs.limits import RunLimits
from twisted_sse.runs.resource import RunResource
from twisted_sse.runs.run import Run
from twisted_sse.runs.settings import RunSettings
from twisted_sse.runs.start import RunFunction, RunRoute
from twisted_sse.runs.work import RunWork
from twisted_sse.units import check_count, check_instance, known_arguments
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
        prefix: str = DEFAULT_PREFIX,
        private: bool = True,
        max_runs: int | None = None,
        max_runs_per_user: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        check_instance("hub", hub, Hub, "Hub()")
        history = IRunHistory(hub.history, None)
        if history is None:
            kind = type(hub.history).__name__
            raise RunsNotKept(
                f"A {kind} cannot keep runs: use MemoryHistory, SQLite, Redis or PostgreSQL."
            )
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
        self._history = history
        self._items = ItemConverter(hub.encoder, "The run {source} yielded")
        self._keeper = RunKeeper(hub.broker, history, self._settings)
        self._limits = RunLimits(self._settings, self._keeper)
        self._held = HeldRuns(hub.broker.endings, self.find, self._cancel)
        hub.runs.add(prefix, self._keeper)
        hub.broker.parts.add(self._keeper)

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
        return await self._held.known(name, topic, lambda: self.find(topic))

    def list(self, before: int | None = None, limit: int = 100) -> Deferred[Sequence[RunStatus]]:
        """
        List the runs that history knows, those that began last first.

        Args:
            before: ``None`` to begin with the newest; else `RunStatus.number` of the last
                one of the page before.

            limit: The most to return, at least 1.
        """
        check_count("limit", limit)
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
        return await self.hub.runs.find(topic)

    def status_of(self, record: RunRecord) -> RunStatus:
        """
        What dialects and lists tell of a run.
        """
        return self._named(self.hub.runs.status_of(record))

    def _named(self, status: RunStatus) -> RunStatus:
        # Another prefix of the hub may be longer.
        return status._replace(name=status.topic.removeprefix(self._settings.prefix))

    async def _list(self, before: int | None, limit: int) -> Sequence[RunStatus]:
        prefix = self._settings.prefix
        found: list[RunStatus] = []
        page: Sequence[RunStatus] | None = None
        while len(found) < limit and (page is None or len(page) == limit):
            page = await self.hub.runs.list(before, limit)
            found += [self._named(one) for one in page if one.topic.startswith(prefix)]
            before = page[-1].number if page else None
        return found[:limit]

    async def _begin(self, name: str, topic: str, iterator: Any, user: str | None) -> Run:
        if self._keeper.closed:
            raise HubClosed("The hub is stopping; nothing more is begun.")
        try:
            self._limits.check(user)
        except (TooManyRuns, TooManyRunsOfUser):
            known = await self._held.known(name, topic, lambda: self.find(topic))
            if known is None:
                raise
            return known
        owner = secrets.token_hex(12)

        async def begin() -> RunRecord | None:
            endings = self.hub.broker.endings
            changes = endings.changes
            begun = await self._ask(topic, owner)
            if begun.run.key.owner == owner:
                endings.note_open(topic, changes)
                self._work(begun.run, user, iterator)
            return begun.run

        with self._limits.beginning(owner, user):
            run = await self._held.known(name, topic, begin, owner)
        assert run is not None
        return run

    def _ask(self, topic: str, owner: str) -> Deferred[RunBegun]:
        settings = self._settings

        def begin() -> RunBegun:
            return self._history.begin_run(
                topic, owner, settings.lease, settings.keep, settings.private
            )

        return self.hub.broker.perform(begin, lambda begun: begun.records)

    def _work(self, run: RunRecord, user: str | None, iterator: Any) -> None:
        work = RunWork(
            *(self.hub.broker, run, user, iterator),
            *(self._items, self._settings, self._keeper.remove),
        )
        self._keeper.add(work)
        work.start()

    async def _cancel(self, topic: str) -> None:
        if not await self.hub.runs.cancel(topic):
            return
        work = self._keeper.find(topic)
        if work is not None:
            await work.stop("cancelled")
