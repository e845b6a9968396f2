"""
A site whose HTTP/1.1 and HTTP/2 are fit for event streams.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Site

from twisted_sse.transport.deadline import (
    BODY_TIMEOUT,
    HANDSHAKE_TIMEOUT,
    HEAD_TIMEOUT,
    RequestTimeouts,
)
from twisted_sse.transport.http.channel import Channel, ChannelSettings
from twisted_sse.transport.http.door import Door
from twisted_sse.transport.http.idle import IdleTimeouts
from twisted_sse.transport.http.repeats import Repeats
from twisted_sse.transport.http.request import BoundedRequest
from twisted_sse.transport.http2.connection import MAX_STREAMS, H2Connection
from twisted_sse.transport.http2.requirements import unmet_requirements
from twisted_sse.transport.proxies import TrustedProxies
from twisted_sse.transport.refusals import Refusals
from twisted_sse.transport.socketlimit import SocketLimit, SocketLimits
from twisted_sse.units import check_instance

__all__ = ["StreamSite"]


class StreamSite(Site):
    """
    A `twisted.web.server.Site` whose HTTP/2 supports streams that never end, and
    whose HTTP/1.1 refuses what RFC 9112 says must be refused.

    HTTP/2 is chosen by ALPN, or, without TLS, by a client that begins with its preface.

    When its last port is closed, its HTTP/2 connections refuse new requests, and
    each of them closes when its last stream ends.

    Args:
        max_streams: How many streams a client may have open on one HTTP/2
            connection.

        head_timeout: Seconds from the first byte of a request to the end of its
            headers; ``None`` waits forever.

        body_timeout: Seconds that a body may take, plus one for each KiB of it;
            ``None`` waits forever.

        handshake_timeout: Seconds that a TLS handshake may take; ``None`` waits
            forever.

        max_body: The most bytes of a request's body, for all of its resources.  A
            larger body is not read, and answered with 413.  ``None`` leaves the
            limit to the resources; those of this package have one.

        socket_limits: How many sockets may be open.

        trusted_proxies: Those whose word counts for the address of a client, as
            ``request.getClientAddress()`` returns it.

        refusals: Counts what is refused; of a hub, ``hub.broker.refusals``.

        door: Whether simple requests to the resources of this package are read by
            `Door`, which costs less; ``False`` leaves all to Twisted's channel.

        repeats: Remembers how requests for streams that repeat each other are answered.
            Give it only if the root answers equal requests alike, as long as they have
            no credentials, and ``log`` ignores streams.  ``None`` remembers nothing.

    Attributes:
        repeats: As given.

        settings: What the channels of the site share.

        idle: Ends connections that wait at the door for too long.
    """

    requestFactory = BoundedRequest

    #: Whether a request with a body that is too large is answered without the resource
    #: at its path, if that has no limit of its own.
    refuses_large_bodies = True

    # `EndpointService` sets the options of the listening sockets, and on Linux the accepted
    # ones inherit them: three system calls less per connection (benchmarks, memory).
    sockets_limited = False

    _log = Logger()

    #: Lists what the installed Twisted lacks for HTTP/2.
    unmet_requirements = staticmethod(unmet_requirements)

    def __init__(
        self,
        root: IResource,
        *arguments: Any,
        max_streams: int = MAX_STREAMS,
        head_timeout: float | None = HEAD_TIMEOUT,
        body_timeout: float | None = BODY_TIMEOUT,
        handshake_timeout: float | None = HANDSHAKE_TIMEOUT,
        max_body: int | None = None,
        socket_limits: SocketLimits | None = None,
        trusted_proxies: TrustedProxies | None = None,
        refusals: Refusals | None = None,
        door: bool = True,
        repeats: Repeats | None = None,
        **options: Any,
    ) -> None:
        super().__init__(root, *arguments, **options)
        check_instance("door", door, bool, "True or False")
        self.door = door
        self.repeats = repeats
        self.idle = IdleTimeouts(self.reactor)
        self.max_body = max_body
        self.trusted_proxies = trusted_proxies
        self.refusals = Refusals() if refusals is None else refusals
        limits = socket_limits
        self.sockets = None if limits is None else SocketLimit(limits, self.refusals)
        missing = self.unmet_requirements()
        self._offers_http2 = not missing
        if missing:
            self._log.warn(
                "HTTP/2 is disabled: the installed version of Twisted lacks {missing}",
                missing=", ".join(missing),
            )
        self._connections: set[H2Connection] = set()
        self.settings = ChannelSettings(
            self._connections,
            max_streams,
            RequestTimeouts(head_timeout, body_timeout),
            self.sockets,
            handshake_timeout,
            trusted_proxies,
            self.refusals,
            prior_knowledge=self._offers_http2,
        )

    def set_limits(
        self,
        *,
        max_streams: int,
        head_timeout: float | None,
        body_timeout: float | None,
        handshake_timeout: float | None,
        max_body: int | None,
    ) -> None:
        """
        Apply these limits to connections that begin from now on; that of bodies, to
        all requests.

        Args:
            max_streams, head_timeout, body_timeout, handshake_timeout, max_body: As for
                the constructor.
        """
        self.max_body = max_body
        self.settings = self.settings._replace(
            max_streams=max_streams,
            timeouts=RequestTimeouts(head_timeout, body_timeout),
            handshake_timeout=handshake_timeout,
        )

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """
        See `twisted.internet.protocol.Factory.buildProtocol`.
        """
        # The door makes no requests but its own.
        is_open = self.door and self.requestFactory is BoundedRequest
        return Door(self, addr) if is_open else self.build_channel(addr)

    def build_channel(self, addr: IAddress | None) -> Any:
        """
        Build what knows all of HTTP.
        """
        return super().buildProtocol(addr)

    def protocol(self) -> Channel:
        """
        See `twisted.internet.protocol.Factory.protocol`.
        """
        return Channel(self.settings)

    def acceptableProtocols(self) -> list[bytes]:
        """
        See `twisted.internet.interfaces.IProtocolNegotiationFactory`.
        """
        offered: list[bytes] = super().acceptableProtocols()
        return [one for one in offered if self._offers_http2 or one != b"h2"]

    def stopFactory(self) -> None:
        """
        See `twisted.internet.protocol.Factory.stopFactory`.
        """
        super().stopFactory()
        for connection in list(self._connections):
            connection.shut_down()
