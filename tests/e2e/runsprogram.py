"""
A program with runs and an admin resource, started by its path: ``runsprogram.py PORT``.

``POST /runs/NAME`` begins a run that yields ``one`` and ``two`` and goes on, unless NAME begins
with ``short``; ``/admin`` shows all of them to everybody.
"""

import sys
from collections.abc import AsyncIterator
from typing import Any

from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from twisted_sse import Grant, Hub
from twisted_sse.runs import Runs

__all__: list[str] = []

hub = Hub()
runs = Runs(hub)


async def _words(name: str) -> AsyncIterator[str]:
    yield "one"
    yield "two"
    if not name.startswith("short"):
        await Deferred()


class _Begin(Resource):
    isLeaf = True

    def render_POST(self, request: Request) -> int:
        """
        See `Resource.render`.
        """
        Deferred.fromCoroutine(self._begin(request, request.postpath[0].decode()))
        return NOT_DONE_YET

    async def _begin(self, request: Request, name: str) -> None:
        await runs.begin(name, _words(name), user="ada")
        request.setResponseCode(204)
        request.finish()


if __name__ == "__main__":
    root = Resource()
    root.putChild(b"runs", _Begin())
    root.putChild(
        b"admin", hub.admin_resource(lambda request: Grant(subscribe=["*"], publish=["*"]))
    )
    loop: Any = reactor
    address = f"tcp:{sys.argv[1]}:interface=127.0.0.1"
    endpoints.serverFromString(loop, address).listen(Site(root))
    loop.callWhenRunning(print, "ready", flush=True)
    loop.run()
