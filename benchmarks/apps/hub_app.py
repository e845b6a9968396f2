"""
The hub's package as a server of generators: `GET /gen?n=N` streams N events to one client.

    python hub_app.py PORT
"""

import sys
from collections.abc import Iterator
from typing import Any, cast

from twisted.internet import endpoints, reactor
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse import EventSourceResponse, Hub
from twisted_sse.transport.http.site import StreamSite

__all__ = ["events"]

# As in the other applications.
DATA = "x" * 161 + "~t=0000000000000000;s=00000000;"


def events(request: Request) -> Iterator[str]:
    """
    Yield as many events as the request asks for.
    """
    arguments: Any = request.args
    for _ in range(int(arguments[b"n"][0])):
        yield DATA


def main(port: int) -> None:
    """
    Serve until SIGTERM.
    """
    root = Resource()
    root.putChild(b"gen", EventSourceResponse(events, hub=Hub()))
    loop = cast(Any, reactor)
    where = {"backlog": 4096, "interface": "127.0.0.1"}
    endpoints.TCP4ServerEndpoint(loop, port, **where).listen(StreamSite(root))
    loop.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
