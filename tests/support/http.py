"""
A hub's site in memory: raw request bytes in, parsed responses out.

Nothing listens and nothing waits.  Time passes when a test advances the clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from h2.connection import H2Connection as H2Client
from h2.events import DataReceived, ResponseReceived, StreamEnded, StreamReset
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource
from twisted.web.server import Site

from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.hub import Hub
from twisted_sse.interfaces import IHistoryProvider
from twisted_sse.server.site import HubSite, hub_tree
from twisted_sse.transport.http2.connection import H2Connection
from twisted_sse.web.cors import CORS
from twisted_sse.web.resource import Authorize, everybody

__all__ = ["Answer", "Caller", "H2Caller", "Served", "call", "parse_answers"]

# RFC 9110: responses with these statuses have no body, whatever their headers say.
_BODILESS = (204, 304)


class Answer(NamedTuple):
    """
    One response, as far as it was received.

    Attributes:
        headers: The headers in order, their names in lower case.

        body: The body, without chunk framing.

        ended: Whether the end of the body was received.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    ended: bool

    def header(self, name: str) -> str | None:
        """
        Return the value of a header, or ``None`` if it is missing.

        Raises:
            AssertionError: The header occurs more than once.
        """
        values = [value for key, value in self.headers if key == name.lower()]
        if len(values) > 1:
            raise AssertionError(f"{name} occurs more than once: {values}")
        return values[0] if values else None

    @property
    def json(self) -> Any:
        """
        The body, read as JSON.
        """
        return json.loads(self.body)

    @property
    def detail(self) -> str:
        """
        The ``detail`` of a problem document.
        """
        detail: str = self.json["detail"]
        return detail

    @property
    def events(self) -> list[ServerSentEvent]:
        """
        The body, read as an event stream.
        """
        return Decoder().feed(self.body)


class Caller:
    """
    A network connection to *site* that speaks HTTP/1.
    """

    def __init__(self, site: Site) -> None:
        self.transport = StringTransportWithDisconnection()
        protocol = site.buildProtocol(self.transport.getPeer())
        self.transport.protocol = protocol
        protocol.makeConnection(self.transport)
        self._protocol = protocol
        self._methods: list[str] = []

    def ask(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str | bytes] | Sequence[tuple[str, str | bytes]] = (),
        body: bytes = b"",
        *,
        version: str = "HTTP/1.1",
    ) -> None:
        """
        Send a request; the header ``Host``, if there is none, and a body's length are added.
        """
        pairs = list(headers.items() if isinstance(headers, Mapping) else headers)
        if not any(name == "Host" for name, _ in pairs):
            pairs.insert(0, ("Host", "hub.example"))
        lines = [f"{method} {target} {version}".encode("latin-1")]
        lines += [
            name.encode("ascii") + b": " + (value if isinstance(value, bytes) else value.encode())
            for name, value in pairs
        ]
        if body:
            lines.append(b"Content-Length: %d" % len(body))
        self._methods.append(method)
        self.send(b"\r\n".join([*lines, b"", body]))

    def send(self, data: bytes) -> None:
        """
        Send bytes as they are.
        """
        self._protocol.dataReceived(data)

    @property
    def answers(self) -> list[Answer]:
        """
        The responses that were received, in order.
        """
        return parse_answers(self.transport.value(), self._methods)

    @property
    def answer(self) -> Answer:
        """
        The only response that was received.
        """
        (answer,) = self.answers
        return answer

    def stop_reading(self) -> None:
        """
        Pause the transport's producer, as a full transport does.
        """
        producer: Any = self.transport.producer
        producer.pauseProducing()

    def read_on(self) -> None:
        """
        Resume the transport's producer.
        """
        producer: Any = self.transport.producer
        producer.resumeProducing()

    def leave(self) -> None:
        """
        Close the network connection, as a browser does when its tab is closed.
        """
        self.transport.loseConnection()


