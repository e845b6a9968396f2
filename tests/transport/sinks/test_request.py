"""
The sink that writes to the request.
"""

from tests.transport.sinks.wired import LARGE, RecordingStream, SinkTestCase
from twisted_sse.transport.framing import chunked, raw
from twisted_sse.transport.sinks.request import RequestSink

__all__ = ["RequestSinkTests"]


class RequestSinkTests(SinkTestCase):
    """
    `RequestSink`.
    """

    def setUp(self) -> None:
        """
        Send a request over a connection whose buffers are small.
        """
        self.start(small=True)
        self.sink = RequestSink(self.request)

    def test_send(self) -> None:
        """
        Everything is accepted, and Twisted frames it.
        """
        stream = self.open(self.sink)
        self.assertEqual(self.sink.send(b"data: x\n\n"), 9)

        self.wire.run_until(lambda: self.body().endswith(b"9\r\ndata: x\n\n\r\n"))
        self.assertEqual(stream.notes, ["unblock"])
        self.assertIs(self.sink.framing, raw)

    def test_pause_and_resume(self) -> None:
        """
        A full transport blocks the stream, and unblocks it when it has written.
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
        A sink that is paused before it is opened unblocks the stream when it is resumed.
        """
        stream = RecordingStream()
        self.request.write(b"first")
        self.sink.pauseProducing()
        self.sink.open(stream)
        self.assertEqual(stream.notes, [])

        self.sink.resumeProducing()
        self.assertEqual(stream.notes, ["unblock"])

    def test_finish(self) -> None:
        """
        The response ends, and the connection serves a second request.
        """
        stream = self.open(self.sink)
        self.sink.send(b"x")
        self.sink.finish()
        self.wire.run_until(lambda: self.body().endswith(b"0\r\n\r\n"))
        self.ask()

        self.assertEqual(stream.notes, ["unblock"])
        self.assertEqual(len(self.pages.requests), 2)

    def test_truncate(self) -> None:
        """
        The connection is closed after everything that was sent, without the last chunk.
        """
        stream = self.open(self.sink)
        self.sink.send(LARGE)
        self.sink.spill(b"last")
        stream.notes.clear()
        self.sink.truncate()
        whole = chunked(b"first") + chunked(LARGE) + chunked(b"last")
        self.wire.run_until(lambda: self.body() == whole)
        self.wire.run_until(lambda: not self.wire.transport.connected)

        self.assertEqual(self.wire.client.recv(1), b"")
        self.assertEqual(stream.notes, [])

    def test_truncate_http_1_0(self) -> None:
        """
        With HTTP/1.0 the connection is reset.
        """
        self.start(b"GET / HTTP/1.0\r\n\r\n", small=True)
        sink = RequestSink(self.request)
        self.open(sink)
        sink.truncate()

        with self.assertRaises(ConnectionResetError):
            self.wire.run_until(lambda: False)

    def test_client_closes(self) -> None:
        """
        The stream is told once when the client closes, and writing then does nothing.
        """
        stream = self.open(self.sink)
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes, ["unblock", "gone"])
        self.assertEqual(self.sink.send(b"x"), 1)
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_abort(self) -> None:
        """
        The connection is aborted although bytes are still to be written.
        """
        stream = self.open(self.sink)
        self.sink.send(LARGE)
        self.sink.abort()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes[-1], "gone")

    def test_error(self) -> None:
        """
        An error while writing is logged, and not raised.
        """
        self.open(self.sink)
        self.sink.finish()
        sent = self.sink.send(b"x")

        self.assertEqual(sent, 1)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
