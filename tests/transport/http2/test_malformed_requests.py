"""
Malformed requests, and lists of headers that cannot be decoded.
"""

from collections.abc import Callable, Sequence

from h2.errors import ErrorCodes as Code
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, HeadersFrame

from tests.support.h2_client import H2Client
from tests.support.h2_frames import Fields, request_fields
from tests.transport.http2.hub import HubTestCase

__all__ = ["FieldsTests", "RequestsTests"]

# RFC 9113, 7: error codes.
PROTOCOL = Code.PROTOCOL_ERROR
COMPRESSION, CALM = Code.COMPRESSION_ERROR, Code.ENHANCE_YOUR_CALM

HUGE = ("content-length", "9" * 5000)


class FieldsTests(HubTestCase):
    """
    RFC 7541: lists of headers that cannot or must not be decoded.
    """

    CASES: list[tuple[str, str, bytes, Code]] = [
        ("index 0", "6.1", b"\x80", COMPRESSION),
        ("an index beyond both tables", "2.3.3", b"\xff\x7f", COMPRESSION),
        ("a name's index beyond both tables", "2.3.3", b"\x7f\x70\x01a", COMPRESSION),
        ("a number without an end", "5.1", b"\xff\xff\xff\xff", COMPRESSION),
        ("a truncated string", "5.2", b"\x82\x86\x84\x40\x0aabc", COMPRESSION),
        ("a table larger than ours", "6.3", b"\x3f\xe2\x1f\x82\x86\x84", COMPRESSION),
        ("a new table after a header", "4.2", b"\x82\x20\x86\x84", COMPRESSION),
        ("Huffman with EOS", "5.2", b"\x82\x86\x84\x40\x84\xff\xff\xff\xff\x01a", COMPRESSION),
        ("Huffman padded with zeros", "5.2", b"\x82\x86\x84\x40\x81\x18\x01a", COMPRESSION),
        ("Huffman padded with 8 bits", "5.2", b"\x82\x86\x84\x40\x82\x1f\xff\x01a", COMPRESSION),
        # One long header in the table, and 100 references to it of one byte each.
        (
            "a decompression bomb",
            "7.3",
            b"\x82\x86\x84\x40\x01a\x7f\xf1\x15" + b"b" * 2928 + b"\xbe" * 100,
            CALM,
        ),
    ]

    def test_errors(self) -> None:
        """
        Each error is answered with its code, and the connection is closed.
        """
        for title, section, block, code in self.CASES:
            with self.subTest(title, section=section):
                client = self.connect()
                client.send(HeadersFrame(1, block, flags=["END_HEADERS", "END_STREAM"]))
                self.assert_ends(client, code)

    def test_size(self) -> None:
        """
        More than 16 KiB of headers, counted with 32 bytes for each, are answered with 431.
        """
        client = self.connect()
        fields = [("x", str(number % 10)) for number in range(500)]

        stream = client.next_stream()
        client.send(client.headers(stream, [*request_fields(), *fields], "END_STREAM"))

        self.assertEqual(client.answer(stream).status, "431")
        self.assertEqual(client.answer(client.open()).status, "200")

    def test_path(self) -> None:
        """
        The path may have 64 KiB; a longer one is answered with 414.
        """
        client = self.connect()
        for size, expected in [(65_536, "200"), (65_537, "414")]:
            fields = request_fields("/healthz?".ljust(size, "x"))
            stream = client.next_stream()
            block = client.block(fields)
            parts = [block[start : start + 16_000] for start in range(0, len(block), 16_000)]
            client.send(
                HeadersFrame(stream, parts[0], flags=["END_STREAM"]),
                *[ContinuationFrame(stream, part) for part in parts[1:-1]],
                ContinuationFrame(stream, parts[-1], flags=["END_HEADERS"]),
            )

            self.assertEqual(client.answer(stream).status, expected)

    def test_connect(self) -> None:
        """
        CONNECT is answered with 405.
        """
        client = self.connect()
        client.send(client.headers(1, [(":method", "CONNECT"), (":authority", "a:80")]))

        self.assertEqual(client.answer(1).status, "405")


