"""
The process of all clients of a chaos run, separate so that its memory can be measured.

`tests.chaos.clientrun` passes the settings as JSON, and the results are written as JSON.  Objects
and resources are counted three times: before the first client starts, while all clients pause,
and after all have ended.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple, cast

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.ssl import Certificate, trustRootFromCertificates
from twisted.internet.task import deferLater, react
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS

from tests.chaos.behaviors import BEHAVIORS, Behavior
from tests.chaos.client import Client
from tests.chaos.numbered import NumberedEvents
from tests.soak.counts import Counts

__all__ = ["main"]

# How long closed connections may take to be cleaned up, in seconds.
_TIMEOUT = 20.0

# How many lines of the log, and how many faults, are reported.
_SHOWN = 50


class _Moment(NamedTuple):
    """
    Attributes:
        resident: The resident memory of the process, in bytes.
    """

    counts: Counts
    resident: int


class _Clients:
    """
    All clients.

    Args:
        given: ``seed``, ``ports``, ``certificate`` (a file) and ``rest``: the number of
            seconds after which all clients pause once.
    """

    def __init__(self, reactor: Any, given: dict[str, Any]) -> None:
        self._reactor = reactor
        self._rest = given["rest"]
        certificate = Certificate.loadPEM(Path(given["certificate"]).read_bytes())
        policy = BrowserLikePolicyForHTTPS(trustRootFromCertificates([certificate]))
        self._agent = Agent(reactor, policy)
        self._lines: list[str] = []
        self._clients = [
            self._make_client(given["seed"], *pair) for pair in enumerate(given["ports"])
        ]

    async def run(self) -> dict[str, Any]:
        """
        Return the results.
        """
        globalLogBeginner.beginLoggingTo([cast(ILogObserver, self._note)], redirectStandardIO=False)
        before = await self._moment(None)
        following = self._follow()
        await deferLater(self._reactor, self._rest)
        for client in self._clients:
            client.stop()
        await following
        between = await self._moment(before)
        await self._follow()
        after = await self._moment(before)
        return self._found(before, between, after)

    def _make_client(self, seed: int, number: int, port: int) -> Client:
        behavior = BEHAVIORS[number % len(BEHAVIORS)]
        log = NumberedEvents(seed, number, behavior.long_waits)
        url = f"{'https' if behavior.tls else 'http'}://127.0.0.1:{port}/stream"
        return Client(self._reactor, f"client {number}", url, self._client(behavior), behavior, log)

    def _client(self, behavior: Behavior) -> object:
        return self._agent if behavior.tls else None

    def _follow(self) -> Deferred[Any]:
        return gatherResults([Deferred.fromCoroutine(one.follow()) for one in self._clients])

    async def _moment(self, before: _Moment | None) -> _Moment:
        """
        Count when all closed connections are cleaned up, or after a timeout.
        """
        deadline = self._reactor.seconds() + _TIMEOUT
        while True:
            # Not from within the callback of a Deferred, which would be counted.
            await deferLater(self._reactor, 0.1)
            counts = Counts.take(self._reactor)
            rest = None if before is None else _handles(counts, before.counts)
            if not rest or self._reactor.seconds() > deadline:
                return _Moment(counts, _resident())

    def _found(self, before: _Moment, between: _Moment, after: _Moment) -> dict[str, Any]:
        counts: Counter[str] = Counter()
        for client in self._clients:
            counts += client.counts
        faults = [fault for client in self._clients for fault in client.faults]
        return {
            "counts": counts,
            "faults": faults[:_SHOWN],
            "lines": self._lines,
            "left": [_handles(one.counts, before.counts) for one in (between, after)],
            "grown": after.counts.more_than(between.counts),
            "objects": [one.counts.objects for one in (before, between, after)],
            "resident": [one.resident for one in (before, between, after)],
        }

    def _note(self, event: LogEvent) -> None:
        if event["log_level"] > LogLevel.info:
            failure = event.get("log_failure")
            trace = "" if failure is None else f"\n{failure.getTraceback()}"
            self._lines.append(formatEvent(event) + trace)


def main() -> None:
    """
    Run with the settings in the last argument, and write the results.
    """

    async def run(reactor: Any) -> None:
        found = await _Clients(reactor, json.loads(sys.argv[-1])).run()
        sys.stdout.write(json.dumps(found) + "\n")

    react(lambda reactor: Deferred.fromCoroutine(run(reactor)))


def _handles(counts: Counts, before: Counts) -> dict[str, int]:
    """
    Return what the operating system and the reactor hold more than *before*.
    """
    grown = counts.more_than(before)
    return {name: grown[name] for name in ("calls", "readers", "files") if name in grown}


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text("ascii").split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")
