"""
Connections that a server can neither keep open nor fill: what Twisted leaves unlimited.

Over TLS Twisted waits without a limit for the server's close_notify.  A server
that never sends one would cost a program one open socket for each response.  It also
keeps response headers in memory, however many come.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionClosed
from twisted.internet.interfaces import (
    IDelayedCall,
    IHandshakeListener,
    IProtocolFactory,
    IReactorTime,
)
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_sse.errors import InvalidResponse

__all__ = ["MAX_HEAD", "ClosingFactory"]

#: The largest head of a response, in bytes, interim responses included.  Servers limit
#: theirs to some tens of kilobytes.
MAX_HEAD = 128 * 1024

# How long the server may take to answer a TLS close_notify, in seconds.
_CLOSE_TIMEOUT = 5.0

# How long a TLS handshake may take, in seconds, and after how long to find out whether
# the server expects plain HTTP.
_HANDSHAKE_TIMEOUT = 10.0
_PROBE_AFTER = 1.0

# RFC 8446, 5.1: the type of an alert record, and the major version of every record.
_TLS_ALERT = b"\x15\x03"


@implementer(IHandshakeListener)
class _ClosingProtocol(ProtocolWrapper):
    """
    Aborts a connection that is still open some seconds after `loseConnection`, whose
    TLS handshake takes too long, or whose response has too large a head.

    One connection has one response.
    """

    factory: ClosingFactory
    _aborting: IDelayedCall | None = None
    _handshaking: IDelayedCall | None = None
    _probing: IDelayedCall | None = None
    _probe: Deferred[None] | None = None
    _has_failed = False
    _closed_in_head = False

    def connectionMade(self) -> None:
        """
        See `IProtocol.connectionMade`.
        """
        self._head_size = 0
        self._head_ended = False
        if self.factory.speaks_plain_http is not None:
            later = self.factory.clock.callLater
            self._handshaking = later(_HANDSHAKE_TIMEOUT, self._no_handshake)
            self._probing = later(_PROBE_AFTER, self._find_out, self.factory.speaks_plain_http)
        super().connectionMade()

    def handshakeCompleted(self) -> None:
        """
        See `IHandshakeListener.handshakeCompleted`.
        """
        self._end_handshake()

    def dataReceived(self, data: bytes) -> None:
        """
        See `IProtocol.dataReceived`.
        """
        if self._has_failed:
            return
        if self._head_ended:
            super().dataReceived(data)
            return
        if self._head_size == 0 and data.startswith(_TLS_ALERT):
            self._fail(InvalidResponse("The server speaks TLS on this port: use https://."))
            return
        self._head_size += len(data)
        super().dataReceived(data)
        if self._head_size > MAX_HEAD and not self._head_ended:
            limit = f"{MAX_HEAD // 1024} KiB"
            self._fail(InvalidResponse(f"The headers of the response exceed {limit}."))

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`.
        """
        # Twisted's parser pauses the connection between the head and the body.
        self._head_ended = True
        cast(Any, self.transport).pauseProducing()

    def loseConnection(self) -> None:
        """
        See `ITransport.loseConnection`.
        """
        # Within the head, the response has no body, or one of its lines is too long.
        self._closed_in_head = not self._head_ended
        self._head_ended = True
        super().loseConnection()
        if self._aborting is None:
            self._aborting = self.factory.clock.callLater(_CLOSE_TIMEOUT, self._abort)

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """
        See `IProtocol.connectionLost`.
        """
        if self._aborting is not None and self._aborting.active():
            self._aborting.cancel()
        if reason.check(ConnectionClosed):
            reason = self._explained(reason)
        self._end_handshake()
        if not self._has_failed:
            super().connectionLost(reason)

    def _explained(self, reason: Failure) -> Failure:
        if self._handshaking is not None:
            sentence = "The server has closed the connection during the TLS handshake"
            return Failure(SSL.Error(f"{sentence}: if it does not use TLS, use http://."))
        if self._closed_in_head:
            return Failure(InvalidResponse("A header of the response exceeds 16 KiB."))
        if self._head_size == 0 and self.factory.speaks_plain_http is None:
            sentence = "The server has closed the connection without a response"
            return Failure(InvalidResponse(f"{sentence}: if it uses TLS, use https://."))
        return reason

    def _end_handshake(self) -> None:
        for call in (self._handshaking, self._probing):
            if call is not None and call.active():
                call.cancel()
        self._handshaking = self._probing = None
        if self._probe is not None:
            self._probe.cancel()
            self._probe = None

    def _find_out(self, speaks_plain_http: Callable[[], Deferred[bool]]) -> None:
        self._probe = speaks_plain_http().addCallback(self._found_out)
        # If the probe fails, the handshake has its own timeout.
        self._probe.addErrback(lambda _: None)

    def _found_out(self, is_plain: bool) -> None:
        if is_plain and self._handshaking is not None:
            sentence = "The server does not speak TLS on this port"
            self._fail(SSL.Error(f"{sentence} (no handshake): use http:// for https://."))

    def _no_handshake(self) -> None:
        self._fail(
            SSL.Error(
                f"The server has not answered the TLS handshake for {_HANDSHAKE_TIMEOUT:g}"
                " seconds: if it does not use TLS, use http://."
            )
        )

    def _fail(self, error: Exception) -> None:
        self._has_failed = True
        self._end_handshake()
        super().connectionLost(Failure(error))
        self._abort()

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


class ClosingFactory(WrappingFactory[_ClosingProtocol]):
    """
    Wraps the protocols of another factory, so that their connections close.

    Args:
        speaks_plain_http: For connections that use TLS: finds out whether the server
            does not.

    Attributes:
        clock: Times all connections.
    """

    protocol = _ClosingProtocol

    def __init__(
        self,
        wrapped: IProtocolFactory,
        clock: IReactorTime,
        speaks_plain_http: Callable[[], Deferred[bool]] | None = None,
    ) -> None:
        super().__init__(wrapped)
        self.clock = clock
        self.speaks_plain_http = speaks_plain_http
