"""
The resources that list runs, show one, and cancel one.

History knows the runs of all nodes; the processes of this hub tell the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse.broker.connections.grant import Grant
from twisted_sse.events.runstatus import RunStatus
from twisted_sse.web.admin.access import check_page
from twisted_sse.web.admin.answers import answer_done, answer_json
from twisted_sse.web.admin.listresource import ListResource
from twisted_sse.web.admin.processes import Processes
from twisted_sse.web.admin.runquery import ActiveRuns, RunQuery, find_runs, read_active, run_row
from twisted_sse.web.cors import CORS
from twisted_sse.web.problem import Problem
from twisted_sse.web.query import pairs_of
from twisted_sse.web.resource import Authorize, MethodResource

__all__ = ["RunsResource"]


class RunsResource(ListResource):
    """
    ``GET`` lists runs; a child is one of them.
    """

    def one(self, name: str) -> Resource:
        """
        See `ListResource.one`.
        """
        return _RunResource(name, self._processes, self._access)

    async def answer(self, request: Request) -> None:
        """
        See `ListResource.answer`.
        """
        query = RunQuery.parse(pairs_of(request.uri.partition(b"?")[2]))
        processes = self._processes
        active = read_active(await processes.ask("runs"))
        found, before = await find_runs(processes.runs, query, active, processes.broker.clock)
        rows = await _rows(processes, found, active)
        answer_json(request, {"runs": rows, "active": len(active), "before": before})


class _RunResource(MethodResource):
    """
    One run: ``GET`` shows it, and ``DELETE`` cancels it, on whichever node it is.
    """

    def __init__(self, name: str, processes: Processes, authorize: Authorize) -> None:
        handlers = {"GET": self._get, "HEAD": self._get, "DELETE": self._delete}
        super().__init__(handlers, authorize, CORS())
        self._name = name
        self._processes = processes

    def _get(self, request: Request, grant: Grant) -> Deferred[None]:
        return Deferred.fromCoroutine(self._show(request))

    def _delete(self, request: Request, grant: Grant) -> Deferred[None]:
        check_page(request)
        return Deferred.fromCoroutine(self._cancel(request))

    async def _show(self, request: Request) -> None:
        told = await self._processes.ask("runs")
        run = await self._find(told)
        (row,) = await _rows(self._processes, [run], read_active(told))
        answer_json(request, row)

    async def _cancel(self, request: Request) -> None:
        run = await self._find(await self._processes.ask("runs"))
        await self._processes.runs.cancel(run.topic)
        answer_done(request)

    async def _find(self, told: Sequence[dict[str, Any]]) -> RunStatus:
        """
        Find the run whose topic or name is in the path.

        Args:
            told: What the processes have told.
        """
        runs = self._processes.runs
        # A topic is only one run; several may have a name, with different prefixes.
        prefixes = dict.fromkeys(prefix for answer in told for prefix in answer["prefixes"])
        found = [await runs.get(self._name)]
        if found == [None]:
            found = [await runs.get(f"{prefix}{self._name}") for prefix in prefixes]
        known = [one for one in found if one is not None]
        if len(known) > 1:
            topics = " or ".join(repr(one.topic) for one in known)
            raise Problem(409, f"Several runs have this name: write the topic, {topics}.")
        if not known:
            raise Problem(404, "There is no run with this name; it may be forgotten.")
        return known[0]


async def _rows(
    processes: Processes, runs: Sequence[RunStatus], active: ActiveRuns
) -> list[dict[str, Any]]:
    going_on = [one for one in runs if one.state == "running"]
    counts: dict[str, int] = dict.fromkeys((one.topic for one in going_on), 0)
    if going_on:
        asked = [[one.topic, one.private] for one in going_on]
        for answer in await processes.ask("readers", asked):
            for (topic, _), count in zip(asked, answer, strict=True):
                counts[str(topic)] += count
    now = processes.broker.now()
    return [run_row(one, active.get(one.topic), counts.get(one.topic, 0), now) for one in runs]
