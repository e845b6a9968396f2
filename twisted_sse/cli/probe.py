"""
Makes requests, and observes what arrives and when.

Redirects are not followed, content is not decompressed, and nothing is retried: an
observation is what was on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import wrapClientTLS
from twisted.internet.interfaces import IHandshakeListener, IReactorTime, IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.ssl import optionsForClientTLS
from twisted.python.failure import Failure
from twisted.web.client import RequestTransmissionFailed, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent
from zope.interface import implementer

from twisted_sse.client.failures import loss_reason
from twisted_sse.errors import EventTooLarge
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["Arrival", "Observation", "Probe", "offered_protocol"]

# The most to keep of a body, for error messages, in bytes.
_MAX_BODY_START = 1000

# The most events to keep, and the most bytes of their data.
_MAX_ARRIVALS = 10_000
_MAX_DATA = 4 * 1024 * 1024


class Arrival(NamedTuple):
    """
    An event that has arrived.

    Attributes:
        time: In seconds since the request was made.
    """

    time: float
    event: ServerSentEvent


@dataclass
class Observation:
    """
    What has arrived for a request so far.  Times are in seconds since it was made.

    Attributes:
        answered: When the headers arrived.

        closed: When the connection or the body ended, unless this side ended it.

        reason: Why no answer came.

        watched: How long the request was observed.
    """

    answered: float | None = None
    status: int = 0
    version: str = ""
    headers: Headers = field(default_factory=Headers)
    body_start: bytes = b""
    arrivals: list[Arrival] = field(default_factory=list)
    closed: float | None = None
    reason: str = ""
    watched: float = 0.0

    def header(self, name: str) -> str:
        """
        Return the value of a header, several joined; "" if it is missing.
        """
        return ", ".join(self.headers.getRawHeaders(name) or [])

    def named(self, kind: str) -> ServerSentEvent | None:
        """
        Return the first event of this type.
        """
        found = (one.event for one in self.arrivals if one.event.event == kind)
        return next(found, None)


class Probe:
    """
    Makes requests to one URL.

    Args:
        headers: The headers of every request.
    """

    def __init__(
        self, agent: IAgent, clock: IReactorTime, url: str, headers: Mapping[str, list[str]]
    ) -> None:
        self._agent = agent
        self._clock = clock
        self._url = url.encode("ascii")
        self._headers = dict(headers)

    async def request(
        self,
        seconds: float,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        *,
        observation: Observation | None = None,
        enough: Callable[[Observation], bool] = lambda observation: False,
    ) -> Observation:
        """
        Make a request, and observe the response.

        Args:
            seconds: How long.

            observation: Filled in as data arrives; a new one by default.

            enough: Called after each arrival; ends the observation by returning True.

        Raises:
            ConnectError, DNSLookupError: The server cannot be reached.
        """
        observation = Observation() if observation is None else observation
        begun = self._clock.seconds()
        all_headers = Headers({"Accept": ["text/event-stream"], **self._headers})
        for name, value in (headers or {}).items():
            all_headers.setRawHeaders(name, [value])
        requesting = self._agent.request(method.encode("ascii"), self._url, all_headers)
        watching = Deferred.fromCoroutine(self._watch(requesting, observation, begun, enough))
        watching.addTimeout(seconds, self._clock, lambda result, _: None)
        await watching
        observation.watched = self._clock.seconds() - begun
        return observation

    async def _watch(
        self,
        requesting: Any,
        observation: Observation,
        begun: float,
        enough: Callable[[Observation], bool],
    ) -> None:
        try:
            response = await requesting
        except (RequestTransmissionFailed, ResponseFailed) as error:
            if not any(reason.check(CancelledError) for reason in error.reasons):
                observation.closed = self._clock.seconds() - begun
                observation.reason = str(loss_reason(error))
            return
        observation.answered = self._clock.seconds() - begun
        observation.status, observation.headers = response.code, response.headers
        observation.version = "{}/{}.{}".format(
            response.version[0].decode("ascii"), *response.version[1:]
        )
        body = _Body(observation, lambda: self._clock.seconds() - begun, enough)
        response.deliverBody(body)
        await body.done


class _Body(Protocol):
    def __init__(
        self,
        observation: Observation,
        now: Callable[[], float],
        enough: Callable[[Observation], bool],
    ) -> None:
        self._observation = observation
        self._now = now
        self._enough = enough
        self._decoder = Decoder(hold_comments=False)
        self._size = 0
        self.done: Deferred[None] = Deferred(lambda _: self._close())

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self.done.called:
            return
        observation, now = self._observation, self._now()
        observation.body_start = (observation.body_start + data)[:_MAX_BODY_START]
        try:
            for event in self._decoder.feed(data):
                self._observe(Arrival(now, event))
        except EventTooLarge:
            # Not a stream; the Content-Type tells what it is.
            self._end()
            return
        if self._enough(observation):
            self._end()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        if not self.done.called:
            self._observation.closed = self._now()
            self.done.callback(None)

    def _observe(self, arrival: Arrival) -> None:
        self._size += len(arrival.event.data or "")
        arrivals = self._observation.arrivals
        if len(arrivals) < _MAX_ARRIVALS and self._size <= _MAX_DATA:
            arrivals.append(arrival)

    def _end(self) -> None:
        self.done.callback(None)
        self._close()

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()


async def offered_protocol(
    reactor: Any, endpoint: IStreamClientEndpoint, host: str, trust: Any, seconds: float
) -> str:
    """
    Return the protocol that a TLS server chooses by ALPN, of HTTP/2 and HTTP/1.1;
    "" if it chooses none.

    Args:
        endpoint: Of the server, below TLS.

    Raises:
        Exception: The server cannot be reached, or is not trusted.
    """
    options = {} if trust is None else {"trustRoot": trust}
    secured = optionsForClientTLS(host, acceptableProtocols=[b"h2", b"http/1.1"], **options)
    handshake: Any = await wrapClientTLS(secured, endpoint).connect(Factory.forProtocol(_Handshake))
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
