"""
Sinks on real transports: sockets of this machine, and TLS and HTTP/2 in memory.
"""

import socket
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import EncodingResourceWrapper, Resource
from twisted.web.server import NOT_DONE_YET, GzipEncoderFactory, Request, Site
from zope.interface.verify import verifyObject

from tests.support.wires import FDClock, Wire
from twisted_sse.transport.sinks.choice import sink_for
from twisted_sse.transport.sinks.framing import chunked, raw
from twisted_sse.transport.sinks.request import RequestSink
from twisted_sse.transport.sinks.sink import Sink
from twisted_sse.transport.sinks.socket import SocketSink

__all__ = ["ChoiceTests", "RequestSinkTests", "SocketSinkTests"]

GET = b"GET / HTTP/1.1\r\nHost: hub.example\r\n\r\n"
LARGE = b"x" * 4 * 1024 * 1024


class NotingStream:
    """
    Takes notes of what a sink tells it.
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
    Answers with what a test writes, and keeps the requests.
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


class Wired(SynchronousTestCase):
    """
    A site, a connection to it, and a request that waits for its answer.
    """

    def start(self, head: bytes = GET, *, small: bool = False, gzip: bool = False) -> None:
        """
        Send a request.
        """
        self.clock = FDClock()
        self.pages = WaitingResource()
        root: Any = self.pages
        if gzip:
            root = EncodingResourceWrapper(root, [GzipEncoderFactory()])
        site = Site(root, reactor=self.clock)
        protocol = site.buildProtocol(None)
        self.wire = Wire(self.clock, protocol, small=small)
        self.addCleanup(self.wire.close)
        self.ask(head)

    def ask(self, head: bytes = GET) -> None:
        """
        Send one more request over the same connection.
        """
        count = len(self.pages.requests)
        self.wire.client.sendall(head)
        self.wire.run_until(lambda: len(self.pages.requests) > count)
        self.request = self.pages.requests[-1]

    def open(self, sink: Sink) -> NotingStream:
        """
        Answer with *sink*, and wait until it can be written to.
        """
        stream = NotingStream()
        self.request.write(b"first")
        sink.open(stream)
        self.wire.run_until(lambda: "unblock" in stream.notes)
        return stream

    def body(self) -> bytes:
        """
        What follows the headers.
        """
        return self.wire.received.partition(b"\r\n\r\n")[2]


class SocketSinkTests(Wired):
    """
    Past all buffers, on a plain TCP connection.
    """

    def setUp(self) -> None:
        """
        A request over a connection whose buffers are small.
        """
        self.start(small=True)
        self.sink = SocketSink(self.request, self.wire.transport)

    def test_reactor(self) -> None:
        """
        The reactor of these tests is one as far as transports need it.
        """
        self.assertTrue(verifyObject(IReactorFDSet, self.clock))
        self.assertTrue(verifyObject(IReactorTime, self.clock))

    def test_waits_for_the_headers(self) -> None:
        """
        There is no room before the response's first bytes have left.
        """
        stream = NotingStream()
        self.request.write(b"first")
        self.sink.open(stream)
        self.assertEqual(stream.notes, [])

        self.wire.run_until(lambda: bool(stream.notes))
        self.assertEqual(stream.notes, ["unblock"])
        self.wire.run_until(lambda: b"5\r\nfirst\r\n" in self.wire.received)

    def test_takes_the_place_of_the_channel(self) -> None:
        """
        It is the transport's producer, a pull producer, and the request is let go.
        """
        channel: Any = self.request.channel
        self.open(self.sink)

        self.assertIs(self.wire.transport.producer, self.sink)
        self.assertFalse(self.wire.transport.streamingProducer)
        self.assertEqual(channel.requests, [self.sink])

    def test_send(self) -> None:
        """
        What is sent is there at once, without a turn of the reactor.
        """
        self.open(self.sink)
        payload = self.sink.framing(b"data: x\n\n")
        sent = self.sink.send(payload)

        self.assertEqual(sent, len(payload))
        self.assertEqual(self.clock.getWriters(), [])
        self.wire.run_until(lambda: self.body().endswith(b"9\r\ndata: x\n\n\r\n"))

    def test_short_write(self) -> None:
        """
        What did not fit leaves by the transport, complete and in order, and then there is room.
        """
        stream = self.open(self.sink)
        payload = chunked(LARGE)
        sent = self.sink.send(payload)
        self.assertLess(sent, len(payload))
        stream.notes.clear()
        self.sink.spill(payload[sent:])
        for _ in range(20):
            self.clock.turn()
        self.assertEqual(stream.notes, [])

        self.wire.run_until(lambda: bool(stream.notes))
        self.sink.send(chunked(b"next"))
        self.wire.run_until(lambda: self.body().endswith(b"4\r\nnext\r\n"))
        self.assertEqual(self.body(), chunked(b"first") + payload + chunked(b"next"))

    def test_full(self) -> None:
        """
        A socket that takes nothing raises an OSError, and nothing was written.
        """
        self.open(self.sink)
        sent = self.sink.send(LARGE)

        with self.assertRaises(OSError):
            while True:
                sent += self.sink.send(LARGE)
        length = len(chunked(b"first")) + sent
        self.wire.run_until(lambda: len(self.body()) == length)

    def test_finish(self) -> None:
        """
        It ends the response, and the connection serves a second request and a second stream.
        """
        stream = self.open(self.sink)
        self.sink.finish()
        self.wire.run_until(lambda: self.body().endswith(b"0\r\n\r\n"))
        self.assertEqual(self.body(), chunked(b"first") + b"0\r\n\r\n")
        self.wire.received = b""
        self.ask()
        again = SocketSink(self.request, self.wire.transport)
        self.open(again)
        again.send(chunked(b"second"))
        self.wire.run_until(lambda: self.body().endswith(chunked(b"second")))

        self.assertEqual(stream.notes, ["unblock"])

    def test_finish_restores(self) -> None:
        """
        After it the HTTP connection is the transport's producer again.
        """
        self.open(self.sink)
        self.sink.finish()

        self.assertIsNot(self.wire.transport.producer, self.sink)
        self.assertTrue(self.wire.transport.streamingProducer)

    def test_finish_with_something_on_its_way(self) -> None:
        """
        What was spilled leaves before the end, and nothing is told any more.
        """
        stream = self.open(self.sink)
        payload = chunked(LARGE)
        sent = self.sink.send(payload)
        self.sink.spill(payload[sent:])
        self.sink.spill(chunked(b"bye"))
        stream.notes.clear()
        self.sink.finish()
        self.wire.run_until(lambda: self.body().endswith(b"0\r\n\r\n"))

        expected = chunked(b"first") + payload + chunked(b"bye") + b"0\r\n\r\n"
        self.assertEqual(self.body(), expected)
        self.assertEqual(stream.notes, [])
        self.wire.received = b""
        self.ask()
        self.request.write(b"second")
        self.request.finish()
        self.wire.run_until(lambda: self.body().endswith(chunked(b"second") + b"0\r\n\r\n"))

    def test_pipelined(self) -> None:
        """
        A request that came during the stream is answered after it.
        """
        self.open(self.sink)
        self.wire.client.sendall(GET)
        for _ in range(5):
            self.clock.turn()
        self.assertEqual(len(self.pages.requests), 1)

        self.sink.finish()
        self.wire.run_until(lambda: len(self.pages.requests) == 2)

    def test_reads_again(self) -> None:
        """
        A connection that had stopped reading, because it was full both ways, reads again.
        """
        # More than 16 KiB, which the HTTP connection stops reading at.
        body = b"x" * 20_000
        head = b"POST / HTTP/1.1\r\nHost: hub.example\r\nContent-Length: %d\r\n\r\n" % len(body)
        self.wire.client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        self.wire.client.sendall(head + body)
        self.wire.run_until(lambda: not self.clock.getReaders())
        self.request.write(LARGE)
        self.open(self.sink)
        self.sink.finish()
        self.wire.run_until(lambda: b"405 Method Not Allowed" in self.wire.received)
        self.ask()

        self.assertEqual(len(self.pages.requests), 2)

    def test_http_1_0(self) -> None:
        """
        HTTP/1.0 knows no chunks, and the end of the response is that of the connection.
        """
        self.start(b"GET / HTTP/1.0\r\n\r\n")
        sink = SocketSink(self.request, self.wire.transport)
        self.open(sink)
        sink.send(sink.framing(b"data: x\n\n"))
        sink.finish()
        self.wire.run_until(lambda: not self.wire.transport.connected)

        self.assertIs(sink.framing, raw)
        self.assertEqual(self.body(), b"firstdata: x\n\n")

    def test_reader_leaves(self) -> None:
        """
        A reader that closes is noticed, once.
        """
        stream = self.open(self.sink)
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes, ["unblock", "gone"])
        self.assertRaises(OSError, self.sink.send, b"x")

    def test_reader_leaves_after_the_end(self) -> None:
        """
        A reader that closes after the end of the response is not told of.
        """
        stream = self.open(self.sink)
        self.sink.finish()
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes, ["unblock"])

    def test_abort(self) -> None:
        """
        It cuts the connection although something is on its way.
        """
        stream = self.open(self.sink)
        self.sink.spill(chunked(LARGE))
        self.sink.abort()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes[-1], "gone")


class RequestSinkTests(Wired):
    """
    Through the request, on everything else.
    """

    def setUp(self) -> None:
        """
        A request over a connection whose buffers are small.
        """
        self.start(small=True)
        self.sink = RequestSink(self.request)

    def test_send(self) -> None:
        """
        Everything is taken, and Twisted frames it.
        """
        stream = self.open(self.sink)
        self.assertEqual(self.sink.send(b"data: x\n\n"), 9)

        self.wire.run_until(lambda: self.body().endswith(b"9\r\ndata: x\n\n\r\n"))
        self.assertEqual(stream.notes, ["unblock"])
        self.assertIs(self.sink.framing, raw)

    def test_pause_and_resume(self) -> None:
        """
        A transport that is full blocks the stream, and gives way when it has written.
        """
        stream = self.open(self.sink)
        self.sink.send(LARGE)
        self.assertEqual(stream.notes, ["unblock", "block"])

        self.wire.run_until(lambda: len(stream.notes) == 3)
        self.assertEqual(stream.notes[-1], "unblock")
        self.sink.send(b"next")
        self.wire.run_until(lambda: self.body().endswith(chunked(b"next")))
        self.assertEqual(self.body(), chunked(b"first") + chunked(LARGE) + chunked(b"next"))

    def test_open_while_full(self) -> None:
        """
        Who is full from the start has room only when the transport says so.
        """
        stream = NotingStream()
        self.request.write(b"first")
        self.sink.pauseProducing()
        self.sink.open(stream)
        self.assertEqual(stream.notes, [])

        self.sink.resumeProducing()
        self.assertEqual(stream.notes, ["unblock"])

    def test_finish(self) -> None:
        """
        It ends the response, and the connection serves a second request.
        """
        stream = self.open(self.sink)
        self.sink.send(b"x")
        self.sink.finish()
        self.wire.run_until(lambda: self.body().endswith(b"0\r\n\r\n"))
        self.ask()

        self.assertEqual(stream.notes, ["unblock"])
        self.assertEqual(len(self.pages.requests), 2)

    def test_reader_leaves(self) -> None:
        """
        A reader that closes is noticed, once, and writing to it does nothing.
        """
        stream = self.open(self.sink)
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes, ["unblock", "gone"])
        self.assertEqual(self.sink.send(b"x"), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_abort(self) -> None:
        """
        It cuts the connection although something is on its way.
        """
        stream = self.open(self.sink)
        self.sink.send(LARGE)
        self.sink.abort()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes[-1], "gone")

    def test_error(self) -> None:
        """
        An error that writing raises is logged and goes no further.
        """
        self.open(self.sink)
        self.sink.finish()
        sent = self.sink.send(b"x")

        self.assertEqual(sent, 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class ChoiceTests(Wired):
    """
    `sink_for` takes the short way only where that is legal.
    """

    def test_plain(self) -> None:
        """
        A plain TCP connection is written to directly.
        """
        self.start()

        self.assertIsInstance(sink_for(self.request), SocketSink)

    def test_tls(self) -> None:
        """
        One that has begun TLS is not.
        """
        self.start()
        self.wire.transport.TLS = True

        self.assertIsInstance(sink_for(self.request), RequestSink)

    def test_gzip(self) -> None:
        """
        A response that is compressed is not.
        """
        self.start(GET[:-2] + b"Accept-Encoding: gzip\r\n\r\n", gzip=True)

        self.assertIsInstance(sink_for(self.request), RequestSink)

    def test_other_transports(self) -> None:
        """
        Whatever else there is under HTTP is written to through the request.
        """
        self.start()
        channel: Any = self.request.channel

        class Wrapper:
            """
            Hands everything on, as the wrapper that TLS is does.
            """

            def __getattr__(self, name: str) -> object:
                return getattr(wrapped, name)

        wrapped = channel.transport
        for transport in (Wrapper(), StringTransport(), None):
            with self.subTest(transport=transport):
                channel.transport = transport
                self.assertIsInstance(sink_for(self.request), RequestSink)
        channel.transport = wrapped

    def test_gone(self) -> None:
        """
        A request whose network connection is lost already is nothing to write to directly.
        """
        self.start()
        done: Deferred[None] = self.request.notifyFinish()
        done.addErrback(lambda failure: None)
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertIsInstance(sink_for(self.request), RequestSink)
