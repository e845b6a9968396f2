"""
A site whose HTTP/1.1 and HTTP/2 are fit for event streams.
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
    A `twisted.web.server.Site` whose HTTP/2 supports streams that never end, and
    whose HTTP/1.1 refuses what RFC 9112 says must be refused.

    When its last port is closed, its HTTP/2 connections refuse new requests, and
    each of them closes when its last stream ends.

    Args:
        max_streams: How many streams a client may have open on one HTTP/2
            connection.
    """

    _log = Logger()

    #: Lists what the installed Twisted lacks for HTTP/2.
    unmet_requirements = staticmethod(unmet_requirements)

    def __init__(
        self, root: IResource, *arguments: Any, max_streams: int = MAX_STREAMS, **options: Any
    ) -> None:
        super().__init__(root, *arguments, **options)
        self._max_streams = max_streams
        self._connections: set[H2Connection] = set()
        missing = self.unmet_requirements()
        self._offers_http2 = not missing
        if missing:
            self._log.warn(
                "HTTP/2 is disabled: the installed version of Twisted lacks {missing}",
                missing=", ".join(missing),
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
        return [one for one in offered if self._offers_http2 or one != b"h2"]

    def stopFactory(self) -> None:
        """
        See `twisted.internet.protocol.Factory.stopFactory`.
        """
        super().stopFactory()
        for connection in list(self._connections):
            connection.shut_down()
