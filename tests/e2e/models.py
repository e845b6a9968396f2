"""
A program that serves one answer in every dialect, and prints its port.

The first part of a path says how the answer goes on after its third word: ``whole`` to its
end, ``failing`` with an error, ``endless`` not at all.  ``broken`` fails without a dialect, and
``runs`` has those of `runmodels`.
"""

import sys
from collections.abc import AsyncIterator
from typing import Any

from runmodels import app
from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import Request
from twisted.web.static import Data

from twisted_sse import EventSourceResponse, ServerSentEvent
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.web.dialects import (
    AISDK,
    AnthropicMessages,
    BrowserEvents,
    Dialect,
    OpenAIResponses,
    TanStackAI,
)

__all__ = ["main"]

_loop: Any = reactor

# Between two words, in seconds.  There are comments in it, which clients have to skip.
_PAUSE = 0.04

_DIALECTS: dict[str, Dialect] = {
    "api/chat": AISDK(text=True),
    "api/tanstack": TanStackAI(text=True),
    "v1/responses": OpenAIResponses(text=True),
    "v1/messages": AnthropicMessages(text=True),
    "events": BrowserEvents(),
}


async def answer(request: Request) -> AsyncIterator[str]:
    """
    Yield the words of the answer.
    """
    path: Any = request.path
    for word in ("one ", "two ", "three "):
        yield word
        await deferLater(_loop, _PAUSE)
    if path.startswith(b"/failing"):
        raise ValueError("on purpose")
    if path.startswith(b"/endless"):
        await Deferred()
    yield "four"


async def broken() -> AsyncIterator[ServerSentEvent]:
    """
    Yield an event that clients pass over, and fail.
    """
    yield ServerSentEvent('{"type":"ping","sequence_number":0}', event="ping")
    await deferLater(_loop, _PAUSE)
    raise ValueError("on purpose")


def _put(root: Resource, path: str, resource: Resource) -> None:
    *folders, name = path.encode().split(b"/")
    for folder in folders:
        if folder not in root.children:
            root.putChild(folder, Resource())
        root = root.children[folder]
    root.putChild(name, resource)


def main() -> None:
    """
    Serve until SIGTERM.
    """
    root = Resource()
    for path, dialect in _DIALECTS.items():
        for end in ("whole", "failing", "endless"):
            retry = 200 if dialect.reconnects else None
            response = EventSourceResponse(
                answer,
                dialect=dialect,
                keepalive=_PAUSE / 4,
                methods=["GET", "POST"],
                retry=retry,
            )
            _put(root, f"{end}/{path}", response)
        # Clients of the others take such an event for an error.
        if path.startswith(("v1", "events")):
            _put(root, f"broken/{path}", EventSourceResponse(broken, methods=["GET", "POST"]))
    root.putChild(b"runs", app.resource())
    root.putChild(b"page", Data(b"<!doctype html><title>A page</title>", "text/html"))
    listening: Any = endpoints.serverFromString(_loop, "tcp:0:interface=127.0.0.1").listen(
        StreamSite(root)
    )
    port = listening.result.getHost().port
    _loop.callWhenRunning(lambda: (sys.stdout.write(f"port {port}\n"), sys.stdout.flush()))
    _loop.run()


if __name__ == "__main__":
    main()
