"""
One node of `tests.chaos.runs`: a program that serves runs.

``python -m tests.chaos.runsnode PORT HISTORY LEASE`` prints a line for each thing that a
source does: ``begun NAME``, ``cancelled NAME``, ``closed NAME``.

``POST /NAME?tokens=N&pause=S`` begins a run that yields ``NAME 0`` to ``NAME N-1``, one in
S seconds; ``GET /NAME`` follows it, and ``DELETE /NAME`` cancels it.  ``GET /~all`` follows
everything that history has.
"""

import sys
from collections.abc import AsyncIterator
from typing import Any

from twisted.internet import endpoints, reactor
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
    textFileLogObserver,
)
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse import Grant, Hub
from twisted_sse.runs import Runs
from twisted_sse.transport.http.site import StreamSite

__all__ = ["main"]

_loop: Any = reactor


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def _tokens(name: str, count: int, pause: float) -> AsyncIterator[str]:
    _say("begun", name)
    try:
        for number in range(count):
            yield f"{name} {number}"
            await deferLater(_loop, pause)
    except CancelledError:
        _say("cancelled", name)
        raise
    finally:
        _say("closed", name)


class _Tree(Resource):
    def __init__(self, runs: Runs) -> None:
        super().__init__()
        self._runs = runs

        @runs.start
        def begin(request: Request, run: str) -> AsyncIterator[str]:
            arguments: Any = request.args
            count, pause = (float(arguments[name][0]) for name in (b"tokens", b"pause"))
            return _tokens(run, int(count), pause)

        self._begin: Any = begin

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `IResource.getChildWithDefault`.
        """
        name = path.decode()
        if name == "~all":
            everything = Grant(subscribe=["*"])
            return self._runs.hub.resource(lambda request: everything, topics=["*"])
        if request.method == b"POST":
            found: Resource = self._begin(request, run=name)
            return found
        return self._runs.resource(name)


def main() -> None:
    """
    Serve until SIGTERM.
    """
    port, history, lease = sys.argv[1:]
    warnings = LogLevelFilterPredicate(LogLevel.error)
    observer = FilteringLogObserver(textFileLogObserver(sys.stdout), [warnings])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    hub = Hub(history, retry=100, retry_spread=0)
    service = hub.service(grace=3, spread=0)
    service.startService()
    _loop.addSystemEventTrigger("before", "shutdown", service.stopService)
    site = StreamSite(_Tree(Runs(hub, lease=float(lease))))
    address = f"tcp:{port}:interface=127.0.0.1"
    endpoints.serverFromString(_loop, address).listen(site).addErrback(
        lambda failure: (_say(failure), _loop.stop())
    )
    _loop.callWhenRunning(_say, "ready")
    _loop.run()


if __name__ == "__main__":
    main()