def call(
    site: Site,
    method: str,
    target: str,
    headers: Mapping[str, str | bytes] | Sequence[tuple[str, str | bytes]] = (),
    body: bytes = b"",
    *,
    version: str = "HTTP/1.1",
) -> Caller:
    """
    Send one request to *site*, over a network connection of its own.
    """
    caller = Caller(site)
    caller.ask(method, target, headers, body, version=version)
    return caller


class H2Caller:
    """
    A network connection to *site* that speaks HTTP/2.

    The connection is made without TLS.

    Args:
        kind: The class of the server's connection, ours or Twisted's own.

    Attributes:
        resets: The error codes of the HTTP/2 streams that the server has reset.
    """

    def __init__(self, site: Site, clock: Clock, kind: Any = H2Connection) -> None:
        self._clock = clock
        self._client = H2Client()
        self._answers: dict[int, Answer] = {}
        self.resets: dict[int, int] = {}
        self._server = _h2_server(site, clock, kind)
        self.transport = StringTransportWithDisconnection()
        self.transport.protocol = self._server
        self._server.makeConnection(self.transport)
        self._client.initiate_connection()

    def ask(
        self,
        method: str,
        target: str,
        headers: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> int:
        """
        Send a request, and return its HTTP/2 stream.
        """
        stream: int = self._client.get_next_available_stream_id()
        pseudo = [
            (":method", method),
            (":scheme", "https"),
            (":authority", "hub.example"),
            (":path", target),
        ]
        self._client.send_headers(stream, [*pseudo, *headers], end_stream=not body)
        if body:
            self._client.send_data(stream, body, end_stream=True)
        self._exchange()
        return stream

    def cancel(self, stream: int) -> None:
        """
        Reset an HTTP/2 stream, as ``EventSource.close()`` does.
        """
        # RFC 9113, 7: CANCEL.
        self._client.reset_stream(stream, 8)
        self._exchange()

    def answer(self, stream: int) -> Answer:
        """
        Return the response on an HTTP/2 stream, as far as it was received.
        """
        self._exchange()
        return self._answers[stream]

    def _exchange(self) -> None:
        self._server.dataReceived(self._client.data_to_send())
        # One HTTP/2 frame leaves in each turn.
        for _ in range(20):
            self._clock.advance(0)
        received = self.transport.value()
        self.transport.clear()
        for event in self._client.receive_data(received):
            self._take(event)

    def _take(self, event: object) -> None:
        if isinstance(event, ResponseReceived):
            pairs = [(_text(name), _text(value)) for name, value in event.headers]
            self._answers[event.stream_id] = Answer(int(pairs[0][1]), pairs[1:], b"", False)
        elif isinstance(event, DataReceived):
            answer = self._answers[event.stream_id]
            self._answers[event.stream_id] = answer._replace(body=answer.body + event.data)
        elif isinstance(event, StreamEnded):
            answer = self._answers[event.stream_id]
            self._answers[event.stream_id] = answer._replace(ended=True)
        elif isinstance(event, StreamReset):
            self.resets[event.stream_id] = event.error_code


class Served:
    """
    A hub, and the site that ``twistd sse`` serves with it, on one clock.

    Args:
        mercure: Arguments of `MercureResource`.

        options: Arguments of `Hub`.
    """

    def __init__(
        self,
        history: IHistoryProvider | None = None,
        *,
        authorize: Authorize = everybody,
        cors: CORS | None = None,
        max_topics: int = 100,
        max_body: int = 1024 * 1024,
        demo: bool = False,
        mercure: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.clock = Clock()
        self.hub = Hub(history, reactor=self.clock, **options)
        tree = hub_tree(
            self.hub.broker,
            authorize=authorize,
            cors=cors or CORS(),
            max_topics=max_topics,
            max_body=max_body,
            demo=demo,
            mercure=mercure,
        )
        self.site = HubSite(tree, max_body, reactor=self.clock)

    def serve(self, resource: IResource) -> None:
        """
        Serve *resource* instead of the whole tree.
        """
        self.site = HubSite(resource, 1024 * 1024, reactor=self.clock)

    def call(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str | bytes] | Sequence[tuple[str, str | bytes]] = (),
        body: bytes = b"",
        *,
        version: str = "HTTP/1.1",
    ) -> Caller:
        """
        Send one request, over a network connection of its own, and let a turn pass.
        """
        caller = call(self.site, method, target, headers, body, version=version)
        self.clock.advance(0)
        return caller

    def get(
        self,
        target: str,
        headers: Mapping[str, str | bytes] | Sequence[tuple[str, str | bytes]] = (),
    ) -> Answer:
        """
        Send a ``GET``, and return the response as far as it was received.
        """
        return self.call("GET", target, headers).answer

    def post(self, content_type: str, body: bytes, token: str | None = None) -> Answer:
        """
        Send a ``POST`` to ``/events``.
        """
        headers = {"Content-Type": content_type}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.call("POST", "/events", headers, body).answer

    def publish(self, *data: str, topic: str = "news", **options: Any) -> list[str]:
        """
        Publish events through the hub object, and return their IDs.
        """
        publishing = [self.hub.publish(topic, one, **options) for one in data]
        ids: list[str] = []
        for one in publishing:
            one.addCallback(lambda receipt: ids.append(receipt.id))
        self.clock.advance(0)
        return ids

    def kept(self) -> list[ServerSentEvent]:
        """
        Return all public events, as a stream delivers them.
        """
        caller = self.call("GET", "/events?topic=*", {"Last-Event-ID": "earliest"})
        self.clock.advance(0)
        events = caller.answer.events
        caller.leave()
        return [event for event in events if event.event != "stream-open" and event.id]


def _h2_server(site: Site, clock: Clock, kind: Any) -> Any:
    server = kind(IReactorTime(clock))
    # Twisted sets these after it has detected the client's protocol.
    vars(server).update(requestFactory=site.requestFactory, site=site, factory=site, timeOut=None)
    return server


def parse_answers(received: bytes, methods: Sequence[str] = ()) -> list[Answer]:
    """
    Read HTTP/1 responses.

    Args:
        methods: The requests' methods, because the response to ``HEAD`` has no body.
    """
    answers: list[Answer] = []
    while received:
        method = methods[len(answers)] if len(answers) < len(methods) else "GET"
        answer, received = _parse_one(received, method)
        answers.append(answer)
    return answers


def _parse_one(received: bytes, method: str) -> tuple[Answer, bytes]:
    head, _, rest = received.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("utf-8").split("\r\n")
    pairs = [
        (name.lower(), value.strip()) for name, _, value in (ln.partition(":") for ln in lines)
    ]
    status = int(status_line.split()[1])
    fields = Headers({name: [value] for name, value in pairs})
    if method == "HEAD" or status in _BODILESS:
        return Answer(status, pairs, b"", True), rest
    if fields.getRawHeaders("transfer-encoding") == ["chunked"]:
        body, ended, rest = _unchunk(rest)
        return Answer(status, pairs, body, ended), rest
    length = fields.getRawHeaders("content-length")
    size = len(rest) if length is None else int(length[0])
    return Answer(status, pairs, rest[:size], len(rest) >= size), rest[size:]


def _unchunk(received: bytes) -> tuple[bytes, bool, bytes]:
    body = b""
    while received:
        size, _, received = received.partition(b"\r\n")
        length = int(size, 16)
        body += received[:length]
        if received[length : length + 2] != b"\r\n":
            raise AssertionError(f"No CR LF after a chunk of {length} bytes: {received!r}")
        received = received[length + 2 :]
        if not length:
            return body, True, received
    return body, False, b""


def _text(value: bytes | str) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else value
