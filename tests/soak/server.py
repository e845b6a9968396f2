"""
Serves generators of all kinds, and counts how many begin and end.
"""

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import serverFromString
from twisted.internet.task import deferLater
from twisted.web.resource import Resource
from twisted.web.server import Request

from twisted_sse import EventSourceResponse, Hub
from twisted_sse.transport.http.site import StreamSite
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import pair_files

__all__ = ["Server"]


class Route(Resource):
    """
    Makes a response for each request, as a Klein route does.
    """

    isLeaf = True

    def __init__(self, make: Callable[[], EventSourceResponse]) -> None:
        super().__init__()
        self._make = make

    def render(self, request: Request) -> int:
        """
        See `twisted.web.resource.IResource.render`.
        """
        return self._make().render(request)


class Server:
    """
    Listens on loopback, with and without TLS.

    Attributes:
        paths: The paths of all streams.

        noted: How many sources have ``begun``, and how many have ``ended``.
    """

    def __init__(self, reactor: Any) -> None:
        self.noted: Counter[str] = Counter()
        self.hub = Hub(reactor=reactor)
        self._service = self.hub.service(grace=5, spread=0)
        self._reactor = reactor
        self._ports: list[Any] = []
        root = Resource()
        self.paths: list[str] = []
        sources = (
            self.short,
            self.endless,
            self.short_async,
            self.flowing,
            self.waiting,
            self.nested,
        )
        for source in sources:
            self._put(root, source)
        self._site = StreamSite(root, reactor=reactor)

    async def start(self, directory: Path) -> list[int]:
        """
        Listen.

        Args:
            directory: Contains ``key.pem`` and ``certificate.pem``.

        Returns:
            The ports without and with TLS.
        """
        pairs = pair_files([f"{directory}/certificate.pem"], [f"{directory}/key.pem"])
        for factory in (self._site, TLSFactory(TLSServer(pairs, None), self._site)):
            endpoint = serverFromString(self._reactor, "tcp:0:interface=127.0.0.1")
            self._ports.append(await endpoint.listen(factory))
        self._service.startService()
        return [port.getHost().port for port in self._ports]

    async def stop(self) -> None:
        """
        Stop listening, and stop the hub.
        """
        await gatherResults([port.stopListening() for port in self._ports])
        await self._service.stopService()

    def short(self) -> Iterator[str]:
        """
        Yield 20 items.
        """
        with self._counted():
            yield from map(str, range(20))

    def endless(self) -> Iterator[str]:
        """
        Yield items without end.
        """
        with self._counted():
            while True:
                yield "x" * 1000

    async def short_async(self) -> AsyncIterator[str]:
        """
        Yield two items, and await in ``finally``.
        """
        with self._counted():
            try:
                yield "x"
                await self._pause(0.001)
                yield "y"
            finally:
                await self._pause(0.001)

    async def flowing(self) -> AsyncGenerator[str, None]:
        """
        Yield items at intervals without end, and await in ``finally``.
        """
        with self._counted():
            try:
                while True:
                    yield "x" * 100
                    await self._pause(0.002)
            finally:
                await self._pause(0.005)

    async def waiting(self, draining: "Deferred[None]") -> AsyncIterator[str]:
        """
        Wait until the hub drains.
        """
        with self._counted():
            yield "x"
            await draining

    async def nested(self) -> AsyncIterator[str]:
        """
        Yield the items of another generator, and close it.
        """
        with self._counted():
            inner = self.flowing()
            try:
                async for item in inner:
                    yield item
            finally:
                await inner.aclose()

    def _put(self, root: Resource, source: Callable[..., Any]) -> None:
        """
        Serve *source* by one response without and one with the hub, and by one for each request.
        """
        name = source.__name__
        kinds: dict[str, Resource] = {
            "alone": EventSourceResponse(source, clock=self._reactor),
            "hub": EventSourceResponse(source, hub=self.hub),
            "each": Route(lambda: EventSourceResponse(source, clock=self._reactor)),
            "each-hub": Route(lambda: EventSourceResponse(source, hub=self.hub, keepalive=0.1)),
        }
        for kind, resource in kinds.items():
            root.putChild(f"{name}-{kind}".encode(), resource)
            self.paths.append(f"/{name}-{kind}")

    def _pause(self, seconds: float) -> "Deferred[None]":
        return deferLater(self._reactor, seconds)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        self.noted["begun"] += 1
        try:
            yield
        finally:
            self.noted["ended"] += 1
