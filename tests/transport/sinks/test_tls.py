"""
The sink that encrypts, and writes to a socket directly.
"""

import tempfile
from pathlib import Path
from typing import Any

from tests.support.certificates import write_certificate
from tests.support.wires import EncryptedWire
from tests.transport.sinks.directrules import DirectSinkRules
from tests.transport.sinks.wired import GET, SinkTestCase
from twisted_sse.transport.framing import chunked
from twisted_sse.transport.sinks.direct import DirectSink
from twisted_sse.transport.sinks.tls import TLSSink
from twisted_sse.transport.tls.identity import CertificateFiles

__all__ = ["TLSSinkTests"]


class TLSSinkTests(DirectSinkRules, SinkTestCase):
    """
    `TLSSink`.
    """

    large = b"x" * 256 * 1024
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

    def begin(self, head: bytes = GET) -> None:
        """
        See `DirectSinkRules.begin`.
        """
        self.start(head, small=True, files=self.files)
        self.transport: Any = self.wire.transport.protocol
        self.sink = self.make()

    def make(self) -> DirectSink:
        """
        See `DirectSinkRules.make`.
        """
        return TLSSink(self.request, self.transport)

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

    def test_finished_sink_is_not_called(self) -> None:
        """
        After the end of the response, received data calls nobody.
        """
        self.open(self.sink)
        self.assertIsNotNone(self.transport.on_received)
        self.sink.finish()

        self.assertIsNone(self.transport.on_received)
