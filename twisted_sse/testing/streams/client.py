"""
Sends requests to an application in memory, with a clock that the test advances.
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

# Small, so that a test of a stalled reader needs only a few events.
_ROOM = 8 * 1024


class _App(Protocol):
    """
    A Klein app or a hub.
    """

    def resource(self) -> Any: ...


class StreamClient:
    """
    Speaks HTTP/1.1 with an application in this process, without sockets and waiting.

    The application sees what it sees in production: requests of `twisted.web`,
    lost connections, and paused producers.  Time passes only when the clock is
    advanced.  Whatever the application does with the global reactor happens when
    that reactor runs.

    Args:
        app: An `IResource`, a `twisted.web.server.Site`, a Klein app, or any
            object whose method ``resource()`` returns a resource.

        clock: The clock that the application was made with, such as
            ``Hub(reactor=clock)``; a new one by default.

        room: The number of unread bytes that the network buffers in each
            direction.

    Attributes:
        clock: The clock.

    Raises:
        TypeError: *app* is not an application.

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
            raise ValueError(
                "The network cannot transfer anything without room: give a room of at least 1"
            )
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
        An `IAgent` for programs that are clients themselves, such as an
        `EventSource` with ``reactor=client.clock``.

        It connects to the application, whatever the host of the URL.  Data
        arrives when the clock is advanced, by at least 0, or when an attribute
        of a `StreamAnswer` is read.
        """
        agent: IAgent = Agent.usingEndpointFactory(self.clock, self._network)
        return agent

    @cached_property
    def treq(self) -> HTTPClient:
        """
        A treq client that uses `agent`, and sends bodies without the global reactor.
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
        Send a request over a new connection.

        Args:
            url: A path, such as ``/news``; or a complete URL, if the application
                depends on its host or scheme.

            last_event_id: Sent as ``Last-Event-ID``.

            headers: Sent unchanged; ``Host`` is added.

            params: Added to the query of *url*.

            data: The body: bytes, text, or the fields of a form.

            json: The body, written as JSON, unless it is ``None``.

        Returns:
            The answer, as far as it has arrived.

        Raises:
            RuntimeError: The application uses a hub or a stream that was made
                without the clock.  All connections are aborted.
        """
        body, kind = body_of(data, json)
        sent = headers_of(headers or {}, kind)
        target = target_of(url, params)

        def send(last_event_id: str) -> StreamAnswer:
            with_id = sent.copy()
            if last_event_id:
                with_id.setRawHeaders("Last-Event-ID", [last_event_id])
            producer = None if body is None else MemoryBody(body)
            response_deferred = self.agent.request(
                method.encode("ascii"), target, with_id, producer
            )
            answer = StreamAnswer(
                f"{method} {url}", response_deferred, last_event_id, self._settle, send
            )
            self._settle()
            return answer

        return send(last_event_id or "")

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
        Advance the clock from one delayed call to the next, as time passes in production.

        ``clock.advance(60)`` jumps instead: a `LoopingCall` with an interval of 15
        seconds runs only once.
        """
        until = self.clock.seconds() + seconds
        while (due := self._next_due()) is not None and due <= until:
            self.clock.advance(max(due - self.clock.seconds(), 0))
        self.clock.advance(max(until - self.clock.seconds(), 0))

    def close(self) -> None:
        """
        Abort all connections, including those of `agent`, and refuse new ones.
        Call this at the end of a test.
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
        raise TypeError(
            f"{app!r} is not a resource or a site, and has no method resource() that returns one"
        )
    site: IProtocolFactory = StreamSite(resource, reactor=clock)
    return site
