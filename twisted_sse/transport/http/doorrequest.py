"""
A request that the door has read whole, and what it is answered by.

To resources it is a request of `twisted.web` like any other, so the same code answers it.
What most of them never look at is made when it is asked for.

camelCase methods and attributes are those of Twisted.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.python.components import Componentized
from twisted.web.http import parse_qs
from twisted.web.http_headers import Headers

from twisted_sse.transport.http.lazyheaders import LazyHeaders
from twisted_sse.transport.http.plainheaders import PlainHeaders
from twisted_sse.transport.http.repeats import Repeat
from twisted_sse.transport.http.request import BoundedRequest
from twisted_sse.transport.http.wholerequest import WholeRequest

__all__ = ["DoorChannel", "DoorRequest"]


class DoorChannel:
    """
    The channel of one request, which collects what is written to it.

    Attributes:
        door: The `twisted_sse.transport.http.door.Door`, which is the sink of a stream.

        held: Whether more is about to be written, so that nothing is sent yet.
    """

    __slots__ = ("_written", "door", "held")

    def __init__(self, door: Any) -> None:
        self.door = door
        self.held = False
        self._written: list[bytes] = []

    @property
    def site(self) -> Any:
        """
        See `twisted.web.http.HTTPChannel`.
        """
        return self.door.site

    # `Request.finish` logs the request with its channel's factory.
    factory = site

    @property
    def transport(self) -> Any:
        """
        See `twisted.web.http.HTTPChannel`.
        """
        return self.door.transport

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """
        See `twisted.web.http.HTTPChannel.writeHeaders`.
        """
        lines = [b"%b %b %b\r\n" % (version, code, reason)]
        for name, values in headers.getAllRawHeaders():
            for value in values:
                lines.append(b"%b: %b\r\n" % (name, value))
        lines.append(b"\r\n")
        self._written += lines

    def write(self, data: bytes) -> None:
        """
        See `twisted.web.http.HTTPChannel.write`.
        """
        self._written.append(data)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """
        See `twisted.web.http.HTTPChannel.writeSequence`.
        """
        self._written += data

    def flush(self) -> None:
        """
        Send what was written.
        """
        written, self._written = self._written, []
        if written:
            self.door.transmit(b"".join(written))

    def requestDone(self, request: DoorRequest) -> None:
        """
        See `twisted.web.http.HTTPChannel.requestDone`.
        """
        self.flush()
        self.door.request_done()

    def getPeer(self) -> IAddress:
        """
        See `ITransport.getPeer`.
        """
        peer: IAddress = self.door.peer
        return peer

    def getHost(self) -> IAddress:
        """
        See `ITransport.getHost`.
        """
        host: IAddress = self.transport.getHost()
        return host

    def isSecure(self) -> bool:
        """
        See `twisted.web.http.HTTPChannel.isSecure`: there is a channel for TLS.
        """
        return False

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """
        See `twisted.web.http.HTTPChannel.registerProducer`.
        """
        self.flush()
        self.transport.registerProducer(producer, streaming)

    def unregisterProducer(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.unregisterProducer`.
        """
        self.transport.unregisterProducer()

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`.
        """
        self.flush()
        self.transport.loseConnection()

    def abortConnection(self) -> None:
        """
        See `ITCPTransport.abortConnection`.
        """
        self.transport.abortConnection()


class DoorRequest(BoundedRequest):
    """
    Made of a `WholeRequest`.

    Attributes:
        wants_repeat: Whether others have asked in the same words.

        repeat: What answers them, if `wants_repeat` and it can be known.
    """

    wants_repeat = False
    repeat: Repeat | None = None

    # Twisted removes it with the connection.
    channel: Any

    def __init__(self, channel: DoorChannel, given: WholeRequest) -> None:
        self._has_form = _has_form(given)
        if self._has_form:
            super().__init__(channel)
        else:
            self._begin(channel)
        self.requestHeaders = LazyHeaders(given.headers)
        self._given = given

    def _begin(self, channel: DoorChannel) -> None:
        """
        Do what the constructors of Twisted do, as far as it is needed for every request.

        The rest is made when it is asked for; a test compares the attributes (benchmarks,
        memory: accept).
        """
        Componentized.__init__(self)
        self.channel = channel
        self.transport = channel.transport
        self.client = channel.getPeer()
        self.responseHeaders = PlainHeaders()
        self.notifications = []
        self.cookies = []
        self.queued = False
        self.content = BytesIO()

    @cached_property
    def host(self) -> IAddress:
        """
        See `twisted.web.http.Request`.
        """
        transport: Any = self.transport
        address: IAddress = transport.getHost()
        return address

    @cached_property
    def received_cookies(self) -> dict[bytes, bytes]:  # type: ignore[override]
        """
        See `twisted.web.http.Request`.
        """
        found = vars(self)["received_cookies"] = {}
        self.parseCookies()
        return found

    @cached_property
    def args(self) -> dict[bytes, list[bytes]]:  # type: ignore[override]
        """
        See `twisted.web.http.Request`.
        """
        found: dict[bytes, list[bytes]] = parse_qs(self.uri.partition(b"?")[2], True)
        return found

    def answer(self) -> None:
        """
        Have the site's resource answer, and send what it has written by then in one go.
        """
        given, channel = self._given, self.channel
        channel.held = True
        if given.body:
            self.gotLength(len(given.body))
            self.handleContentChunk(given.body)
        if self._has_form:
            self.parseCookies()
            self.requestReceived(given.method, given.target, b"HTTP/1.1")
        else:
            self.content.seek(0)
            self.method, self.uri, self.clientproto = given.method, given.target, b"HTTP/1.1"
            self.path = given.target.partition(b"?")[0]
            self.process()
        channel.held = False
        channel.flush()

    def write(self, data: bytes) -> None:
        """
        See `twisted.web.http.Request.write`.
        """
        super().write(data)
        channel = self.channel
        # There is none any more if the client has left.
        if channel is not None and not channel.held:
            channel.flush()

    def finish(self) -> None:
        """
        See `twisted.web.http.Request.finish`.
        """
        channel = getattr(self, "channel", None)
        if channel is not None:
            # The head and the end may be all that is left to send.
            channel.held = True
        super().finish()


def _has_form(given: WholeRequest) -> bool:
    """
    Whether Twisted may parse the body.
    """
    return bool(given.body) and b"form" in given.headers.get(b"content-type", b"").lower()
