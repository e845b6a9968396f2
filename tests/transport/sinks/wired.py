"""
What the tests of sinks share: a request over a real socket, which a sink answers.
"""

from typing import Any

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import EncodingResourceWrapper, Resource
from twisted.web.server import NOT_DONE_YET, GzipEncoderFactory, Request, Site

from tests.support.wires import EncryptedWire, FDClock, Wire
from twisted_sse.transport.sink import Sink
from twisted_sse.transport.tls.context import TLSFactory, TLSServer
from twisted_sse.transport.tls.identity import CertificateFiles

__all__ = ["GET", "LARGE", "RecordingStream", "SinkTestCase"]

GET = b"GET / HTTP/1.1\r\nHost: hub.example\r\n\r\n"
LARGE = b"x" * 4 * 1024 * 1024


class RecordingStream:
    """
    Records what a sink calls.
    """

    def __init__(self) -> None:
        self.notes: list[str] = []

    def block(self) -> None:
        """
        See `Stream.block`.
        """
        self.notes.append("block")

    def unblock(self) -> None:
        """
        See `Stream.unblock`.
        """
        self.notes.append("unblock")

    def gone(self) -> None:
        """
        See `Stream.gone`.
        """
        self.notes.append("gone")


class WaitingResource(Resource):
    """
    Collects its requests, which the tests answer.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []

    def render_GET(self, request: Request) -> int:
        """
        See `IResource.render`.
        """
        self.requests.append(request)
        return NOT_DONE_YET


class SinkTestCase(SynchronousTestCase):
    """
    Has a site, a connection to it, and a request that a test answers.
    """

    def start(
        self,
        head: bytes = GET,
        *,
        small: bool = False,
        gzip: bool = False,
        files: CertificateFiles | None = None,
    ) -> None:
        """
        Send a request, over TLS if there are *files*.
        """
        self.clock = FDClock()
        self.pages = WaitingResource()
        root: Any = self.pages
        if gzip:
            root = EncodingResourceWrapper(root, [GzipEncoderFactory()])
        site = self.make_site(root)
        self.wire: Wire
        if files is None:
            self.wire = Wire(self.clock, site.buildProtocol(None), small=small)
        else:
            protocol = TLSFactory(TLSServer([files]), site).buildProtocol(None)
            self.wire = EncryptedWire(self.clock, protocol, small=small)
        self.addCleanup(self.wire.close)
        self.ask(head)

    def make_site(self, root: Any) -> Any:
        """
        Make the site, which serves *root*.
        """
        return Site(root, reactor=self.clock)

    def ask(self, head: bytes = GET) -> None:
        """
        Send another request over the same connection.
        """
        count = len(self.pages.requests)
        self.wire.send(head)
        self.wire.run_until(lambda: len(self.pages.requests) > count)
        self.request = self.pages.requests[-1]

    def open(self, sink: Sink) -> RecordingStream:
        """
        Begin the response, and wait until *sink* may be written to.
        """
        stream = RecordingStream()
        self.request.write(b"first")
        sink.open(stream)
        self.wire.run_until(lambda: "unblock" in stream.notes)
        return stream

    def body(self) -> bytes:
        """
        What the client has received after the headers.
        """
        return self.wire.received.partition(b"\r\n\r\n")[2]
