"""
A program with a hub, four threads and an asyncio task that publish; and one that publishes
from outside.

``python publishers.py serve DIRECTORY COUNT`` prints its port.  ``python publishers.py publish
DIRECTORY COUNT NAME URL`` prints "ready", and at the end the IDs of its receipts.  Both begin
when DIRECTORY contains ``go``.  Every publisher has a name, and publishes ``NAME 0``, ``NAME 1``
and so on to the topic ``numbers``.
"""

import sys
import time
from pathlib import Path

from twisted_sse import BearerTokens, Hub, Publisher

__all__ = ["NAMES", "TOKEN", "main"]

#: The publishers inside of the program with the hub.
NAMES = ("thread-1", "thread-2", "thread-3", "thread-4", "task")

#: The token that may publish.
TOKEN = "publishers-token"

# In seconds: the longest wait for a receipt, and between two looks at the directory.
_PATIENCE = 20.0
_STEP = 0.005


def serve(directory: Path, count: int) -> None:
    """
    Run the program with the hub, until it is killed.
    """
    from twisted.internet import asyncioreactor

    asyncioreactor.install()
    import asyncio
    from typing import Any

    from twisted.internet import endpoints, reactor
    from twisted.web.resource import Resource

    from twisted_sse.transport.http.site import StreamSite

    loop: Any = reactor
    hub = Hub()

    def publish_in_thread(name: str) -> None:
        _wait(directory)
        for number in range(count):
            future = hub.publish_from_thread("numbers", f"{name} {number}")
            # Most calls are not waited for, as in most programs.
            if number % 10 == 9:
                future.result(_PATIENCE)

    async def publish_in_task(name: str) -> None:
        while not directory.joinpath("go").exists():
            await asyncio.sleep(_STEP)
        for number in range(count):
            published = hub.publish("numbers", f"{name} {number}")
            if number % 10 == 9:
                await published.asFuture(asyncio.get_running_loop())

    root = Resource()
    root.putChild(b"events", hub.resource())
    root.putChild(b"publish", hub.publishing(BearerTokens(TOKEN)))
    endpoint = endpoints.serverFromString(loop, "tcp:0:interface=127.0.0.1:backlog=200")
    listening: Any = endpoint.listen(StreamSite(root))
    for name in NAMES[:-1]:
        loop.callWhenRunning(loop.callInThread, publish_in_thread, name)
    tasks: list[Any] = []
    begin = asyncio.get_event_loop().create_task
    loop.callWhenRunning(lambda: tasks.append(begin(publish_in_task(NAMES[-1]))))
    _say("port", listening.result.getHost().port)
    loop.run()


def publish(directory: Path, count: int, name: str, url: str) -> None:
    """
    Publish from outside, one event after the other.
    """
    publisher = Publisher(url, token=TOKEN)
    _say("ready")
    _wait(directory)
    ids = [publisher.publish("numbers", f"{name} {number}").id for number in range(count)]
    _say(*ids)


def main(what: str, directory: str, count: str, *rest: str) -> None:
    """
    Run one of the two programs.
    """
    if what == "serve":
        serve(Path(directory), int(count))
    else:
        publish(Path(directory), int(count), *rest)


def _wait(directory: Path) -> None:
    while not directory.joinpath("go").exists():
        time.sleep(_STEP)


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
