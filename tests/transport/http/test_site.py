"""
A site that is fit for streams.
"""

from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransportWithDisconnection
from twisted.logger import LogEvent, globalLogPublisher
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource

from twisted_sse.transport.http.site import StreamSite
from twisted_sse.transport.http2.connection import MAX_STREAMS

__all__ = ["StreamSiteTests"]

_BEGINNING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"


class _Secured(StringTransportWithDisconnection):
    """
    A transport on which both sides have agreed on HTTP/2.
    """

    negotiatedProtocol = b"h2"


class _Elsewhere(StreamSite):
    """
    A site with a Twisted that has changed.
    """

    lacking = staticmethod(lambda: ["H2Connection._requestDone", "H2Stream.windowUpdated"])


class StreamSiteTests(SynchronousTestCase):
    """
    `StreamSite`.
    """

    def connect(self, site: StreamSite) -> StringTransportWithDisconnection:
        """
        A connection by HTTP/2.
        """
        transport = _Secured()
        protocol: Any = site.buildProtocol(transport.getPeer())
        transport.protocol = protocol
        protocol.makeConnection(transport)
        protocol.dataReceived(_BEGINNING)
        return transport

    def test_offers(self) -> None:
        """
        HTTP/2 is offered, and HTTP/1.1.
        """
        site = StreamSite(Resource(), reactor=Clock())

        self.assertEqual(site.acceptableProtocols(), [b"h2", b"http/1.1"])

    def test_another_twisted(self) -> None:
        """
        With a Twisted that lacks something HTTP/1.1 is served alone, and a warning says why.
        """
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)

        site = _Elsewhere(Resource(), reactor=Clock())

        self.assertEqual(site.acceptableProtocols(), [b"http/1.1"])
        (lacking,) = [one["lacking"] for one in events if "lacking" in one]
        self.assertEqual(lacking, "H2Connection._requestDone, H2Stream.windowUpdated")

    def test_max_streams(self) -> None:
        """
        The option is told to each client; 256 by default.
        """
        for options, expected in [({}, MAX_STREAMS), ({"max_streams": 7}, 7)]:
            with self.subTest(options=options):
                transport = self.connect(StreamSite(Resource(), reactor=Clock(), **options))

                # RFC 9113, 6.5.2: MAX_CONCURRENT_STREAMS has the number 3.
                settings = transport.value()
                self.assertIn(b"\0\3" + expected.to_bytes(4, "big"), settings)

    def test_stop(self) -> None:
        """
        When its last port is closed, every connection is told so.
        """
        site = StreamSite(Resource(), reactor=Clock())
        site.doStart()
        transports = [self.connect(site) for _ in range(2)]
        for transport in transports:
            transport.clear()

        site.doStop()

        # RFC 9113, 6.8: GOAWAY is of type 7.
        self.assertEqual([one.value()[3:4] for one in transports], [b"\7"] * 2)
        self.assertEqual([one.connected for one in transports], [False] * 2)
