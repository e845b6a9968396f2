"""
The protocol of one connection: strict HTTP/1.1, or our HTTP/2 if ALPN chose it.

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
    Answers 400 where RFC 9112 requires it and Twisted does not.
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

        Ignores the body of a refused request, which nothing is prepared to receive.
        """
        if not self._refused:
            super().rawDataReceived(data)

    def _refuse(self) -> None:
        self._refused = True
        self._respondToBadRequestAndDisconnect()


class Channel(_GenericHTTPChannelProtocol):
    """
    Switches to the protocol that client and server have negotiated.

    Twisted's creates its own `H2Connection`, which cannot be replaced.
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
                self._switch_to(H2Connection(self._factory.reactor))
                self._negotiatedProtocol = b"h2"
        return super().dataReceived(data)

    def connectionLost(self, reason: Any) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self._connections.discard(self._channel)
        self._channel.connectionLost(reason)

    def _switch_to(self, connection: Any) -> None:
        previous = self._channel
        previous._networkProducer.unregisterProducer()
        previous.setTimeout(None)
        connection.max_streams = self._max_streams
        connection.requestFactory = self._requestFactory
        connection.site = self._site
        connection.factory = self._factory
        connection.timeOut = self._timeOut
        connection.callLater = self._callLater
        self._channel = connection
        connection.makeConnection(previous.transport)
        previous._networkProducer.registerProducer(connection, True)
        self._connections.add(connection)