class RequestsTests(HubTestCase):
    """
    RFC 9113, 8: malformed requests.  8.1.1: they "MUST be treated as a stream error".
    """

    CASES: list[tuple[str, str, Fields]] = [
        ("no :method", "8.3.1", [(":scheme", "https"), (":authority", "a"), (":path", "/")]),
        ("no :scheme", "8.3.1", [(":method", "GET"), (":authority", "a"), (":path", "/")]),
        ("no :path", "8.3.1", [(":method", "GET"), (":scheme", "https"), (":authority", "a")]),
        ("an empty :path", "8.3.1", request_fields("")),
        ("two :method", "8.3.1", request_fields("/", "GET", (":method", "GET"))),
        ("two :path", "8.3.1", request_fields("/", "GET", (":path", "/"))),
        ("an unknown pseudo-header", "8.3", request_fields("/", "GET", (":colour", "blue"))),
        ("a response's pseudo-header", "8.3", request_fields("/", "GET", (":status", "200"))),
        ("a pseudo-header after a header", "8.3", [("a", "b"), *request_fields()]),
        ("a name in upper case", "8.2.1", request_fields("/", "GET", ("Accept", "*/*"))),
        ("a name with a space", "8.2.1", request_fields("/", "GET", ("a b", "c"))),
        ("a name with a colon", "8.2.1", request_fields("/", "GET", ("a:b", "c"))),
        ("a name with a quote", "8.2.1", request_fields("/", "GET", ('a"b', "c"))),
        ("a name beyond ASCII", "8.2.1", request_fields("/", "GET", ("\u00e4", "c"))),
        ("an empty name", "8.2.1", request_fields("/", "GET", ("", "c"))),
        ("a value with a line break", "8.2.1", request_fields("/", "GET", ("a", "b\r\nc: d"))),
        ("a value with NUL", "8.2.1", request_fields("/", "GET", ("a", "b\0c"))),
        ("a value after a space", "8.2.1", request_fields("/", "GET", ("a", " b"))),
        ("a value before a tab", "8.2.1", request_fields("/", "GET", ("a", "b\t"))),
        ("connection", "8.2.2", request_fields("/", "GET", ("connection", "close"))),
        ("keep-alive", "8.2.2", request_fields("/", "GET", ("keep-alive", "timeout=5"))),
        ("proxy-connection", "8.2.2", request_fields("/", "GET", ("proxy-connection", "close"))),
        (
            "transfer-encoding",
            "8.2.2",
            request_fields("/", "GET", ("transfer-encoding", "chunked")),
        ),
        ("upgrade", "8.2.2", request_fields("/", "GET", ("upgrade", "websocket"))),
        ("te other than trailers", "8.2.2", request_fields("/", "GET", ("te", "gzip"))),
        (
            "two lengths",
            "8.1.1",
            request_fields("/", "POST", ("content-length", "0"), ("content-length", "1")),
        ),
        (
            "a length with a sign",
            "8.1.1",
            request_fields("/", "POST", ("content-length", "+1")),
        ),
        (
            "a length that is not a number",
            "8.1.1",
            request_fields("/", "GET", ("content-length", "a")),
        ),
        ("a length that is no number of bytes", "8.1.1", request_fields("/", "POST", HUGE)),
        ("a control character", "8.2.1", request_fields("/", "GET", ("a", "b\x01c"))),
        ("a space in :path", "8.3.1", request_fields("/a b")),
        ("bytes beyond ASCII in :path", "8.3.1", request_fields("/\u00e4")),
        ("a :path without a slash", "8.3.1", request_fields("healthz")),
        ("a method that is no token", "8.3.1", request_fields("/", "GE T")),
        ("a host that is another authority", "8.3.1", request_fields("/", "GET", ("host", "a"))),
    ]

    def test_errors(self) -> None:
        """
        Each stream is reset, and the connection serves other streams.
        """
        for title, section, fields in self.CASES:
            with self.subTest(title, section=section):
                client = self.connect()
                client.send(client.headers(1, fields, "END_STREAM"))
                self.assert_reset(client)

    BODIES: list[tuple[str, str, Callable[[H2Client], Sequence[Frame]]]] = [
        (
            "shorter than its length",
            "8.1.1",
            lambda c: [c.headers(1, LONG), DataFrame(1, b"ab", flags=["END_STREAM"])],
        ),
        ("longer than its length", "8.1.1", lambda c: [c.headers(1, LONG), DataFrame(1, b"abcd")]),
        (
            "trailers that do not end it",
            "8.1",
            lambda c: [c.headers(1, POST), c.headers(1, [("a", "b")])],
        ),
        (
            "trailers with a pseudo-header",
            "8.1",
            lambda c: [c.headers(1, POST), c.headers(1, [(":path", "/")], "END_STREAM")],
        ),
    ]

    def test_bodies(self) -> None:
        """
        A body that contradicts its headers has its stream reset.
        """
        for title, section, frames in self.BODIES:
            with self.subTest(title, section=section):
                client = self.connect()
                client.send(*frames(client))
                self.assert_reset(client)

    def assert_reset(self, client: H2Client) -> None:
        """
        Check that stream 1 was reset, and that another request is answered.
        """
        self.assertEqual(client.answer(1).reset, PROTOCOL)
        client.next_stream()
        self.assertEqual(client.answer(client.open()).status, "200")


POST = request_fields("/events", "POST")
LONG = request_fields("/events", "POST", ("content-length", "3"))
