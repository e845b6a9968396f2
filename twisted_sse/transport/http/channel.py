"""
What a site speaks with a client: HTTP/1.1 by the book, or HTTP/2 repaired.

camelCase methods are called by Twisted.
"""

from __future__ import annotations

from typing import Any

from twisted.web.http import HTTPChannel, _GenericHTTPChannelProtocol

from twisted_sse.transport.http2.connection import H2Connection

__all__ = ["Channel", "StrictHTTPChannel"]

# RFC 9110, 5.5: "field-vchar = VCHAR / obs-text", with spaces and tabs between.
_CONTROLS = bytes({*range(32), 127} - {0x09})


class StrictHTTPChannel(HTTPChannel):
    """
    Answers 400 where RFC 9112 says so and Twisted does not.
    """

    _refused = False

    def headerReceived(self, line: bytes) -> bool:
        """
        See `twisted.web.http.HTTPChannel.headerReceived`.

        RFC 9110, 5.5: "field values containing [...] control characters [...]
        are considered invalid".
        """
        if line.translate(None, _CONTROLS) != line:
            self._refuse()
            return False
        accepted: bool = super().headerReceived(line)
        return accepted

    def allHeadersReceived(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.allHeadersReceived`.

        RFC 9112, 3.2: "A server MUST respond with a 400 (Bad Request) status
        code to any HTTP/1.1 request message that lacks a Host header field and
        to any request message that contains more than one Host header field".
        """
        hosts = self.requests[-1].requestHeaders.getRawHeaders(b"host", [])
        if len(hosts) > 1 or (not hosts and self._version == b"HTTP/1.1"):
            self._refuse()
            return
        super().allHeadersReceived()

    def allContentReceived(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.allContentReceived`.
        """
        if not self._refused:
            super().allContentReceived()

    def rawDataReceived(self, data: bytes) -> None:
        """
        See `twisted.protocols.basic.LineReceiver.rawDataReceived`.

        The body of what was refused comes with it, and nobody has made room.
        """
        if not self._refused:
            super().rawDataReceived(data)

    def _refuse(self) -> None:
        self._refused = True
        self._respondToBadRequestAndDisconnect()


class Channel(_GenericHTTPChannelProtocol):
    """
    Becomes what the client and the server have agreed on.

    Twisted's makes its own `H2Connection` here, and offers no way to choose.
    """

    _channel: Any
    _factory: Any
    _negotiatedProtocol: Any

    def __init__(self, connections: set[H2Connection], max_streams: int) -> None:
        super().__init__(StrictHTTPChannel())
        self._connections = connections
        self._max_streams = max_streams

    def dataReceived(self, data: bytes) -> Any:
        """
        See `IProtocol.dataReceived`.
        """
        if self._negotiatedProtocol is None:
            transport = self._channel.transport
            if getattr(transport, "negotiatedProtocol", None) == b"h2":
                self._become(H2Connection(self._factory.reactor))
                self._negotiatedProtocol = b"h2"
        return super().dataReceived(data)

    def connectionLost(self, reason: Any) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._connections.discard(self._channel)
        self._channel.connectionLost(reason)

    def _become(self, connection: Any) -> None:
        before = self._channel
        before._networkProducer.unregisterProducer()
        before.setTimeout(None)
        connection.max_streams = self._max_streams
        connection.requestFactory = self._requestFactory
        connection.site = self._site
        connection.factory = self._factory
        connection.timeOut = self._timeOut
        connection.callLater = self._callLater
        self._channel = connection
        connection.makeConnection(before.transport)
        before._networkProducer.registerProducer(connection, True)
        self._connections.add(connection)
