"""
The client: content encodings.
"""

import gzip
import zlib

from twisted.trial.unittest import SynchronousTestCase

from tests.client.memory import Exchange, MemoryServer, Reader
from twisted_sse.client import Comment, Lost, Opened
from twisted_sse.client.encoding import Unzipped
from twisted_sse.errors import InvalidResponse, UnexpectedContentEncoding, UnexpectedStatus
from twisted_sse.events.event import ServerSentEvent

__all__ = ["BombTests", "EncodingTests", "UnzippedTests"]


class EncodingTests(SynchronousTestCase):
    """
    Which encodings are read.
    """

    def follow(self, *headers: str) -> tuple[Reader, Exchange]:
        """
        Open a stream.
        """
        server = MemoryServer()
        self.clock = server.clock
        reader = Reader(server.source().signals())
        server.newest.answer("200 OK", *headers)
        return reader, server.newest

    def test_unknown(self) -> None:
        """
        An encoding that cannot be decoded ends the iteration at once.
        """
        for encoding in ("br", "deflate", "zstd", "compress", "gzip, gzip", "br, gzip", "\x80"):
            reader, exchange = self.follow(f"Content-Encoding: {encoding}")

            self.assertIsInstance(reader.error, UnexpectedContentEncoding, encoding)
            self.assertIn("encoded with", str(reader.error))
            self.assertEqual(reader.got, [])
            self.assertTrue(exchange.lost)

    def test_name(self) -> None:
        """
        The error has the name of the encoding.
        """
        reader, _ = self.follow("Content-Encoding: BR")

        assert isinstance(reader.error, UnexpectedContentEncoding)
        self.assertEqual(reader.error.encoding, "br")

    def test_plain(self) -> None:
        """
        ``identity`` is no encoding.
        """
        for value in ("identity", "", "Identity, identity"):
            reader, exchange = self.follow(f"Content-Encoding: {value}")
            exchange.send(b"data: x\n\n")

            self.assertEqual(reader.data, ["x"])

    def test_gzip(self) -> None:
        """
        All names of gzip are understood.
        """
        for value in ("gzip", "x-gzip", "GZIP", "identity, gzip"):
            reader, exchange = self.follow(f"Content-Encoding: {value}")
            exchange.send(gzip.compress(b"data: x\n\n"))

            self.assertEqual(reader.data, ["x"], value)

    def test_broken(self) -> None:
        """
        Compressed data that is broken is a loss with a reason, at once.
        """
        whole = gzip.compress(b"data: x\n\n")
        for body in (b"data: x\n\n", whole + b"more", whole[:10] + b"\xff" * 9):
            reader, exchange = self.follow("Content-Encoding: gzip")
            exchange.send(body)

            self.assertIsInstance(reader.newest, Lost)
            self.assertIsInstance(reader.newest.reason, InvalidResponse)
            self.assertIn("compressed data is broken", str(reader.newest.reason))
            self.assertTrue(exchange.lost)

    def test_truncated(self) -> None:
        """
        A body that ends within the first compressed bytes is broken; one that ends
        later has ended as any other stream.
        """
        whole = gzip.compress(b"data: x\n\n")
        for length, broken in ((3, True), (10, True), (len(whole) - 4, False), (0, False)):
            reader, exchange = self.follow("Content-Encoding: gzip")
            if length:
                exchange.send(whole[:length])
            exchange.end()

            reason = reader.newest.reason
            self.assertEqual(isinstance(reason, InvalidResponse), broken, length)

    def test_error(self) -> None:
        """
        The body of an error is decompressed, up to its first words.
        """
        server = MemoryServer()
        reader = Reader(server.source().signals())
        server.newest.answer("400 Bad Request", "Content-Encoding: gzip", kind="text/plain")
        server.newest.send(gzip.compress(b"Why \x1b[2J" + b"x" * 50_000_000))

        assert isinstance(reader.error, UnexpectedStatus)
        self.assertTrue(reader.error.detail.startswith("Why \ufffd[2Jxxx"))
        self.assertEqual(len(reader.error.detail), 300)

    def test_unreadable_error(self) -> None:
        """
        An error that cannot be decoded is its status.
        """
        server = MemoryServer()
        reader = Reader(server.source().signals())
        server.newest.answer("400 Bad Request", "Content-Encoding: br", kind="text/plain")

        assert isinstance(reader.error, UnexpectedStatus)
        self.assertEqual((reader.error.status, reader.error.detail), (400, ""))


