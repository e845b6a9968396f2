"""
The protocol of one connection: strict HTTP/1.1, or our HTTP/2 if ALPN chose it or if a
client without TLS begins with it.

camelCase methods are called by Twisted.  Comments that begin with "RFC 9113:" quote it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from twisted.internet.interfaces import IHandshakeListener, INegotiated
from twisted.web.http import _GenericHTTPChannelProtocol
from zope.interface import implementer

from twisted_sse.transport.deadline import RequestTimeouts
from twisted_sse.transport.http.http1 import StrictHTTPChannel
from twisted_sse.transport.http2.connection import H2Connection
from twisted_sse.transport.proxies import TrustedProxies
from twisted_sse.transport.refusals import Refusals
from twisted_sse.transport.socketlimit import Slot, SocketHolder, SocketLimit
from twisted_sse.transport.sockets import close_now

__all__ = ["Channel", "ChannelSettings"]

# RFC 9113, 3.3: "A client that has prior knowledge that a server supports HTTP/2 can
# establish a TCP connection and send the connection preface"; so do proxies such as
# Envoy.  The first word of the preface tells: no request of HTTP/1.1 has the method
# PRI, which section 11.7 reserves.  `H2Connection` checks the rest.
_PREFACE_WORD = b"PRI "


class ChannelSettings(NamedTuple):
    """
    What all channels of a site share.

    Attributes:
        connections: The open HTTP/2 connections.

        sockets: ``None`` if their number is not limited.

        handshake_timeout: The seconds that a TLS handshake may take; ``None`` waits
            forever.

        proxies: Those whose sockets do not count for their address.

        refusals: Counts what is refused.

        prior_knowledge: Whether a client without TLS may begin with HTTP/2.
    """

    connections: set[H2Connection]
    max_streams: int
    timeouts: RequestTimeouts
    sockets: SocketLimit | None
    handshake_timeout: float | None
    proxies: TrustedProxies | None
    refusals: Refusals
    prior_knowledge: bool

    def take_slot(self, peer: Any, holder: SocketHolder) -> Slot | None:
        """
        Take a slot for the socket of *holder*; ``None`` if every other one is being
        answered.  There must be `sockets`.

        Args:
            peer: Its remote address.
        """
        assert self.sockets is not None
        # The sockets of a proxy bring those of many clients.
        is_proxy = self.proxies is not None and self.proxies.trusts(peer)
        return self.sockets.take(None if is_proxy else peer, holder)


@implementer(IHandshakeListener)
class Channel(_GenericHTTPChannelProtocol):
    """
    Switches to the protocol that client and server have negotiated.

    Twisted's creates its own `H2Connection`, which cannot be replaced.

    Attributes:
        slot: The socket's, if the site's sockets are limited; the door may have it already.
    """

    _channel: Any
    _factory: Any
    _negotiatedProtocol: Any

    def __init__(self, settings: ChannelSettings) -> None:
        channel = StrictHTTPChannel()
        channel.timeouts = settings.timeouts
        super().__init__(channel)
        self._settings = settings
        self.slot: Slot | None = None
        # The time limit of the TLS handshake: a DelayedCall.
        self._handshake: Any = None
        # What a client without TLS has sent, as long as it may be the preface of HTTP/2.
        self._first = b""

    def makeConnection(self, transport: Any) -> None:
        """
        See `IProtocol.makeConnection`.
        """
        settings = self._settings
        self._channel.transport = transport
        if self.slot is None and settings.sockets is not None:
            self.slot = settings.take_slot(transport.getPeer(), self)
            if self.slot is None:
                # TLS has not begun, and must not find its connection lost.
                transport.abortConnection()
                return
        self._channel.slot = self.slot
        self._channel.makeConnection(transport)
        # Of the transports, only those with TLS negotiate a protocol.
        timeout = self._settings.handshake_timeout
        if timeout is not None and INegotiated.providedBy(transport):
            self._handshake = self._channel.callLater(timeout, self._handshake_expired)

    def handshakeCompleted(self) -> None:
        """
        See `IHandshakeListener.handshakeCompleted`.
        """
        handshake, self._handshake = self._handshake, None
        if handshake is not None:
            handshake.cancel()

    def dataReceived(self, data: bytes) -> Any:
        """
        See `IProtocol.dataReceived`.
        """
        if self._negotiatedProtocol is None:
            data = self._choose(data)
        return self._channel.dataReceived(data)

    def connectionLost(self, reason: Any) -> None:
        """
        See `IProtocol.connectionLost`.
        """
        self.handshakeCompleted()
        if self.slot is not None:
            self.slot.release()
        self._settings.connections.discard(self._channel)
        self._channel.connectionLost(reason)

    def close_now(self) -> None:
        """
        See `SocketHolder.close_now`.
        """
        close_now(self._channel.transport)

    def timeoutConnection(self) -> None:
        """
        See `twisted.web.http.HTTPChannel.timeoutConnection`.
        """
        self._channel.timeoutConnection()

    def truncate(self) -> None:
        """
        See `ClosingHTTPChannel.truncate`.
        """
        self._channel.truncate()

    def _choose(self, data: bytes) -> bytes:
        """
        Choose the protocol, if enough is known.

        Until it is, HTTP/1.1 receives the bytes, and limits their time.

        Returns:
            The bytes for the protocol.
        """
        transport = self._channel.transport
        # RFC 9113, 3.2: with TLS, a client "MUST use" ALPN.
        if hasattr(transport, "negotiatedProtocol"):
            is_http2 = transport.negotiatedProtocol == b"h2"
        else:
            self._first += data
            is_http2 = self._begins_http2()
            if not is_http2 and _PREFACE_WORD.startswith(self._first):
                return data
            data = self._first if is_http2 else data
            self._first = b""
        if is_http2:
            self._switch_to(H2Connection(self._factory.reactor))
        self._negotiatedProtocol = b"h2" if is_http2 else b"http/1.1"
        return data

    def _begins_http2(self) -> bool:
        return (
            self._first.startswith(_PREFACE_WORD)
            and self._settings.prior_knowledge
            # The beginning was too slow.
            and not self._channel.refused
        )

    def _handshake_expired(self) -> None:
        self._handshake = None
        self._settings.refusals.count("handshake_timeout")
        self._channel.transport.abortConnection()

    def _switch_to(self, connection: Any) -> None:
        previous = self._channel
        previous._networkProducer.unregisterProducer()
        previous.setTimeout(None)
        previous.forget_deadline()
        connection.max_streams = self._settings.max_streams
        connection.timeouts = self._settings.timeouts
        connection.slot = self.slot
        connection.requestFactory = self._requestFactory
        connection.site = self._site
        connection.factory = self._factory
        connection.timeOut = self._timeOut
        connection.callLater = self._callLater
        self._channel = connection
        connection.makeConnection(previous.transport)
        previous._networkProducer.registerProducer(connection, True)
        self._settings.connections.add(connection)
