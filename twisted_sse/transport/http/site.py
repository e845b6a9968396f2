"""
A site that is fit for streams.
"""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger
from twisted.web.resource import IResource
from twisted.web.server import Site

from twisted_sse.transport.http.channel import Channel
from twisted_sse.transport.http2.connection import MAX_STREAMS, H2Connection
from twisted_sse.transport.http2.requirements import unmet_requirements

__all__ = ["StreamSite"]


class StreamSite(Site):
    """
    A `twisted.web.server.Site` whose HTTP/2 can bear streams that never end, and
    whose HTTP/1.1 refuses what RFC 9112 says must be refused.

    When its last port is closed, it takes no more requests by HTTP/2, and its
    connections end with their last streams.

    Args:
        max_streams: How many streams a client may have open on one HTTP/2
            connection.
    """

    _log = Logger()

    #: Tells what this Twisted lacks for HTTP/2.
    lacking = staticmethod(unmet_requirements)

    def __init__(
        self, root: IResource, *arguments: Any, max_streams: int = MAX_STREAMS, **options: Any
    ) -> None:
        super().__init__(root, *arguments, **options)
        self._max_streams = max_streams
        self._connections: set[H2Connection] = set()
        lacking = self.lacking()
        self._fit = not lacking
        if lacking:
            self._log.warn(
                "HTTP/2 is off: this version of Twisted has no {lacking}",
                lacking=", ".join(lacking),
            )

    def protocol(self) -> Channel:
        """
        See `twisted.internet.protocol.Factory.protocol`.
        """
        return Channel(self._connections, self._max_streams)

    def acceptableProtocols(self) -> list[bytes]:
        """
        See `twisted.internet.interfaces.IProtocolNegotiationFactory`.
        """
        offered: list[bytes] = super().acceptableProtocols()
        return [one for one in offered if self._fit or one != b"h2"]

    def stopFactory(self) -> None:
        """
        See `twisted.internet.protocol.Factory.stopFactory`.
        """
        super().stopFactory()
        for connection in list(self._connections):
            connection.shut_down()
