"""
The client: its HTTP client.
"""

import zlib

from treq.client import HTTPClient
from treq.testing import StubTreq
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from tests.client.memory import URL, MemoryServer, Reader
from twisted_sse import Hub
from twisted_sse.client import Backoff, Control, EventSource, Lost, Opened

__all__ = ["CompressionTests", "GivenClientTests", "StubTests"]


class _Echo(Resource):
    """
    Answers with an event that has the body of the request, and stays open.
    """

    isLeaf = True

    def render_POST(self, request: Request) -> int:
        """
        See `Resource.render`.
        """
        request.setHeader("Content-Type", "text/event-stream")
        assert request.content is not None
        request.write(b"data: " + request.content.read() + b"\n\n")
        return NOT_DONE_YET


class StubTests(SynchronousTestCase):
    """
    treq's own client for tests.
    """

    def test_hub(self) -> None:
        """
        A hub is followed in memory, without a reactor.
        """
        clock = Clock()
        hub = Hub(reactor=clock)
        stub = StubTreq(hub.resource())
        source = EventSource("http://hub.example/?topic=news", client=stub, reactor=clock)
        reader = Reader(source.signals())
        clock.advance(0)
        stub.flush()

        hub.publish("news", "hello")
        clock.advance(0)
        stub.flush()

        self.assertEqual([type(one) for one in reader.got[:2]], [Opened, Control])
        self.assertEqual(reader.newest.data, "hello")
        self.assertEqual(source.last_event_id, reader.newest.id)
        source.close()
        stub.flush()

    def test_body(self) -> None:
        """
        The body of the request is sent.
        """
        stub = StubTreq(_Echo())
        source = EventSource(
            "http://example.com/", client=stub, method="POST", body="prompt", reactor=Clock()
        )
        reader = Reader(source.signals())
        stub.flush()

        self.assertEqual(reader.newest.data, "prompt")
        source.close()
        stub.flush()


class GivenClientTests(SynchronousTestCase):
    """
    A client of the caller's.
    """

    def test_treq(self) -> None:
        """
        A treq client is used unchanged, with its cookies.
        """
        server = MemoryServer()
        client = HTTPClient(server.agent)
        source = EventSource(URL, client=client, reactor=server.clock, backoff=Backoff(jitter=0))
        reader = Reader(source.signals())

        server.newest.answer("200 OK", "Set-Cookie: a=b")
        server.newest.send(b"data: 1\n\n")
        server.newest.end()
        server.clock.advance(1.0)

        self.assertEqual(reader.of(Lost)[0].delay, 1.0)
        self.assertEqual(server.newest.headers["Cookie"], "a=b")

    def test_cookies(self) -> None:
        """
        A server cannot fill the cookie jar.
        """
        server = MemoryServer()
        Reader(server.source(backoff=Backoff(jitter=0, factor=1)).signals())

        for attempt in range(5):
            cookies = [f"Set-Cookie: c{attempt}-{number}=v" for number in range(20)]
            server.newest.answer("200 OK", *cookies, f"Set-Cookie: large={'x' * 5000}")
            server.newest.end()
            server.clock.advance(1.0)

        sent = server.newest.headers["Cookie"]
        self.assertEqual(len(sent.split("; ")), 50)
        self.assertNotIn("large", sent)


class CompressionTests(SynchronousTestCase):
    """
    Servers that compress.
    """

    def test_gzip(self) -> None:
        """
        Compressed events arrive as soon as they are flushed.
        """
        server = MemoryServer()
        reader = Reader(server.source().signals())
        packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        self.assertEqual(server.newest.headers["Accept-Encoding"], "gzip")

        server.newest.answer("200 OK", "Content-Encoding: gzip")
        for text in [b"1", b"2"]:
            data = packer.compress(b"data: " + text + b"\n\n")
            server.newest.send(data + packer.flush(zlib.Z_SYNC_FLUSH))

        self.assertEqual(reader.data, ["1", "2"])

    def test_garbage(self) -> None:
        """
        A body that cannot be decompressed is a lost stream.
        """
        server = MemoryServer()
        reader = Reader(server.source().signals())
        server.newest.answer("200 OK", "Content-Encoding: gzip")

        server.newest.send(b"data: plain\n\n")

        self.assertIsInstance(reader.newest, Lost)
        self.assertTrue(server.newest.lost)
