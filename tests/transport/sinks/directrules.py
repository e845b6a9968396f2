"""
What holds for every sink that bypasses the buffers of an HTTP/1.1 connection.
"""

from tests.transport.sinks.wired import GET, LARGE, RecordingStream
from twisted_sse.transport.framing import chunked, raw
from twisted_sse.transport.sinks.direct import DirectSink

__all__ = ["DirectSinkRules"]


class DirectSinkRules:
    """
    Mix it into a `SinkTestCase` that makes the sinks.

    Attributes:
        sink: The sink under test.

        large: More than the buffers of the connection take.
    """

    sink: DirectSink
    large = LARGE

    def begin(self, head: bytes = GET) -> None:
        """
        Send a request over a new connection whose buffers are small, and make `sink` for it.
        """
        raise NotImplementedError

    def make(self) -> DirectSink:
        """
        Make a sink for the newest request.
        """
        raise NotImplementedError

    def setUp(self) -> None:
        """
        Send a request.
        """
        self.begin()

    def test_waits_for_the_headers(self) -> None:
        """
        The stream is blocked until the response's first bytes have been written.
        """
        stream = RecordingStream()
        self.request.write(b"first")
        self.sink.open(stream)
        self.assertEqual(stream.notes, [])

        self.wire.run_until(lambda: bool(stream.notes))
        self.assertEqual(stream.notes, ["unblock"])
        self.wire.run_until(lambda: b"5\r\nfirst\r\n" in self.wire.received)

    def test_send(self) -> None:
        """
        A payload is sent at once, without a turn of the reactor.
        """
        self.open(self.sink)
        payload = self.sink.framing(b"data: x\n\n")
        sent = self.sink.send(payload)

        self.assertEqual(sent, len(payload))
        self.assertEqual(self.clock.getWriters(), [])
        self.wire.run_until(lambda: self.body().endswith(b"9\r\ndata: x\n\n\r\n"))

    def test_short_write(self) -> None:
        """
        The transport writes what did not fit, in order, and then the stream is unblocked.
        """
        stream = self.open(self.sink)
        payload = chunked(self.large)
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

    def test_finish(self) -> None:
        """
        The response ends, and the connection serves a second request and a second stream.
        """
        stream = self.open(self.sink)
        self.sink.finish()
        self.wire.run_until(lambda: self.body().endswith(b"0\r\n\r\n"))
        self.assertEqual(self.body(), chunked(b"first") + b"0\r\n\r\n")
        self.wire.received = b""
        self.ask()
        again = self.make()
        self.open(again)
        again.send(chunked(b"second"))
        self.wire.run_until(lambda: self.body().endswith(chunked(b"second")))

        self.assertEqual(stream.notes, ["unblock"])

    def test_finish_restores(self) -> None:
        """
        Afterward the HTTP channel is the transport's producer again.
        """
        self.open(self.sink)
        self.sink.finish()

        self.assertIsNot(self.wire.transport.producer, self.sink)
        self.assertTrue(self.wire.transport.streamingProducer)

    def test_finish_after_spill(self) -> None:
        """
        Spilled bytes are written before the end, and the stream is not called any more.
        """
        stream = self.open(self.sink)
        payload = chunked(self.large)
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
        A request that arrives during the stream is answered after it.
        """
        self.open(self.sink)
        self.wire.send(GET)
        for _ in range(5):
            self.clock.turn()
        self.assertEqual(len(self.pages.requests), 1)

        self.sink.finish()
        self.wire.run_until(lambda: len(self.pages.requests) == 2)

    def test_http_1_0(self) -> None:
        """
        With HTTP/1.0 there are no chunks, and the end of the connection ends the response.
        """
        self.begin(b"GET / HTTP/1.0\r\n\r\n")
        sink = self.sink
        self.open(sink)
        sink.send(sink.framing(b"data: x\n\n"))
        sink.finish()
        self.wire.run_until(lambda: not self.wire.transport.connected)

        self.assertIs(sink.framing, raw)
        self.assertEqual(self.body(), b"firstdata: x\n\n")

    def test_truncate(self) -> None:
        """
        The connection is closed after everything that was spilled, without the last chunk.
        """
        stream = self.open(self.sink)
        payload = chunked(self.large)
        sent = self.sink.send(payload)
        self.sink.spill(payload[sent:])
        stream.notes.clear()
        self.sink.truncate()
        self.wire.run_until(lambda: self.body() == chunked(b"first") + payload)
        self.wire.run_until(lambda: not self.wire.transport.connected)

        self.assertEqual(self.wire.client.recv(1), b"")
        self.assertEqual(stream.notes, [])

    def test_truncate_http_1_0(self) -> None:
        """
        With HTTP/1.0 the connection is reset, once everything was written.
        """
        self.begin(b"GET / HTTP/1.0\r\n\r\n")
        sink = self.sink
        self.open(sink)
        sink.spill(self.large)
        sink.truncate()
        with self.assertRaises(ConnectionResetError):
            self.wire.run_until(lambda: False)

        # The kernel discards what the client has not taken.
        self.assertGreater(len(self.body()), len(self.large) // 2)

    def test_truncate_http_1_0_at_once(self) -> None:
        """
        The same if nothing is left to be written.
        """
        self.begin(b"GET / HTTP/1.0\r\n\r\n")
        sink = self.sink
        self.open(sink)
        self.wire.run_until(lambda: self.body() == b"first")
        sink.truncate()

        with self.assertRaises(ConnectionResetError):
            self.wire.run_until(lambda: False)

    def test_client_closes(self) -> None:
        """
        The stream is told once when the client closes the connection.
        """
        stream = self.open(self.sink)
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes, ["unblock", "gone"])
        self.assertRaises(OSError, self.sink.send, b"x")

    def test_client_closes_after_the_end(self) -> None:
        """
        The stream is not told when the client closes after the end of the response.
        """
        stream = self.open(self.sink)
        self.sink.finish()
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes, ["unblock"])

    def test_abort(self) -> None:
        """
        The connection is aborted although bytes are still to be written.
        """
        stream = self.open(self.sink)
        self.sink.spill(chunked(self.large))
        self.sink.abort()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes[-1], "gone")
