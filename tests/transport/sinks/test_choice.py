"""
The choice of a sink for a request.
"""

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport

from tests.support.certificates import write_certificate
from tests.transport.sinks.wired import GET, SinkTestCase
from twisted_sse.transport.sinks.choice import sink_for
from twisted_sse.transport.sinks.request import RequestSink
from twisted_sse.transport.sinks.socket import SocketSink
from twisted_sse.transport.sinks.tls import TLSSink
from twisted_sse.transport.tls.identity import CertificateFiles

__all__ = ["ChoiceTests"]


class ChoiceTests(SinkTestCase):
    """
    `sink_for` uses the socket directly only where that is safe.
    """

    def test_plain(self) -> None:
        """
        A plain TCP connection is written to directly.
        """
        self.start()

        self.assertIsInstance(sink_for(self.request), SocketSink)

    def test_tls(self) -> None:
        """
        A connection that has started TLS is not written to directly.
        """
        self.start()
        self.wire.transport.TLS = True

        self.assertIsInstance(sink_for(self.request), RequestSink)

    def test_tls_of_ours(self) -> None:
        """
        TLS directly on a TCP connection is written to directly, but not TLS on anything else.
        """
        directory = Path(self.mktemp())
        directory.mkdir()
        files = CertificateFiles(*map(str, write_certificate(directory)))
        self.start(files=files)
        transport: Any = self.wire.transport.protocol
        self.assertIsInstance(sink_for(self.request), TLSSink)

        below, transport.transport = transport.transport, StringTransport()
        self.assertIsInstance(sink_for(self.request), RequestSink)
        transport.transport = below

    def test_gzip(self) -> None:
        """
        A response that is compressed is not written directly.
        """
        self.start(GET[:-2] + b"Accept-Encoding: gzip\r\n\r\n", gzip=True)

        self.assertIsInstance(sink_for(self.request), RequestSink)

    def test_other_transports(self) -> None:
        """
        All other transports are written to through the request.
        """
        self.start()
        channel: Any = self.request.channel

        class Wrapper:
            """
            Forwards all attributes, as the TLS wrapper does.
            """

            def __getattr__(self, name: str) -> object:
                return getattr(wrapped, name)

        wrapped = channel.transport
        for transport in (Wrapper(), StringTransport(), None):
            with self.subTest(transport=transport):
                channel.transport = transport
                self.assertIsInstance(sink_for(self.request), RequestSink)
        channel.transport = wrapped

    def test_connection_lost(self) -> None:
        """
        A request whose connection is lost is not written to directly.
        """
        self.start()
        done: Deferred[None] = self.request.notifyFinish()
        done.addErrback(lambda failure: None)
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertIsInstance(sink_for(self.request), RequestSink)