class BombTests(SynchronousTestCase):
    """
    A read that expands to a thousand times its size.
    """

    def test_turns(self) -> None:
        """
        A fast consumer gets few events in one turn of the reactor, and all in the end;
        meanwhile the socket is not read.
        """
        server = MemoryServer()
        reader = Reader(server.source().signals())
        exchange = server.newest
        exchange.answer("200 OK", "Content-Encoding: gzip")
        exchange.send(gzip.compress(b":\n\n" * 50_000 + b"data: x\n\n"))
        self.assertEqual(exchange.producerState, "paused")

        turns = []
        while exchange.producerState == "paused":
            before = len(reader.got)
            server.turn()
            turns.append(len(reader.got) - before)

        self.assertLess(max(turns), 5000)
        self.assertEqual(len(reader.of(Comment)), 50_000)
        self.assertEqual(reader.newest, ServerSentEvent("x"))

    def test_end(self) -> None:
        """
        All events come before the end of the stream is told.
        """
        server = MemoryServer()
        reader = Reader(server.source().signals())
        server.newest.answer("200 OK", "Content-Encoding: gzip")
        server.newest.send(gzip.compress(b"data: x\n\n" * 10_000))
        server.newest.cut()
        self.assertEqual(reader.of(Lost), [])

        server.clock.pump([0] * 100)

        self.assertEqual(len(reader.data), 10_000)
        self.assertIsInstance(reader.newest, Lost)

    def test_close(self) -> None:
        """
        Closing discards the rest, and leaves no timer.
        """
        server = MemoryServer()
        source = server.source(read_timeout=None)
        reader = Reader(source.signals())
        server.newest.answer("200 OK", "Content-Encoding: gzip")
        server.newest.send(gzip.compress(b"data: x\n\n" * 10_000))

        source.close()
        server.clock.pump([0] * 3)

        self.assertTrue(reader.ended)
        self.assertLess(len(reader.data), 10_000)
        self.assertEqual(server.clock.getDelayedCalls(), [])

    def test_opened(self) -> None:
        """
        A flood without any event does not block the reactor either.
        """
        server = MemoryServer()
        reader = Reader(server.source().signals())
        server.newest.answer("200 OK", "Content-Encoding: gzip")
        server.newest.send(gzip.compress(b"\n" * 30_000_000))
        server.turn()

        self.assertEqual([type(one) for one in reader.got], [Opened])
        self.assertEqual(server.newest.producerState, "paused")


class UnzippedTests(SynchronousTestCase):
    """
    Slices of compressed data.
    """

    def slices(self, *pieces: bytes) -> list[bytes]:
        """
        Return all slices.
        """
        unzipped, slices = Unzipped(), []
        for piece in pieces:
            unzipped.feed(piece)
            slices += iter(unzipped.next, b"")
            self.assertFalse(unzipped)
        unzipped.end()
        return slices

    def test_sizes(self) -> None:
        """
        A slice has at most 4 KiB, and nothing is lost, wherever the data is cut.
        """
        for size in (0, 1, 4096, 4097, 8192, 100_000):
            text = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
            packed = gzip.compress(text)
            for pieces in ([packed], [packed[at : at + 1] for at in range(len(packed))]):
                slices = self.slices(*pieces)

                self.assertEqual(b"".join(slices), text)
                self.assertLessEqual(max(map(len, slices), default=0), 4096)

    def test_members(self) -> None:
        """
        Several gzip members are one body (RFC 1952, 2.2).
        """
        first, second = gzip.compress(b"one"), gzip.compress(b"two")

        self.assertEqual(b"".join(self.slices(first + second)), b"onetwo")
        self.assertEqual(b"".join(self.slices(first, second)), b"onetwo")

    def test_flushed(self) -> None:
        """
        What the server has flushed is there, without the end of the data.
        """
        packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
        packed = packer.compress(b"one") + packer.flush(zlib.Z_SYNC_FLUSH)

        self.assertEqual(self.slices(packed), [b"one"])
