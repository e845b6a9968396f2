"""
Floods of frames that cost the client nothing end the connection with ENHANCE_YOUR_CALM.
"""

from collections.abc import Callable

from h2.errors import ErrorCodes as Code
from hyperframe.frame import (
    DataFrame,
    ExtensionFrame,
    Frame,
    GoAwayFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.support.h2_client import H2Client
from tests.support.h2_frames import request_fields
from tests.transport.http2.hub import HubTestCase

__all__ = ["FloodsTests"]

_MANY = 1500
CANCEL = int(Code.CANCEL)


class FloodsTests(HubTestCase):
    """
    RFC 9113, 10.5: denial of service.
    """

    CASES: list[tuple[str, Callable[[H2Client], list[Frame]]]] = [
        ("pings", lambda _: [PingFrame(0, bytes(8))] * _MANY),
        ("settings", lambda _: [SettingsFrame(0)] * _MANY),
        ("windows that change", lambda _: [SettingsFrame(0, {4: 1 + n % 2}) for n in range(_MANY)]),
        ("empty frames", lambda c: [c.headers(1, POST), *[DataFrame(1)] * _MANY]),
        ("requests that are reset", lambda c: reset_at_once(c, "/healthz")),
        ("event streams that are reset", lambda c: reset_at_once(c, "/events?topic=flood")),
        ("priorities", lambda _: [PriorityFrame(1, depends_on=3)] * _MANY),
        ("window updates", lambda _: [WindowUpdateFrame(0, window_increment=1)] * _MANY),
        ("window updates of a closed stream", lambda c: after_answer(c, UPDATE)),
        ("resets of a closed stream", lambda c: after_answer(c, RstStreamFrame(1, CANCEL))),
        ("unknown frames", lambda _: [ExtensionFrame(0x77, 0)] * _MANY),
        ("settings' acknowledgments", lambda _: [SettingsFrame(0, flags=["ACK"])] * _MANY),
        ("pings' acknowledgments", lambda _: [PingFrame(0, bytes(8), flags=["ACK"])] * _MANY),
        ("pieces of a byte", lambda c: [c.headers(1, POST), *[DataFrame(1, b"x")] * _MANY]),
        ("GOAWAYs", lambda c: [c.headers(1, POST), *[GoAwayFrame(0)] * _MANY]),
        # CVE-2025-8671: the server is made to do the resetting.
        ("requests that have to be reset", lambda c: made_to_reset(c)),
        ("malformed requests", lambda c: malformed(c)),
    ]

    def test_floods(self) -> None:
        """
        Each flood ends its connection.
        """
        for title, make in self.CASES:
            with self.subTest(title):
                client = self.connect()
                client.send(*make(client))

                self.assertEqual(client.rest(), Code.ENHANCE_YOUR_CALM)

    def test_refused(self) -> None:
        """
        A flood of requests beyond the limit of streams ends the connection.
        """
        client = self.connect()
        for _ in range(256):
            client.open("/events?topic=flood")
        streams = [client.next_stream() for _ in range(_MANY)]
        client.send(*[client.headers(one, request_fields(), "END_STREAM") for one in streams])

        self.assertEqual(client.rest(), Code.ENHANCE_YOUR_CALM)

    def test_no_subscriber_left(self) -> None:
        """
        Streams that are opened and reset that fast leave no subscriber behind.
        """
        client = self.connect()
        client.send(*reset_at_once(client, "/events?topic=gone"))
        client.rest()

        self.assertEqual(self.publish("gone", "is anybody there?"), [0])

    def test_many_are_fine(self) -> None:
        """
        A browser may reset some hundred streams at once, as for a tab that closes.
        """
        client = self.connect()
        for _ in range(3):
            streams = [client.open("/events?topic=tab") for _ in range(200)]
            client.send(*[RstStreamFrame(one, CANCEL) for one in streams])

        client.ping()


POST = request_fields("/events", "POST")
UPDATE = WindowUpdateFrame(1, window_increment=1)


def after_answer(client: H2Client, frame: Frame) -> list[Frame]:
    """
    Many times *frame*, when stream 1 has ended.
    """
    client.answer(client.open())
    return [frame] * _MANY


def reset_at_once(client: H2Client, path: str) -> list[Frame]:
    """
    CVE-2023-44487: requests, each followed by its reset.
    """
    fields = request_fields(path)
    streams = [client.next_stream() for _ in range(_MANY)]
    return [
        frame
        for one in streams
        for frame in (client.headers(one, fields, "END_STREAM"), RstStreamFrame(one, CANCEL))
    ]


def made_to_reset(client: H2Client) -> list[Frame]:
    """
    Requests, each followed by a window beyond the limit.
    """
    fields = request_fields("/events?topic=flood")
    streams = [client.next_stream() for _ in range(_MANY)]
    return [
        frame
        for one in streams
        for frame in (
            client.headers(one, fields, "END_STREAM"),
            WindowUpdateFrame(one, window_increment=2**31 - 1),
        )
    ]


def malformed(client: H2Client) -> list[Frame]:
    """
    Requests with a wrong length.
    """
    fields = request_fields("/healthz", "GET", ("content-length", "1"))
    return [client.headers(client.next_stream(), fields, "END_STREAM") for _ in range(_MANY)]
