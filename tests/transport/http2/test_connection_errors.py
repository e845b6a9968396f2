"""
Errors of the connection: each is answered with its code, and the connection is closed.
"""

from collections.abc import Callable, Sequence

from h2.errors import ErrorCodes as Code
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    HeadersFrame,
    PingFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.support.h2_client import H2Client
from tests.support.h2_frames import PREFACE, raw_frame, request_fields
from tests.transport.http2.hub import HubTestCase

__all__ = ["FramesTests", "PrefaceTests", "StreamsTests"]

# RFC 9113, 6: the types of frames.
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY = range(8)
WINDOW_UPDATE, CONTINUATION, UNKNOWN = 8, 9, 0xBD
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8

# RFC 9113, 7: error codes.
PROTOCOL, FLOW, SIZE = Code.PROTOCOL_ERROR, Code.FLOW_CONTROL_ERROR, Code.FRAME_SIZE_ERROR
CLOSED = Code.STREAM_CLOSED

Case = tuple[str, str, Sequence[Frame | bytes], Code]


def setting(code: int, value: int) -> bytes:
    """
    A SETTINGS frame with one setting, valid or not.
    """
    return raw_frame(SETTINGS, 0, 0, code.to_bytes(2, "big") + value.to_bytes(4, "big"))


def number(value: int) -> bytes:
    """
    *value* as four bytes.
    """
    return value.to_bytes(4, "big")


class PrefaceTests(HubTestCase):
    """
    RFC 9113, 3.4: the client's connection preface.
    """

    WRONG = [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/3.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\n\n",
        b"\0" * 24,
    ]

    def test_other_protocols(self) -> None:
        """
        A wrong preface closes the connection; GOAWAY may be omitted.
        """
        for preface in self.WRONG:
            with self.subTest(preface=preface):
                client = self.connect(preface=preface)
                self.assert_ends(client, None)

    def test_settings_first(self) -> None:
        """
        The first frame must be the client's SETTINGS.
        """
        first = [
            PingFrame(0, b"12345678").serialize(),
            SettingsFrame(0, flags=["ACK"]).serialize(),
            WindowUpdateFrame(0, window_increment=1).serialize(),
            raw_frame(UNKNOWN, 0, 0),
        ]
        for frame in first:
            with self.subTest(frame=frame):
                client = self.connect(preface=PREFACE + frame)
                self.assert_ends(client, PROTOCOL)

    def test_in_pieces(self) -> None:
        """
        A preface may arrive byte by byte.
        """
        client = self.connect(preface=PREFACE[:1])
        for start in range(1, len(PREFACE)):
            client.send(PREFACE[start : start + 1])
        client.send(SettingsFrame(0))

        client.ping()


