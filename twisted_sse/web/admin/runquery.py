"""
Which runs somebody wants to see; and those of a query, as rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from twisted_sse.broker.runregistry import RunRegistry
from twisted_sse.events.ending import OUTCOMES
from twisted_sse.events.runstatus import ActiveRun, RunStatus
from twisted_sse.web.admin.listing import LARGEST_PAGE, read_number, single_values
from twisted_sse.web.problem import Problem

__all__ = ["ActiveRuns", "RunQuery", "find_runs", "read_active", "run_row"]

_STATES = ("running", *OUTCOMES)

# The most runs of the store that are looked through for one answer, and how many at a time:
# with a filter, most of them may not match, and the reactor is not held for long.
_MOST_VISITED, _AT_A_TIME = 10_000, 500

#: What the processes of a hub tell of the runs whose sources they read, by topic.
ActiveRuns = Mapping[str, ActiveRun]


@dataclass(frozen=True, kw_only=True)
class RunQuery:
    """
    Attributes:
        q: A text that the user or the topic contains, whatever the case.

        user: Exactly this one, who has begun it in this hub.

        state: ``running``, or how it has ended.

        before: The number of the last run of the page before.

        limit: The most runs of the answer.
    """

    q: str = ""
    user: str | None = None
    state: str | None = None
    before: int | None = None
    limit: int = 100

    @classmethod
    def parse(cls, pairs: Sequence[tuple[str, str]]) -> RunQuery:
        """
        Read the query of a URL.

        Raises:
            Problem: It cannot be obeyed.
        """
        values: dict[str, Any] = dict(
            single_values(pairs, ("q", "user", "state", "before", "limit"))
        )
        if "limit" in values:
            values["limit"] = read_number("limit", values["limit"], LARGEST_PAGE, least=1)
        before = values.get("before")
        if before is not None and not (before.isascii() and before.isdigit() and len(before) < 20):
            raise Problem(400, "before is the number of a run.")
        if before is not None:
            values["before"] = int(before)
        query = cls(**values)
        if query.state is not None and query.state not in _STATES:
            raise Problem(400, f"state is one of {', '.join(_STATES)}.")
        return query

    @property
    def filters(self) -> bool:
        """
        Whether some runs do not match.
        """
        return bool(self.q) or self.user is not None or self.state is not None

    def matches(self, run: RunStatus, active: ActiveRun | None) -> bool:
        """
        Return whether *run* matches.
        """
        user = None if active is None else active.user
        text = self.q.casefold()
        return (
            (self.state is None or run.state == self.state)
            and (self.user is None or user == self.user)
            and (text in run.topic.casefold() or text in (user or "").casefold())
        )


async def find_runs(
    registry: RunRegistry, query: RunQuery, active: ActiveRuns, clock: IReactorTime
) -> tuple[list[RunStatus], int | None]:
    """
    Find the runs that a query asks for, the newest first.

    Returns:
        The runs, and what ``before`` is for those that follow; ``None`` if none follow.

    Raises:
        HistoryUnavailable: History cannot tell now.
    """
    found: list[RunStatus] = []
    before = query.before
    size = _AT_A_TIME if query.filters else query.limit + 1
    for _ in range(_MOST_VISITED // _AT_A_TIME):
        page = await registry.list(before, size)
        found += [one for one in page if query.matches(one, active.get(one.topic))]
        if len(found) > query.limit:
            del found[query.limit :]
            return found, found[-1].number
        if len(page) < size:
            return found, None
        before = page[-1].number
        await deferLater(clock, 0)
    return found, before


def read_active(answers: Sequence[Mapping[str, Any]]) -> dict[str, ActiveRun]:
    """
    Read what several processes have told of their runs.
    """
    return {one.topic: one for answer in answers for one in map(ActiveRun._make, answer["active"])}


def run_row(run: RunStatus, active: ActiveRun | None, readers: int, now: float) -> dict[str, Any]:
    """
    Write *run* for JSON.

    Args:
        readers: How many connections of this hub get its events.

        now: The date, in seconds since 1970.
    """
    begun = datetime.fromtimestamp(run.begun, UTC).isoformat(timespec="milliseconds")
    return {
        "name": run.name,
        "topic": run.topic,
        "state": run.state,
        "user": None if active is None else active.user,
        "begun": begun.replace("+00:00", "Z"),
        "seconds": round(max(0.0, now - run.begun), 3),
        # The source may be at another node.
        "here": active is not None,
        "events": None if active is None else active.events,
        "bytes": None if active is None else active.bytes,
        "readers": readers,
        "private": run.private,
        "start": run.start,
        "number": run.number,
    }
