"""
Requests that are unusual but valid.
"""

from collections.abc import Callable
from typing import Any

from hyperframe.frame import ContinuationFrame, DataFrame, HeadersFrame

from tests.support.h2_client import H2Client
from tests.support.h2_frames import raw_frame, request_fields
from tests.support.hub_process import TOKEN
from tests.transport.http2.hub import HubTestCase

__all__ = ["RequestsTests"]

POST = request_fields("/events", "POST", ("authorization", f"Bearer {TOKEN}"))
FORM = ("content-type", "application/x-www-form-urlencoded")
HEALTH = request_fields("/healthz", "PUT")


class RequestsTests(HubTestCase):
    """
    Requests that are unusual but valid.
    """

    CASES: list[tuple[str, str, Callable[[H2Client], list[Any]]]] = [
        ("padded", "6.2", lambda c: padded(c)),
        ("headers in many frames", "6.10", lambda c: in_pieces(c)),
        (
            "with a priority",
            "6.2",
            lambda c: [raw_frame(1, 0x25, 1, bytes(5) + c.block(request_fields()))],
        ),
        (
            "trailers",
            "8.1",
            lambda c: [
                c.headers(1, HEALTH),
                DataFrame(1, b"a"),
                c.headers(1, [("a", "b")], "END_STREAM"),
            ],
        ),
        (
            "an empty last frame",
            "6.1",
            lambda c: [
                c.headers(1, HEALTH),
                DataFrame(1, b"a"),
                DataFrame(1, flags=["END_STREAM"]),
            ],
        ),
        (
            "te: trailers",
            "8.2.2",
            lambda c: [
                c.headers(1, request_fields("/healthz", "GET", ("te", "trailers")), "END_STREAM")
            ],
        ),
        (
            "cookies in crumbs",
            "8.2.3",
            lambda c: [
                c.headers(
                    1,
                    request_fields("/healthz", "GET", ("cookie", "a=b"), ("cookie", "c=d")),
                    "END_STREAM",
                )
            ],
        ),
        (
            "a table size update",
            "RFC 7541, 6.3",
            lambda c: [
                HeadersFrame(
                    1, b"\x20" + c.block(request_fields()), flags=["END_HEADERS", "END_STREAM"]
                )
            ],
        ),
    ]

    def test_answered(self) -> None:
        """
        Each request is answered.
        """
        for title, section, frames in self.CASES:
            with self.subTest(title, section=section):
                client = self.connect()
                client.send(*frames(client))

                self.assertIn(client.answer(1).status, ("200", "405"))

    def test_continue(self) -> None:
        """
        A client that expects 100-continue receives it, and then the response.
        """
        client = self.connect()
        client.send(client.headers(1, [*POST, ("expect", "100-continue"), FORM]))
        client.wait(lambda: client.response(1).status == "100")
        client.send(DataFrame(1, b"topic=a&data=b", flags=["END_STREAM"]))

        self.assertEqual(client.answer(1).status, "200")

    def test_large_body(self) -> None:
        """
        A body that is larger than the windows is received: both windows grow again.
        """
        client = self.connect()
        client.send(client.headers(1, [*POST, FORM]))
        client.send_body(1, [b"topic=large&data=", *[b"x" * 10000] * 20])

        self.assertEqual(client.answer(1).status, "200")

    def test_too_large_body(self) -> None:
        """
        A body that is too large is answered with 413, and the connection stays open.
        """
        client, alive = self.subscribed()
        stream = client.next_stream()
        client.send(client.headers(stream, [*POST, FORM]))
        client.send_body(stream, [bytes(16384)] * 70)

        self.assertEqual(client.answer(stream).status, "413")
        self.assert_alive(client, alive)

    def test_publishing_often(self) -> None:
        """
        A client may end many requests by an empty frame each.
        """
        client = self.connect(window=2**20)
        streams = [client.next_stream() for _ in range(600)]
        for stream in streams:
            client.send(client.headers(stream, HEALTH), DataFrame(stream, flags=["END_STREAM"]))
            client.answer(stream)

        self.assertEqual({client.response(one).status for one in streams}, {"405"})


def padded(client: H2Client) -> list[bytes]:
    """
    A request whose frames have padding; one of them has nothing else.
    """
    block = client.block(HEALTH)
    return [
        raw_frame(1, 0xC, 1, b"\x07" + block + bytes(7)),
        raw_frame(0, 0x8, 1, b"\xff" + bytes(255)),
        raw_frame(0, 0x9, 1, b"\x00a"),
    ]


def in_pieces(client: H2Client) -> list[bytes | ContinuationFrame]:
    """
    A request whose headers come in many small frames.
    """
    block = client.block(request_fields())
    pieces = [ContinuationFrame(1, block[one : one + 4]) for one in range(4, len(block), 4)]
    pieces[-1].flags.add("END_HEADERS")
    return [raw_frame(1, 0x1, 1, block[:4]), *pieces]