class FramesTests(HubTestCase):
    """
    Frames that are wrong in every state.
    """

    CASES: list[Case] = [
        (
            "a length that is not a multiple of 6",
            "6.5",
            [raw_frame(SETTINGS, 0, 0, bytes(5))],
            SIZE,
        ),
        ("an ACK with settings", "6.5", [raw_frame(SETTINGS, ACK, 0, bytes(6))], SIZE),
        ("SETTINGS on a stream", "6.5", [raw_frame(SETTINGS, 0, 1)], PROTOCOL),
        ("ENABLE_PUSH 2", "6.5.2", [setting(2, 2)], PROTOCOL),
        ("INITIAL_WINDOW_SIZE 2^31", "6.5.2", [setting(4, 2**31)], FLOW),
        ("MAX_FRAME_SIZE 16383", "6.5.2", [setting(5, 16383)], PROTOCOL),
        ("MAX_FRAME_SIZE 2^24", "6.5.2", [setting(5, 2**24)], PROTOCOL),
        ("a PING of 7 bytes", "6.7", [raw_frame(PING, 0, 0, bytes(7))], SIZE),
        ("a PING of 9 bytes", "6.7", [raw_frame(PING, 0, 0, bytes(9))], SIZE),
        ("an ACK of PING of 0 bytes", "6.7", [raw_frame(PING, ACK, 0)], SIZE),
        ("PING on a stream", "6.7", [raw_frame(PING, 0, 1, bytes(8))], PROTOCOL),
        ("a GOAWAY of 7 bytes", "6.8", [raw_frame(GOAWAY, 0, 0, bytes(7))], SIZE),
        ("GOAWAY on a stream", "6.8", [raw_frame(GOAWAY, 0, 1, bytes(8))], PROTOCOL),
        ("a window opened by 0", "6.9", [raw_frame(WINDOW_UPDATE, 0, 0, number(0))], PROTOCOL),
        ("a WINDOW_UPDATE of 3 bytes", "6.9", [raw_frame(WINDOW_UPDATE, 0, 0, bytes(3))], SIZE),
        ("a WINDOW_UPDATE of 5 bytes", "6.9", [raw_frame(WINDOW_UPDATE, 0, 0, bytes(5))], SIZE),
        (
            "a window beyond 2^31-1",
            "6.9.1",
            [raw_frame(WINDOW_UPDATE, 0, 0, number(2**31 - 1))],
            FLOW,
        ),
        ("DATA on stream 0", "6.1", [raw_frame(DATA, 0, 0, b"a")], PROTOCOL),
        ("HEADERS on stream 0", "6.2", [raw_frame(HEADERS, END_HEADERS, 0, b"\x82")], PROTOCOL),
        ("PRIORITY on stream 0", "6.3", [raw_frame(PRIORITY, 0, 0, bytes(5))], PROTOCOL),
        ("a PRIORITY of 4 bytes", "6.3", [raw_frame(PRIORITY, 0, 1, bytes(4))], SIZE),
        ("RST_STREAM on stream 0", "6.4", [raw_frame(RST_STREAM, 0, 0, number(8))], PROTOCOL),
        ("a RST_STREAM of 3 bytes", "6.4", [raw_frame(RST_STREAM, 0, 1, bytes(3))], SIZE),
        ("CONTINUATION on stream 0", "6.10", [raw_frame(CONTINUATION, END_HEADERS, 0)], PROTOCOL),
        (
            "CONTINUATION without HEADERS",
            "6.10",
            [raw_frame(CONTINUATION, END_HEADERS, 1)],
            PROTOCOL,
        ),
        (
            "PUSH_PROMISE by a client",
            "8.4",
            [raw_frame(PUSH_PROMISE, END_HEADERS, 1, number(2))],
            PROTOCOL,
        ),
        # Only the headers of these are sent: the server must not wait for the rest.
        ("DATA of 16385 bytes", "4.2", [raw_frame(DATA, 0, 1, length=16385)], SIZE),
        ("HEADERS of 16385 bytes", "4.2", [raw_frame(HEADERS, 4, 1, length=16385)], SIZE),
        ("an unknown frame of 16 MiB", "4.2", [raw_frame(UNKNOWN, 0, 0, length=2**24 - 1)], SIZE),
        ("DATA that is all padding", "6.1", [raw_frame(DATA, PADDED, 1, b"\x02ab")], PROTOCOL),
        (
            "HEADERS that are all padding",
            "6.2",
            [raw_frame(HEADERS, PADDED | END_HEADERS, 1, b"\x05\x82")],
            PROTOCOL,
        ),
    ]

    def test_errors(self) -> None:
        """
        Each error is answered with its code, and the connection is closed.
        """
        for title, section, frames, code in self.CASES:
            with self.subTest(title, section=section):
                client = self.connect()
                client.send(*frames)
                self.assert_ends(client, code)

    def test_neighbours(self) -> None:
        """
        An event stream on the connection is unsubscribed.
        """
        client = self.connect()
        client.subscribe("/events?topic=neighbours")

        client.send(raw_frame(PING, 0, 1, bytes(8)))
        self.assert_ends(client, PROTOCOL)

        other = self.connect()
        receipt = other.answer(other.post(("neighbours", "is anybody there?"))).body
        self.assertIn(b'"subscribers": 0', receipt)


