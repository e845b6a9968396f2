"""
The sink that encrypts, and writes to a socket directly.
"""

import tempfile
from pathlib import Path
from typing import Any

from tests.support.certificates import write_certificate
from tests.support.wires import EncryptedWire
from tests.transport.sinks.wired import GET, SinkTestCase
from twisted_sse.transport.sinks.framing import chunked, raw
from twisted_sse.transport.sinks.tls import TLSSink
from twisted_sse.transport.tls.identity import CertificateFiles

__all__ = ["TLSSinkTests"]

_LARGE = b"x" * 256 * 1024


class TLSSinkTests(SinkTestCase):
    """
    `TLSSink`.
    """

    files: CertificateFiles
    _directory: "tempfile.TemporaryDirectory[str]"

    @classmethod
    def setUpClass(cls) -> None:
        """
        Make a certificate.
        """
        cls._directory = tempfile.TemporaryDirectory()
        cls.files = CertificateFiles(*map(str, write_certificate(Path(cls._directory.name))))

    @classmethod
    def tearDownClass(cls) -> None:
        """
        Remove it.
        """
        cls._directory.cleanup()

    def setUp(self) -> None:
        """
        Send a request over a connection whose buffers are small.
        """
        self.begin()

    def begin(self, head: bytes = GET) -> None:
        """
        Send a request over a new connection.
        """
        self.start(head, small=True, files=self.files)
        self.transport: Any = self.wire.transport.protocol
        self.sink = TLSSink(self.request, self.transport)

    def fill(self) -> bytes:
        """
        Send small records until the socket takes one only in part, and return all of them.
        """
        stream = self.open(self.sink)
        stream.notes.clear()
        payload, sent = chunked(b"x" * 3000), b""
        while not stream.notes:
            self.assertEqual(self.sink.send(payload), len(payload))
            sent += payload
        self.assertEqual(stream.notes, ["block"])
        self.stream = stream
        return sent

    def test_replaces_the_channel(self) -> None:
        """
        The sink is the pull producer of the TCP connection below TLS, and the channel's request.
        """
        channel: Any = self.request.channel
        self.open(self.sink)

        self.assertIs(self.wire.transport.producer, self.sink)
        self.assertFalse(self.wire.transport.streamingProducer)
        self.assertEqual(channel.requests, [self.sink])

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

    def test_several_records(self) -> None:
        """
        What is longer than a record is sent as several.
        """
        self.start(files=self.files)
        sink = TLSSink(self.request, self.wire.transport.protocol)
        self.open(sink)
        payload = chunked(b"y" * 40_000)

        self.assertEqual(sink.send(payload), len(payload))
        self.wire.run_until(lambda: self.body().endswith(payload))

    def test_short_write(self) -> None:
        """
        The transport writes what did not fit, in order, and then the stream is unblocked.
        """
        stream = self.open(self.sink)
        payload = chunked(_LARGE)
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
        self.assertEqual(stream.notes, ["unblock"])
        self.assertEqual(self.body(), chunked(b"first") + payload + chunked(b"next"))

    def test_half_a_record(self) -> None:
        """
        A record that the socket takes in part is taken, and blocks the stream until it has left.
        """
        sent = self.fill()
        self.wire.run_until(lambda: len(self.stream.notes) > 1)
        self.sink.send(chunked(b"next"))
        self.wire.run_until(lambda: self.body().endswith(chunked(b"next")))

        self.assertEqual(self.stream.notes, ["block", "unblock"])
        self.assertEqual(self.body(), chunked(b"first") + sent + chunked(b"next"))

    def test_spill_after_half_a_record(self) -> None:
        """
        What is spilled follows the record that was sent in part.
        """
        sent = self.fill()
        self.sink.spill(chunked(b"bye"))
        self.sink.finish()
        self.wire.run_until(lambda: self.body().endswith(b"0\r\n\r\n"))

        expected = chunked(b"first") + sent + chunked(b"bye") + b"0\r\n\r\n"
        self.assertEqual(self.body(), expected)

    def test_received(self) -> None:
        """
        After data from the client, nothing is sent until the transport has written its answers.
        """
        stream = self.open(self.sink)
        stream.notes.clear()
        self.wire.send(GET)
        self.wire.run_until(lambda: bool(stream.notes))
        self.assertEqual(stream.notes[0], "block")
        self.wire.run_until(lambda: len(stream.notes) > 1)
        self.sink.send(chunked(b"next"))
        self.wire.run_until(lambda: self.body().endswith(chunked(b"next")))

        self.assertEqual(stream.notes, ["block", "unblock"])
        self.assertEqual(len(self.pages.requests), 1)

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
        again = TLSSink(self.request, self.transport)
        self.open(again)
        again.send(chunked(b"second"))
        self.wire.run_until(lambda: self.body().endswith(chunked(b"second")))

        self.assertEqual(stream.notes, ["unblock"])

    def test_finish_restores(self) -> None:
        """
        Afterward the HTTP channel is the producer again, and received data calls nobody.
        """
        self.open(self.sink)
        self.sink.finish()

        self.assertIsNot(self.wire.transport.producer, self.sink)
        self.assertTrue(self.wire.transport.streamingProducer)
        self.assertIsNone(self.transport.on_received)

    def test_http_1_0(self) -> None:
        """
        With HTTP/1.0 there are no chunks, and the end of the connection ends the response.
        """
        self.begin(b"GET / HTTP/1.0\r\n\r\n")
        self.open(self.sink)
        self.sink.send(self.sink.framing(b"data: x\n\n"))
        self.sink.finish()
        self.wire.run_until(lambda: b"data: x" in self.wire.received)
        assert isinstance(self.wire, EncryptedWire)
        self.wire.say_goodbye()
        self.wire.run_until(lambda: not self.wire.transport.connected)

        self.assertIs(self.sink.framing, raw)
        self.assertEqual(self.body(), b"firstdata: x\n\n")

    def test_truncate(self) -> None:
        """
        Everything that was spilled is sent, and then TLS ends without the last chunk.
        """
        assert isinstance(self.wire, EncryptedWire)
        sent = self.fill()
        self.sink.spill(chunked(b"bye"))
        self.sink.truncate()
        self.wire.run_until(lambda: self.body().endswith(chunked(b"bye")))
        self.wire.say_goodbye()
        self.wire.run_until(lambda: not self.wire.transport.connected)

        self.assertEqual(self.body(), chunked(b"first") + sent + chunked(b"bye"))
        self.assertEqual(self.stream.notes, ["block"])

    def test_truncate_http_1_0(self) -> None:
        """
        With HTTP/1.0, the connection is reset after everything was sent.
        """
        self.begin(b"GET / HTTP/1.0\r\n\r\n")
        self.open(self.sink)
        self.sink.spill(b"bye")
        self.sink.truncate()
        with self.assertRaises(ConnectionResetError):
            self.wire.run_until(lambda: False)

        self.assertEqual(self.body(), b"firstbye")

    def test_client_closes(self) -> None:
        """
        The stream is told once when the client closes the connection.
        """
        stream = self.open(self.sink)
        self.wire.client.close()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes, ["unblock", "gone"])
        self.assertRaises(OSError, self.sink.send, b"x")

    def test_client_ends_tls(self) -> None:
        """
        The connection ends when the client ends TLS, also if it reads nothing more.
        """
        assert isinstance(self.wire, EncryptedWire)
        self.fill()
        self.wire.say_goodbye()
        self.wire.run_until(lambda: "gone" in self.stream.notes)

        self.assertFalse(self.wire.transport.connected)
        self.assertRaises(OSError, self.sink.send, b"x")

    def test_abort(self) -> None:
        """
        The connection is aborted although bytes are still to be written.
        """
        stream = self.open(self.sink)
        self.sink.spill(chunked(_LARGE))
        self.sink.abort()
        self.wire.run_until(lambda: not self.wire.transport.connected, reading=False)

        self.assertEqual(stream.notes[-1], "gone")
