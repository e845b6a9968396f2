"""
``twisted-sse runs``: lists the runs of a hub, follows one, or cancels one.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import CancelledError

from twisted_sse.cli.admin.endpoint import Endpoint, admin_refusal
from twisted_sse.cli.admin.options import RunsOptions
from twisted_sse.cli.admin.table import run_lines
from twisted_sse.cli.console import Console
from twisted_sse.cli.running import Status
from twisted_sse.cli.view import JSONLines, Lines
from twisted_sse.client import Control, EventSource, Lost
from twisted_sse.errors import UnexpectedStatus
from twisted_sse.events.control import ENDED, RESET
from twisted_sse.events.event import ServerSentEvent

__all__ = ["runs"]

# How many runs the hub tells at once.
_PAGE = 1000


async def runs(options: RunsOptions, out: Console, err: Console) -> int:
    """
    Do what the options say.

    Raises:
        CommandFailed: The hub does not.
    """
    from twisted.internet import reactor

    clock: Any = reactor
    endpoint = Endpoint(options, clock)
    if options["cancel"] is not None:
        return await _cancel(endpoint, options["cancel"], err)
    if options["follow"] is not None:
        return await _follow(endpoint, options, out, err)
    return await _list(endpoint, options, out, err)


async def _list(endpoint: Endpoint, options: RunsOptions, out: Console, err: Console) -> int:
    shown: list[Any] = []
    most = options["count"]
    async for rows in _pages(endpoint, options.query, None if most is None else most + 1):
        wanted = rows if most is None else rows[: most - len(shown)]
        if options["json"]:
            for row in wanted:
                out.write_json(json.dumps(row, ensure_ascii=False))
            await out.drained()
        shown += wanted
        if len(rows) > len(wanted):
            err.say("There are more runs than these.")
    if not options["json"]:
        for line in run_lines(shown):
            out.write(line)
    return Status.DONE


async def _pages(
    endpoint: Endpoint, query: dict[str, str], most: int | None
) -> AsyncIterator[list[Any]]:
    """
    Yield runs, the newest first, page by page.
    """
    place: dict[str, object] = {}
    found = 0
    while True:
        limit = _PAGE if most is None else min(_PAGE, most - found)
        page = await endpoint.get("runs", {**query, **place, "limit": limit})
        found += len(page["runs"])
        yield page["runs"]
        if page["before"] is None or found == most:
            return
        place = {"before": page["before"]}


async def _cancel(endpoint: Endpoint, name: str, err: Console) -> int:
    run = await endpoint.get(_path(name))
    if run["state"] != "running":
        err.say(f"{name} has ended before: {run['state']}.")
        return Status.DONE
    await endpoint.delete(_path(run["topic"]))
    err.say(f"{name} is cancelled.")
    return Status.DONE


async def _follow(endpoint: Endpoint, options: RunsOptions, out: Console, err: Console) -> int:
    """
    Show the events of a run from its first to its end.
    """
    run = await endpoint.get(_path(options["follow"]))
    source = EventSource(
        options.endpoint("events"),
        client=options.agent(),
        headers=options.headers,
        params={"topic": run["topic"]},
        last_event_id=run["start"],
    )
    show = JSONLines(out, control=False) if options["json"] else Lines(out)
    try:
        async with source:
            async for signal in source.signals():
                if isinstance(signal, ServerSentEvent):
                    show(signal, False)
                    await out.drained()
                elif isinstance(signal, Control) and signal.event.event == ENDED:
                    break
                elif isinstance(signal, Control | Lost):
                    _warn(signal, err)
    except CancelledError:
        # The run goes on, as after `tail`.
        return Status.DONE
    except UnexpectedStatus as error:
        raise admin_refusal(error, options) from error
    # Not what the stream says: a program may end a run with an event of its own.
    state = (await endpoint.get(_path(run["topic"])))["state"]
    err.say(f"{options['follow']} has ended: {state}.")
    return Status.DONE if state == "done" else Status.REFUSED


def _warn(signal: Control | Lost, err: Console) -> None:
    if isinstance(signal, Lost):
        reason = str(signal.reason).rstrip(".")
        err.say(f"The stream is lost: {reason}. Reconnecting in {signal.delay:.1f} s.")
    elif signal.event.event == RESET:
        err.say("History has forgotten some of the events of this run.")


def _path(name: str) -> str:
    return f"runs/{quote(name, safe='')}"
