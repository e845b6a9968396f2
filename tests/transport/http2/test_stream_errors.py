"""
Errors of one stream, and frames to be ignored: the connection and other streams live on.
"""

from collections.abc import Callable

from h2.errors import ErrorCodes as Code
from hyperframe.frame import (
    DataFrame,
    GoAwayFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.support.h2_client import H2Client
from tests.support.h2_frames import raw_frame, request_fields
from tests.transport.http2.hub import HubTestCase

__all__ = ["IgnoredTests", "StreamErrorsTests"]


class StreamErrorsTests(HubTestCase):
    """
    RFC 9113, 5.4.2: errors of one stream.
    """

    CASES: list[tuple[str, str, Callable[[H2Client], int], Code]] = [
        (
            "HEADERS after END_STREAM",
            "5.1",
            lambda c: headers_on(c, c.subscribe()),
            Code.STREAM_CLOSED,
        ),
        (
            "HEADERS after RST_STREAM",
            "5.1",
            lambda c: headers_on(c, cancelled(c)),
            Code.STREAM_CLOSED,
        ),
        ("DATA after END_STREAM", "5.1", lambda c: data_on(c, c.subscribe()), Code.STREAM_CLOSED),
        (
            "DATA on a stream that has ended",
            "5.1",
            lambda c: data_on(c, answered(c)),
            Code.STREAM_CLOSED,
        ),
        ("DATA after RST_STREAM", "5.1", lambda c: data_on(c, cancelled(c)), Code.STREAM_CLOSED),
        (
            "a window beyond 2^31-1",
            "6.9.1",
            lambda c: widen(c, c.subscribe()),
            Code.FLOW_CONTROL_ERROR,
        ),
        (
            "a length without a body",
            "8.1.1",
            lambda c: asked(c, ("content-length", "1")),
            Code.PROTOCOL_ERROR,
        ),
    ]

    def test_errors(self) -> None:
        """
        Each error resets its stream with its code, and has no other effect.
        """
        for title, section, make, code in self.CASES:
            with self.subTest(title, section=section):
                client, alive = self.subscribed()

                stream = make(client)
                response = client.response(stream)
                client.wait(lambda one=response: one.reset is not None)

                self.assertEqual(response.reset, code)
                self.assert_alive(client, alive)

    def test_one_too_many(self) -> None:
        """
        The 257th stream is refused with the code to try again, and accepted after another ends.
        """
        client, alive = self.subscribed()
        streams = [client.open("/events?topic=alive") for _ in range(255)]
        client.wait(lambda: all(client.response(one).events for one in streams))

        excess = client.open()
        client.wait(lambda: client.response(excess).reset is not None)

        self.assertEqual(client.response(excess).reset, Code.REFUSED_STREAM)
        self.assert_full(client, [alive, *streams])
        client.send(RstStreamFrame(streams[0], int(Code.CANCEL)))
        self.assertEqual(client.answer(client.open()).status, "200")

    def assert_full(self, client: H2Client, streams: list[int]) -> None:
        """
        Check that each of *streams* receives what another client publishes.
        """
        self.publish("alive", "all of you")
        client.wait(lambda: all(client.response(one).data for one in streams))

        for stream in streams:
            self.assertEqual(client.response(stream).data, ["all of you"])


class IgnoredTests(HubTestCase):
    """
    Frames that must not end anything.
    """

    CASES: list[tuple[str, str, Callable[[int], list[bytes]]]] = [
        ("an unknown frame", "5.5", lambda _: [raw_frame(0xBD, 0xFF, 0, b"what?")]),
        ("an unknown frame on a stream", "5.5", lambda one: [raw_frame(0xBD, 0xFF, one, b"what?")]),
        (
            "hundreds of unknown frames",
            "5.5",
            lambda one: [raw_frame(0x10, 0, 0, bytes(8))] * 250,
        ),
        ("unknown flags", "5.5", lambda _: [raw_frame(6, 0xFE, 0, bytes(8))]),
        ("the reserved bit", "4.1", lambda _: [raw_frame(6, 0, 2**31, bytes(8))]),
        ("an unknown setting", "6.5.2", lambda _: [raw_frame(4, 0, 0, b"\xff\xff\0\0\0\1")]),
        (
            "thousands of settings in one frame",
            "6.5.2",
            lambda _: [
                raw_frame(
                    4,
                    0,
                    0,
                    b"".join(code.to_bytes(2, "big") + bytes(4) for code in range(5000, 7500)),
                )
            ],
        ),
        ("empty SETTINGS", "6.5", lambda _: [SettingsFrame(0).serialize()]),
        (
            "an unexpected ACK of SETTINGS",
            "6.5.3",
            lambda _: [SettingsFrame(0, flags=["ACK"]).serialize()],
        ),
        (
            "an unexpected ACK of PING",
            "6.7",
            lambda _: [PingFrame(0, bytes(8), flags=["ACK"]).serialize()],
        ),
        (
            "a priority",
            "5.3",
            lambda one: [PriorityFrame(one, depends_on=0, stream_weight=7).serialize()],
        ),
        (
            "a priority of an idle stream",
            "5.3",
            lambda _: [PriorityFrame(99, depends_on=7).serialize()],
        ),
        (
            "circular priorities",
            "5.3",
            lambda _: [
                PriorityFrame(a, depends_on=b).serialize() for a, b in [(5, 7), (7, 9), (9, 5)]
            ],
        ),
        (
            "hundreds of priorities",
            "5.3",
            lambda _: [
                PriorityFrame(2 * one + 3, depends_on=2 * one + 1, exclusive=True).serialize()
                for one in range(250)
            ],
        ),
        ("a GOAWAY without error", "6.8", lambda _: [GoAwayFrame(0).serialize()]),
        ("two GOAWAYs without error", "6.8", lambda _: [GoAwayFrame(0).serialize()] * 2),
        (
            "a window that grows a byte at a time",
            "6.9",
            lambda one: [WindowUpdateFrame(one, window_increment=1).serialize()] * 900,
        ),
        ("ALTSVC", "RFC 7838", lambda _: [raw_frame(0xA, 0, 0, b'\0\1ah2=":1"')]),
    ]

    def test_ignored(self) -> None:
        """
        An event stream survives each of them.
        """
        for title, section, make in self.CASES:
            with self.subTest(title, section=section):
                client, alive = self.subscribed()

                client.send(*make(alive))
                client.ping()

                self.assertIsNone(client.response(alive).reset)
                self.assert_alive(client, alive)

    def test_late(self) -> None:
        """
        Late frames for a stream that has ended are ignored.
        """
        client, alive = self.subscribed()
        late = answered(client)

        client.send(
            WindowUpdateFrame(late, window_increment=1),
            RstStreamFrame(late, int(Code.CANCEL)),
            PriorityFrame(late, depends_on=0),
        )

        self.assert_alive(client, alive)
        self.assertIsNone(client.response(late).reset)


def headers_on(client: H2Client, stream: int) -> int:
    """
    Send another request on *stream*.
    """
    client.send(client.headers(stream, request_fields(), "END_STREAM"))
    return stream


def data_on(client: H2Client, stream: int) -> int:
    """
    Send data on *stream*.
    """
    client.send(DataFrame(stream, b"a"))
    return stream


def widen(client: H2Client, stream: int) -> int:
    """
    Enlarge the window of *stream* beyond the limit.
    """
    client.send(WindowUpdateFrame(stream, window_increment=2**31 - 1))
    return stream


def asked(client: H2Client, *others: tuple[str, str]) -> int:
    """
    Send a request without a body.
    """
    return client.open("/healthz", *others)


def answered(client: H2Client) -> int:
    """
    Open a stream that both sides have ended.
    """
    stream = client.open()
    client.answer(stream)
    return stream


def cancelled(client: H2Client) -> int:
    """
    Open an event stream, and reset it.
    """
    stream = client.subscribe()
    client.send(RstStreamFrame(stream, int(Code.CANCEL)))
    return stream