class StreamsTests(HubTestCase):
    """
    RFC 9113, 5.1: frames that are wrong in the state of their stream.
    """

    CASES: list[tuple[str, str, Callable[[H2Client], Sequence[Frame | bytes]], Code]] = [
        ("DATA on an idle stream", "5.1", lambda _: [DataFrame(1, b"a")], PROTOCOL),
        (
            "RST_STREAM on an idle stream",
            "6.4",
            lambda c: [raw_frame(RST_STREAM, 0, c.subscribe() + 2, number(8))],
            PROTOCOL,
        ),
        (
            "RST_STREAM on a stream of the server",
            "6.4",
            lambda c: [raw_frame(RST_STREAM, 0, c.subscribe() + 1, number(8))],
            PROTOCOL,
        ),
        (
            "WINDOW_UPDATE on an idle stream",
            "5.1",
            lambda _: [WindowUpdateFrame(1, window_increment=1)],
            PROTOCOL,
        ),
        (
            "a stream with an even number",
            "5.1.1",
            lambda c: [c.headers(2, request_fields(), "END_STREAM")],
            PROTOCOL,
        ),
        (
            "a stream with a lower number",
            "5.1.1",
            lambda c: [
                c.headers(5, request_fields(), "END_STREAM"),
                c.headers(3, request_fields(), "END_STREAM"),
            ],
            PROTOCOL,
        ),
        (
            "HEADERS on a stream that has ended",
            "5.1",
            lambda c: [c.headers(ended(c), request_fields(), "END_STREAM")],
            CLOSED,
        ),
        (
            "a window opened by 0",
            "6.9",
            lambda c: [raw_frame(WINDOW_UPDATE, 0, c.subscribe(), number(0))],
            PROTOCOL,
        ),
        (
            "a window beyond 2^31-1 by SETTINGS",
            "6.9.2",
            lambda c: [
                WindowUpdateFrame(c.subscribe(), window_increment=10**6),
                setting(4, 2**31 - 1),
            ],
            FLOW,
        ),
        (
            "a stream that depends on itself",
            "5.3",
            lambda _: [raw_frame(PRIORITY, 0, 1, number(1) + b"\x10")],
            PROTOCOL,
        ),
        ("PING within headers", "6.10", lambda c: [begun(c), PingFrame(0, bytes(8))], PROTOCOL),
        ("DATA within headers", "6.10", lambda c: [begun(c), DataFrame(1, b"a")], PROTOCOL),
        ("HEADERS within headers", "6.10", lambda c: [begun(c), begun(c)], PROTOCOL),
        (
            "an unknown frame within headers",
            "6.10",
            lambda c: [begun(c), raw_frame(UNKNOWN, 0, 1)],
            PROTOCOL,
        ),
        (
            "CONTINUATION on another stream",
            "6.10",
            lambda c: [begun(c), ContinuationFrame(3, flags=["END_HEADERS"])],
            PROTOCOL,
        ),
        (
            "CONTINUATION of headers that are complete",
            "6.10",
            lambda c: [c.headers(1, request_fields()), ContinuationFrame(1, flags=["END_HEADERS"])],
            PROTOCOL,
        ),
        (
            "CONTINUATION without an end",
            "10.5",
            lambda c: [begun(c), *[ContinuationFrame(1)] * 64],
            PROTOCOL,
        ),
    ]

    def test_errors(self) -> None:
        """
        Each error is answered with its code, and the connection is closed.
        """
        for title, section, frames, code in self.CASES:
            with self.subTest(title, section=section):
                client = self.connect()
                client.send(*frames(client))
                self.assert_ends(client, code)


def ended(client: H2Client) -> int:
    """
    Open a stream that both sides have ended.
    """
    stream = client.open()
    client.answer(stream)
    return stream


def begun(client: H2Client) -> HeadersFrame:
    """
    Headers that continue in another frame.
    """
    frame = client.headers(1, request_fields())
    frame.flags.discard("END_HEADERS")
    return frame
