"""
Requests that are watched: what arrives, and when.

Nothing is decoded, followed or tried again: what is seen is what is on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener, IReactorTime
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer

from twisted_sse.errors import EventTooLarge
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Arrival", "Observation", "Probe", "offered_protocol"]

# How much of a body that is no stream is kept, in bytes.
_BEGINNING = 1000


class Arrival(NamedTuple):
    """
    Attributes:
        time: In seconds since the request was made.
    """

    time: float
    event: ServerSentEvent


@dataclass
class Observation:
    """
    What has come of a request up to now.  Times are in seconds since it was made.

    Attributes:
        answered: When the headers had come.

        closed: When the connection or the body ended, if we did not end it.

        reason: Why there was no answer.

        watched: How long it was watched.
    """

    answered: float | None = None
    status: int = 0
    version: str = ""
    headers: Headers = field(default_factory=Headers)
    beginning: bytes = b""
    arrivals: list[Arrival] = field(default_factory=list)
    closed: float | None = None
    reason: str = ""
    watched: float = 0.0

    def header(self, name: str) -> str:
        """
        The value of a header, several joined; "" if it did not come.
        """
        return ", ".join(self.headers.getRawHeaders(name) or [])

    def named(self, kind: str) -> ServerSentEvent | None:
        """
        The first event of this type.
        """
        found = (one.event for one in self.arrivals if one.event.event == kind)
        return next(found, None)


class Probe:
    """
    Makes requests to one URL.

    Args:
        headers: Of all of them.
    """

    def __init__(
        self, agent: IAgent, clock: IReactorTime, url: str, headers: Mapping[str, list[str]]
    ) -> None:
        self._agent = agent
        self._clock = clock
        self._url = url.encode("ascii")
        self._headers = dict(headers)

    async def ask(
        self,
        seconds: float,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        *,
        seen: Observation | None = None,
        enough: Callable[[Observation], bool] = lambda seen: False,
    ) -> Observation:
        """
        Make a request, and watch what comes of it.

        Args:
            seconds: How long.

            seen: What is to be filled in while it goes on.

            enough: Asked after all that arrives whether that is enough.

        Raises:
            ConnectError, DNSLookupError: Nobody is there.
        """
        seen = Observation() if seen is None else seen
        begun = self._clock.seconds()
        all_headers = Headers({"Accept": ["text/event-stream"], **self._headers})
        for name, value in (headers or {}).items():
            all_headers.setRawHeaders(name, [value])
        asking = self._agent.request(method.encode("ascii"), self._url, all_headers)
        watching = Deferred.fromCoroutine(self._watch(asking, seen, begun, enough))
        watching.addTimeout(seconds, self._clock, lambda result, _: None)
        await watching
        seen.watched = self._clock.seconds() - begun
        return seen

    async def _watch(
        self, asking: Any, seen: Observation, begun: float, enough: Callable[[Observation], bool]
    ) -> None:
        try:
            response = await asking
        except (RequestTransmissionFailed, ResponseFailed) as error:
            if not any(reason.check(CancelledError) for reason in error.reasons):
                seen.closed = self._clock.seconds() - begun
                seen.reason = str(error.reasons[0].value)
            return
        seen.answered = self._clock.seconds() - begun
        seen.status, seen.headers = response.code, response.headers
        seen.version = "{}/{}.{}".format(response.version[0].decode("ascii"), *response.version[1:])
        body = _Body(seen, lambda: self._clock.seconds() - begun, enough)
        response.deliverBody(body)
        await body.done


class _Body(Protocol):
    def __init__(
        self, seen: Observation, now: Callable[[], float], enough: Callable[[Observation], bool]
    ) -> None:
        self._seen = seen
        self._now = now
        self._enough = enough
        self._decoder = Decoder()
        self.done: Deferred[None] = Deferred(lambda _: self._leave())

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self.done.called:
            return
        seen, now = self._seen, self._now()
        seen.beginning = (seen.beginning + data)[:_BEGINNING]
        try:
            seen.arrivals += [Arrival(now, event) for event in self._decoder.feed(data)]
        except EventTooLarge:
            # No stream; what it is instead is told by its type.
            self._end()
            return
        if self._enough(seen):
            self._end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        if not self.done.called:
            self._seen.closed = self._now()
            self.done.callback(None)

    def _end(self) -> None:
        self.done.callback(None)
        self._leave()

    def _leave(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


async def offered_protocol(reactor: Any, host: str, port: int, trust: Any, seconds: float) -> str:
    """
    What a TLS server chooses by ALPN, of HTTP/2 and HTTP/1.1; "" if it does not.

    Raises:
        Exception: There is no such server, or it is not trusted.
    """
    options = {} if trust is None else {"trustRoot": trust}
    secured = optionsForClientTLS(host, acceptableProtocols=[b"h2", b"http/1.1"], **options)
    endpoint = wrapClientTLS(secured, HostnameEndpoint(reactor, host, port))
    handshake: Any = await endpoint.connect(Factory.forProtocol(_Handshake))
    handshake.chosen.addTimeout(seconds, reactor)
    chosen: bytes | None = await handshake.chosen
    return (chosen or b"").decode("ascii")


@implementer(IHandshakeListener)
class _Handshake(Protocol):
    def __init__(self) -> None:
        self.chosen: Deferred[bytes | None] = Deferred()

    def handshakeCompleted(self) -> None:
        """
        See `IHandshakeListener`.
        """
        transport: Any = self.transport
        self.chosen.callback(transport.negotiatedProtocol)
        transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        if not self.chosen.called:
            self.chosen.errback(reason)
