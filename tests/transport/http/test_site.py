"""
The site: the protocols that it offers, its limit of streams, and its shutdown.
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

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"


class _Secured(StringTransportWithDisconnection):
    """
    A transport that has negotiated HTTP/2.
    """

    negotiatedProtocol = b"h2"


class _SiteOfAnotherTwisted(StreamSite):
    """
    A site with a version of Twisted that lacks something.
    """

    unmet_requirements = staticmethod(
        lambda: ["H2Connection._requestDone", "H2Stream.windowUpdated"]
    )


class StreamSiteTests(SynchronousTestCase):
    """
    `StreamSite`.
    """

    def connect(self, site: StreamSite) -> StringTransportWithDisconnection:
        """
        Connect by HTTP/2.
        """
        transport = _Secured()
        protocol: Any = site.buildProtocol(transport.getPeer())
        transport.protocol = protocol
        protocol.makeConnection(transport)
        protocol.dataReceived(_PREFACE)
        return transport

    def test_offers(self) -> None:
        """
        HTTP/2 and HTTP/1.1 are offered.
        """
        site = StreamSite(Resource(), reactor=Clock())

        self.assertEqual(site.acceptableProtocols(), [b"h2", b"http/1.1"])

    def test_another_twisted(self) -> None:
        """
        If Twisted lacks something, only HTTP/1.1 is offered, and a warning says why.
        """
        events: list[LogEvent] = []
        globalLogPublisher.addObserver(events.append)
        self.addCleanup(globalLogPublisher.removeObserver, events.append)

        site = _SiteOfAnotherTwisted(Resource(), reactor=Clock())

        self.assertEqual(site.acceptableProtocols(), [b"http/1.1"])
        (missing,) = [one["missing"] for one in events if "missing" in one]
        self.assertEqual(missing, "H2Connection._requestDone, H2Stream.windowUpdated")

    def test_max_streams(self) -> None:
        """
        Each client is told the limit, which is 256 by default.
        """
        for options, expected in [({}, MAX_STREAMS), ({"max_streams": 7}, 7)]:
            with self.subTest(options=options):
                transport = self.connect(StreamSite(Resource(), reactor=Clock(), **options))

                # RFC 9113, 6.5.2: MAX_CONCURRENT_STREAMS has the number 3.
                settings = transport.value()
                self.assertIn(b"\0\3" + expected.to_bytes(4, "big"), settings)

    def test_stop(self) -> None:
        """
        When the site's last port closes, every connection sends GOAWAY and closes.
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
