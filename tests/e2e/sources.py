"""
A program that serves generators as streams, and records how each of them ends.

``python sources.py DIRECTORY`` reads ``key.pem`` and ``certificate.pem`` from DIRECTORY.
It prints its ports, its log above info, and at the end the tally.

Every request names a key, ``?key=K``; the tally lists under it what the source did.
"""

import json
import resource
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
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

from twisted_sse import EventSourceResponse, Hub
from twisted_sse.transport.http.site import StreamSite

__all__ = ["main"]

# More than the kernel buffers for a client that does not read: 4 MB and 6 MB at most.
_PADDING = "x" * 16_000_000

_loop: Any = reactor

# What the source of each key did, in order.
_tally: dict[str, list[str]] = {}


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def _memory() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def _said_for(request: Request) -> list[str]:
    arguments: Any = request.args
    return _tally.setdefault(arguments[b"key"][0].decode(), [])


@contextmanager
def _noted(request: Request) -> Iterator[None]:
    said = _said_for(request)
    said.append("begun")
    try:
        yield
    finally:
        said.append("finally")


def short(request: Request) -> Iterator[str]:
    """
    Yield once, and end.
    """
    with _noted(request):
        yield "x"


def failing(request: Request) -> Iterator[str]:
    """
    Yield once, and fail.
    """
    with _noted(request):
        yield "x"
        raise ValueError("on purpose")


def endless(request: Request) -> Iterator[str]:
    """
    Yield for ever.
    """
    with _noted(request):
        while True:
            yield "x" * 1000


def stalled(request: Request) -> Iterator[str]:
    """
    Yield for ever, and count.
    """
    said = _said_for(request)
    for number in count():
        said[:] = [str(number)]
        yield "x" * 1000


async def short_async(request: Request) -> AsyncIterator[str]:
    """
    Yield once, and await in ``finally``.
    """
    with _noted(request):
        try:
            yield "x"
        finally:
            await deferLater(_loop, 0.01)


async def failing_async(request: Request) -> AsyncIterator[str]:
    """
    Yield once, fail, and await in ``finally``.
    """
    with _noted(request):
        try:
            yield "x"
            raise ValueError("on purpose")
        finally:
            await deferLater(_loop, 0.01)


async def flowing(request: Request) -> AsyncIterator[str]:
    """
    Yield for ever with pauses, and await in ``finally``.
    """
    with _noted(request):
        try:
            while True:
                yield "x"
                await deferLater(_loop, 0.001)
        finally:
            await deferLater(_loop, 0.01)


async def waiting(request: Request) -> AsyncIterator[str]:
    """
    Wait for ever, even when the server stops.
    """
    with _noted(request):
        try:
            yield "x"
            await Deferred()
        finally:
            await deferLater(_loop, 0.01)


async def obedient(request: Request, draining: "Deferred[None]") -> AsyncIterator[str]:
    """
    End when the server stops.
    """
    with _noted(request):
        yield "x"
        await draining
        yield "told"


class Unasked:
    """
    An iterator, not a generator, so that its end is recorded even if it never began.
    """

    def __init__(self, request: Request) -> None:
        self._said = _said_for(request)

    def __iter__(self) -> "Unasked":
        return self

    def __next__(self) -> str:
        self._said.append("begun")
        return "x" * 1000

    def close(self) -> None:
        """
        See `generator.close`.
        """
        self._said.append("finally")


class Tally(Resource):
    """
    Serves the tally as JSON: what every source did, the number of streams, and the
    memory of this process in bytes.
    """

    isLeaf = True

    def __init__(self, hub: Hub) -> None:
        super().__init__()
        self._hub = hub

    def render_GET(self, request: Request) -> bytes:
        """
        See `twisted.web.resource.Resource.render`.
        """
        return json.dumps(self.told()).encode()

    def told(self) -> dict[str, Any]:
        """
        Return the tally.
        """
        counts = {"responses": len(self._hub.responses), "connections": len(self._hub.connections)}
        return {"sources": _tally, "memory": _memory(), **counts}


class EachTime(Resource):
    """
    Makes a response for each request, as a route of Klein does.
    """

    isLeaf = True

    def __init__(self, hub: Hub, source: Callable[..., Any], **options: Any) -> None:
        super().__init__()
        options.setdefault("send_timeout", 3.0)
        self._make = lambda: EventSourceResponse(source, hub=hub, **options)

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        return self._make().render(request)


def main(directory: str) -> None:
    """
    Serve until SIGTERM.
    """
    text = FilteringLogObserver(
        textFileLogObserver(sys.stdout), [LogLevelFilterPredicate(LogLevel.warn)]
    )
    globalLogBeginner.beginLoggingTo([text], redirectStandardIO=False)
    hub = Hub()
    service = hub.service(grace=1.0, spread=0.0)
    root, tally = Resource(), Tally(hub)
    root.putChild(b"tally", tally)
    root.putChild(b"events", hub.resource())
    sources = short, failing, endless, short_async, failing_async, flowing, waiting, obedient
    for source in sources:
        root.putChild(source.__name__.encode(), EachTime(hub, source))
    root.putChild(b"stalled", EachTime(hub, stalled, send_timeout=None))
    root.putChild(b"unasked", EachTime(hub, Unasked))
    root.putChild(b"padded", EachTime(hub, Unasked, headers={"X-Padding": _PADDING}))
    site = StreamSite(root)
    pem = f"privateKey={directory}/key.pem:certKey={directory}/certificate.pem"
    descriptions = ["tcp:0:interface=127.0.0.1", f"ssl:0:interface=127.0.0.1:{pem}"]
    listening: list[Any] = [
        endpoints.serverFromString(_loop, description).listen(site) for description in descriptions
    ]
    service.startService()
    _loop.addSystemEventTrigger("before", "shutdown", service.stopService)
    _loop.callWhenRunning(_say, "ports", *[port.result.getHost().port for port in listening])
    _loop.run()
    _say("tally", json.dumps(tally.told()))


if __name__ == "__main__":
    main(sys.argv[1])
