"""
A hub with runs, for `benchmarks.runs`: `runs_app.py PORT HISTORY`.

    GET /plain?count=N&pause=S        a stream of a generator that yields N tokens, one in S seconds
    POST /run/NAME?count=N&pause=S    the same as a run
    GET /cpu                          the CPU seconds of this process
    POST /finish?count=N              begins N runs of one token, one after the other, until they
                                      end: the CPU and the median time of each, in microseconds
    POST /fill?count=N                the same as fast as possible, without figures
"""

import json
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any

from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from twisted_sse import EventSourceResponse, Hub
from twisted_sse.runs import Runs
from twisted_sse.transport.http.site import StreamSite

__all__ = ["main"]

# So many runs are begun at a time to fill the store.
AT_ONCE = 100

loop: Any = reactor


def number(request: Request, name: str) -> float:
    """
    Return an argument of the query.
    """
    arguments: Any = request.args
    return float(arguments[name.encode()][0])


async def tokens(request: Request) -> AsyncIterator[str]:
    """
    Yield as many tokens as the request asks for.
    """
    pause = number(request, "pause")
    for index in range(int(number(request, "count"))):
        if index and pause:
            await deferLater(loop, pause)
        yield f"token {index}"


class Measured(Resource):
    """
    Answers with the result of a coroutine as JSON.
    """

    isLeaf = True

    def __init__(self, answer: Callable[[Request], Awaitable[object]]) -> None:
        super().__init__()
        self._answer = answer

    def render(self, request: Request) -> int:
        """
        See `IResource.render`.
        """
        Deferred.fromCoroutine(self._write(request)).addErrback(request.processingFailed)
        return NOT_DONE_YET

    async def _write(self, request: Request) -> None:
        request.write(json.dumps(await self._answer(request)).encode())
        request.finish()


class Begin(Resource):
    """
    Begins the run that the path names.
    """

    def __init__(self, runs: Runs) -> None:
        super().__init__()

        @runs.start
        def begin(request: Request, run: str) -> AsyncIterator[str]:
            return tokens(request)

        self._begin: Any = begin

    def getChild(self, path: bytes, request: Request) -> Resource:
        """
        See `IResource.getChildWithDefault`.
        """
        found: Resource = self._begin(request, run=path.decode())
        return found


class Finishing:
    """
    Begins runs that are over at once.
    """

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._numbers = count()

    async def fill(self, request: Request) -> None:
        """
        See the top of this file.
        """
        left = int(number(request, "count"))
        while left > 0:
            await gatherResults(
                [Deferred.fromCoroutine(self._one()) for _ in range(min(left, AT_ONCE))]
            )
            left -= AT_ONCE

    async def finish(self, request: Request) -> dict[str, float]:
        """
        See the top of this file.
        """
        times = int(number(request, "count"))
        walls = []
        used = time.process_time()
        for _ in range(times):
            began = time.perf_counter()
            await self._one()
            walls.append(time.perf_counter() - began)
        used = time.process_time() - used
        return {"cpu_us": used / times * 1e6, "wall_us": statistics.median(walls) * 1e6}

    async def _one(self) -> None:
        run = await self._runs.begin(f"finished-{next(self._numbers)}", ["token"])
        await run.ended()


async def cpu(request: Request) -> float:
    """
    Return the CPU seconds of this process, threads included.
    """
    return time.process_time()


def main(port: str, history: str) -> None:
    """
    Serve until SIGTERM.
    """
    runs = Runs(Hub(history))
    finishing = Finishing(runs)
    root = Resource()
    root.putChild(b"plain", EventSourceResponse(tokens))
    root.putChild(b"run", Begin(runs))
    root.putChild(b"cpu", Measured(cpu))
    root.putChild(b"fill", Measured(finishing.fill))
    root.putChild(b"finish", Measured(finishing.finish))
    address = f"tcp:{port}:interface=127.0.0.1:backlog=1024"
    endpoints.serverFromString(loop, address).listen(StreamSite(root))
    loop.callWhenRunning(lambda: sys.stdout.write("ready\n") and sys.stdout.flush())
    loop.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
