"""
Asks an application for its streams, in memory, and in a time that the test makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.web.client import Agent
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from twisted.web.resource import IResource

from twisted_sse.testing.streams.answer import StreamAnswer
from twisted_sse.testing.streams.body import MemoryBody
from twisted_sse.testing.streams.network import MemoryNetwork
from twisted_sse.testing.streams.realtime import STRAY, stray_calls
from twisted_sse.testing.streams.request import Pairs, body_of, headers_of, target_of
from twisted_sse.transport.http.site import StreamSite

if TYPE_CHECKING:
    from treq.client import HTTPClient

__all__ = ["StreamClient"]

# A stalled reader is to be noticed by a test that publishes a handful of events.
_ROOM = 8 * 1024


class _App(Protocol):
    """
    What a Klein app is, and a hub.
    """

    def resource(self) -> Any: ...


class StreamClient:
    """
    Speaks HTTP/1.1 with an application in this process: no socket, no waiting.

    The application sees what it sees in production: requests of `twisted.web`
    that a network connection is lost under, and writes that are to wait.  Time
    passes when the clock is advanced, and not else.  Whatever the application
    does with the global reactor happens when that runs.

    Args:
        app: An `IResource`, a `twisted.web.server.Site`, a Klein app, or
            anything else whose ``resource()`` makes a resource.

        clock: What the application was made with, as ``Hub(reactor=clock)``; a
            clock of its own by default.

        room: How many bytes the network holds, in each direction, that a slow
            reader has not read.

    Attributes:
        clock: The clock.

    Raises:
        TypeError: *app* is no application.

        ValueError: *room* is less than 1.
    """

    def __init__(
        self,
        app: IResource | IProtocolFactory | _App,
        clock: Clock | None = None,
        *,
        room: int = _ROOM,
    ) -> None:
        if room < 1:
            raise ValueError("A network without room brings nothing: room is 1 at least")
        self.clock = Clock() if clock is None else clock
        self._network = MemoryNetwork(_site_of(app, self.clock), self.clock, room)

    def __enter__(self) -> StreamClient:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @cached_property
    def agent(self) -> IAgent:
        """
        An `IAgent` for programs that are clients themselves, as an `EventSource`
        with ``reactor=client.clock`` is.

        It connects with the application, whatever host it is asked for.  What
        was sent arrives when the clock is advanced, by 0 at least, or at the
        next look at a `StreamAnswer`.
        """
        agent: IAgent = Agent.usingEndpointFactory(self.clock, self._network)
        return agent

    @cached_property
    def treq(self) -> HTTPClient:
        """
        The same as a treq client, which sends bodies without the global reactor.
        """
        from treq.client import HTTPClient

        return HTTPClient(self.agent, data_to_body_producer=MemoryBody)

    def request(
        self,
        method: str,
        url: str,
        *,
        last_event_id: str | None = None,
        headers: Mapping[str, str | Sequence[str]] | Headers | None = None,
        params: Pairs = (),
        data: bytes | str | Pairs | None = None,
        json: object = None,
    ) -> StreamAnswer:
        """
        Send a request, over a network connection of its own.

        Args:
            url: A path, such as ``/news``; or all of a URL, if the application
                wants to know its host, or that it is ``https``.

            last_event_id: Sent as ``Last-Event-ID``.

            headers: As they are; ``Host`` is added.

            params: Added to the query.

            data: The body: bytes, text, or the fields of a form.

            json: The body, as JSON, if it is not ``None``.

        Returns:
            The answer, as far as it has come.

        Raises:
            RuntimeError: A hub answers that is scheduled with the global
                reactor; all connections were cut.
        """
        body, kind = body_of(data, json)
        sent = headers_of(headers or {}, kind)
        target = target_of(url, params)

        def ask(last_event_id: str) -> StreamAnswer:
            with_id = sent.copy()
            if last_event_id:
                with_id.setRawHeaders("Last-Event-ID", [last_event_id])
            producer = None if body is None else MemoryBody(body)
            answering = self.agent.request(method.encode("ascii"), target, with_id, producer)
            answer = StreamAnswer(f"{method} {url}", answering, last_event_id, self._settle, ask)
            self._settle()
            return answer

        return ask(last_event_id or "")

    def get(
        self,
        url: str,
        *,
        last_event_id: str | None = None,
        headers: Mapping[str, str | Sequence[str]] | Headers | None = None,
        params: Pairs = (),
    ) -> StreamAnswer:
        """
        See `request`.
        """
        return self.request("GET", url, last_event_id=last_event_id, headers=headers, params=params)

    def post(self, url: str, data: bytes | str | Pairs | None = None, **rest: Any) -> StreamAnswer:
        """
        See `request`.
        """
        return self.request("POST", url, data=data, **rest)

    def put(self, url: str, data: bytes | str | Pairs | None = None, **rest: Any) -> StreamAnswer:
        """
        See `request`.
        """
        return self.request("PUT", url, data=data, **rest)

    def delete(self, url: str, **rest: Any) -> StreamAnswer:
        """
        See `request`.
        """
        return self.request("DELETE", url, **rest)

    def advance(self, seconds: float) -> None:
        """
        Let time pass, from one thing that is due to the next, as it does in life.

        ``clock.advance(60)`` jumps instead: what is to happen every 15 seconds
        happens once.
        """
        until = self.clock.seconds() + seconds
        while (due := self._next_due()) is not None and due <= until:
            self.clock.advance(max(due - self.clock.seconds(), 0))
        self.clock.advance(max(until - self.clock.seconds(), 0))

    def close(self) -> None:
        """
        Cut all connections, those of `agent` included, and refuse new ones.  To
        be called at the end of a test.
        """
        self._network.close()

    def _next_due(self) -> float | None:
        times = [call.getTime() for call in self.clock.getDelayedCalls()]
        return min(times, default=None)

    def _settle(self) -> None:
        before = stray_calls()
        self._network.settle()
        if stray_calls() - before:
            self._network.close()
            for call in stray_calls() - before:
                call.cancel()
            raise RuntimeError(STRAY)


def _site_of(app: Any, clock: Clock) -> IProtocolFactory:
    if IProtocolFactory.providedBy(app):
        factory: IProtocolFactory = app
        return factory
    resource = app if IResource.providedBy(app) else getattr(app, "resource", lambda: None)()
    if not IResource.providedBy(resource):
        raise TypeError(f"{app!r} is no resource, no site, and has no resource() that makes one")
    site: IProtocolFactory = StreamSite(resource, reactor=clock)
    return site
