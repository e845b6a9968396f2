"""
What comes back is the same, byte for byte, whether the door of the site is open or shut.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.support.doors import TOKEN, DoorServed, masked
from tests.transport.http import test_channel, test_limits
from twisted_sse.transport.http.door import Door
from twisted_sse.web.cors import CORS

__all__ = ["AlikeTests", "MutationTests", "ShutTests"]

SHUT_DOOR = Path(__file__).parents[2] / "support" / "shut_door"

HOST = b"Host: hub.example\r\n"
PAGE = b"Origin: https://page.example\r\n"
BEARER = b"Authorization: Bearer " + TOKEN.encode() + b"\r\n"

# What Chromium sends for an EventSource.
BROWSER = (
    HOST
    + b"Connection: keep-alive\r\n"
    + b'sec-ch-ua-platform: "Linux"\r\n'
    + b"Cache-Control: no-cache\r\n"
    + b"User-Agent: Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0\r\n"
    + b"Accept: text/event-stream\r\n"
    + b'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"\r\n'
    + b"sec-ch-ua-mobile: ?0\r\n"
    + PAGE
    + b"Sec-Fetch-Site: cross-site\r\n"
    + b"Sec-Fetch-Mode: cors\r\n"
    + b"Sec-Fetch-Dest: empty\r\n"
    + b"Referer: https://page.example/\r\n"
    + b"Accept-Encoding: gzip, deflate, br, zstd\r\n"
    + b"Accept-Language: en-US,en;q=0.9\r\n"
)


def get(headers: bytes = HOST, target: bytes = b"/events?topic=a") -> bytes:
    """
    A request for a stream.
    """
    return b"GET " + target + b" HTTP/1.1\r\n" + headers + b"\r\n"


def post(body: bytes, kind: bytes = b"application/json", headers: bytes = BEARER) -> bytes:
    """
    A request that publishes.
    """
    return (
        b"POST /events HTTP/1.1\r\n"
        + HOST
        + headers
        + b"Content-Type: "
        + kind
        + b"\r\nContent-Length: %d\r\n\r\n" % len(body)
        + body
    )


KEY = b"Idempotency-Key: k\r\n"
TRACE = b"traceparent: 00-" + b"1" * 32 + b"-" + b"2" * 16 + b"-01\r\n"
FORM = b"application/x-www-form-urlencoded"
ONE = json.dumps({"topic": "a", "data": "one"}).encode()
PUBLICATION = post(ONE)

CASES: list[tuple[str, Sequence[bytes]]] = [
    # Streams.
    ("a stream", [get()]),
    ("a browser", [get(BROWSER)]),
    ("a browser with a token", [get(BROWSER + BEARER)]),
    ("a browser that comes back", [get(BROWSER + b"Last-Event-ID: 12345678-1\r\n")]),
    ("an ID in the query", [get(target=b"/events?topic=a&lastEventID=12345678-1")]),
    ("from the beginning", [get(HOST + b"Last-Event-ID: earliest\r\n")]),
    ("an ID beyond ASCII", [get(HOST + b"Last-Event-ID: \xc3\xa4\r\n")]),
    ("an ID of bytes", [get(HOST + b"Last-Event-ID: \xff\r\n")]),
    ("two IDs", [get(HOST + b"Last-Event-ID: a\r\nLast-Event-ID: earliest\r\n")]),
    ("a slash at the end", [get(target=b"/events/?topic=a")]),
    ("an encoded path", [get(target=b"/%65vents?topic=a")]),
    ("names in upper case", [get(HOST.upper() + b"ACCEPT: text/event-stream\r\n")]),
    ("names in lower case", [get(HOST.lower() + b"accept: text/event-stream\r\n")]),
    ("spaces around values", [get(b"Host:\t hub.example \t\r\nAccept:   */*\r\n")]),
    ("Mercure", [get(target=b"/.well-known/mercure?match=a")]),
    ("Mercure 0.x", [get(BROWSER, b"/.well-known/mercure?topic=a")]),
    ("an envelope", [get(target=b"/events?topic=a&envelope=topic&heartbeat=event")]),
    ("Connection: close", [get(HOST + b"Connection: close\r\n")]),
    ("Connection: Keep-Alive", [get(HOST + b"Connection: Keep-Alive\r\n")]),
    ("Connection: keep-alive, Upgrade", [get(HOST + b"Connection: keep-alive, Upgrade\r\n")]),
    ("Upgrade", [get(HOST + b"Upgrade: h2c\r\nConnection: Upgrade\r\n")]),
    ("HTTP/1.0", [b"GET /events?topic=a HTTP/1.0\r\n\r\n"]),
    ("HTTP/1.0, kept", [b"GET /events?topic=a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"]),
    ("the absolute form", [get(target=b"http://hub.example/events?topic=a")]),
    ("a length of 0", [get(HOST + b"Content-Length: 0\r\n")]),
    ("a body", [get(HOST + b"Content-Length: 3\r\n") + b"abc"]),
    ("Expect", [get(HOST + b"Expect: 100-continue\r\n")]),
    ("an empty line before", [b"\r\n" + get()]),
    ("two empty lines before", [b"\r\n\r\n" + get()]),
    ("a folded header", [get(HOST + b"X: a\r\n b\r\n")]),
    ("a cookie", [get(HOST + b"Cookie: a=b; c=d\r\n")]),
    ("many headers", [get(HOST + b"".join(b"X-%d: y\r\n" % n for n in range(101)))]),
    # Requests for streams that are refused.
    ("no topic", [get(target=b"/events")]),
    ("a topic that is no UTF-8", [get(target=b"/events?topic=%ff")]),
    ("too many topics", [get(target=b"/events?topic=a&topic=b&topic=c&topic=d")]),
    ("a bad selector", [get(target=b"/events?topic={")]),
    ("a bad envelope", [get(target=b"/events?topic=a&envelope=x")]),
    ("not acceptable", [get(HOST + b"Accept: text/html\r\n")]),
    ("accepted in two lines", [get(HOST + b"Accept: a/b\r\nAccept: text/event-stream\r\n")]),
    ("a bad token", [get(HOST + b"Authorization: Bearer wrong\r\n")]),
    ("two tokens", [get(HOST + BEARER + BEARER)]),
    ("half a token", [get(HOST + b"Authorization: Bearer\r\n")]),
    ("a hub without a token", [get(target=b"/events?topic=*&annotate=comment")]),
    ("a hub", [get(HOST + BEARER, b"/events?topic=*&annotate=comment")]),
    ("a hub that asks", [get(HOST + BEARER, b"/events?topic=*&annotate=comment&excerpt=tail")]),
    # Publications.
    ("a publication", [PUBLICATION]),
    ("another media type", [post(ONE, b"application/json; charset=utf-8")]),
    ("a form", [post(b"topic=a&data=x%20y", FORM)]),
    ("a batch", [post(b"[" + ONE + b"," + ONE + b"]")]),
    ("lines", [post(ONE + b"\n" + ONE + b"\n", b"application/x-ndjson")]),
    ("an unknown media type", [post(ONE, b"text/plain")]),
    ("no publication", [post(b"[]")]),
    ("an empty body", [post(b"")]),
    ("no JSON", [post(b"{")]),
    ("no token", [post(ONE, headers=b"")]),
    ("a bad token for it", [post(ONE, headers=b"Authorization: Bearer wrong\r\n")]),
    ("from a page", [post(ONE, headers=BEARER + PAGE)]),
    ("from a page with a cookie", [post(ONE, headers=PAGE + b"Cookie: a=b\r\n")]),
    ("too large", [post(b'"' + b"x" * 2000 + b'"')]),
    ("a key", [post(ONE, headers=BEARER + KEY)] * 2),
    ("a key for another", [post(one, headers=BEARER + KEY) for one in (ONE, b"[]")]),
    ("a trace", [post(ONE, headers=BEARER + TRACE)]),
    ("a length with zeros", [PUBLICATION.replace(b"Length: ", b"Length: 00")]),
    ("a length that is too small", [PUBLICATION + b"x"]),
    ("a length that is too large", [PUBLICATION[:-1], PUBLICATION[-1:]]),
    ("chunked", [
        b"POST /events HTTP/1.1\r\n" + HOST + BEARER
        + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"%x\r\n%b\r\n0\r\n\r\n" % (len(ONE), ONE)
    ]),
    ("the head first", [PUBLICATION[: -len(ONE)], ONE]),
    ("continue", [PUBLICATION.replace(HOST, HOST + b"Expect: 100-continue\r\n")]),
    ("closed after it", [PUBLICATION.replace(HOST, HOST + b"Connection: close\r\n")]),
    ("topics by a form", [
        b"POST /events/subscribe HTTP/1.1\r\n" + HOST + b"Content-Type: " + FORM
        + b"\r\nContent-Length: 7\r\n\r\ntopic=a"
    ]),
    # Several on one connection.
    ("twice", [PUBLICATION, PUBLICATION]),
    ("together", [PUBLICATION + PUBLICATION]),
    ("a publication, then a stream", [PUBLICATION, get(BROWSER)]),
    ("a stream, then a publication", [get(BROWSER), PUBLICATION]),
    ("a stream and a publication", [get(BROWSER) + PUBLICATION]),
    ("refused, then a stream", [get(target=b"/events"), get()]),
    ("a publication, then half a request", [PUBLICATION, b"GET /ev"]),
    ("a publication, then a hostile one", [PUBLICATION, b"GET /\0 HTTP/1.1\r\n\r\n"]),
    ("a page, then a stream", [get(target=b"/healthz"), get()]),
    # Others.
    ("HEAD", [b"HEAD /events?topic=a HTTP/1.1\r\n" + HOST + b"\r\n"]),
    ("OPTIONS", [b"OPTIONS /events HTTP/1.1\r\n" + HOST + PAGE + b"\r\n"]),
    ("DELETE", [b"DELETE /events HTTP/1.1\r\n" + HOST + b"\r\n"]),
    ("QUERY", [b"QUERY /events HTTP/1.1\r\n" + HOST + b"\r\n"]),
    ("lower case", [b"get /events?topic=a HTTP/1.1\r\n" + HOST + b"\r\n"]),
    ("another page", [get(target=b"/nothing")]),
    ("a child", [get(target=b"/events/x?topic=a")]),
    ("readiness", [get(target=b"/readyz")]),
    ("HTTP/2", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4\0\0\0\0\0"]),
    ("two Hosts", [get(HOST + HOST)]),
    ("no Host", [get(b"")]),
    ("no Host, but others", [get(b"Accept: */*\r\n")]),
    ("a line feed alone", [b"GET /events?topic=a HTTP/1.1\n" + HOST + b"\r\n"]),
    ("a space at the end of a name", [get(HOST + b"X : y\r\n")]),
    ("a control character", [get(HOST + b"X: \x01\r\n")]),
    ("a space in the target", [get(target=b"/events?topic=a b")]),
    ("two spaces", [get(target=b" /events?topic=a")]),
    ("large headers", [get(HOST + b"X: " + b"y" * 16_400 + b"\r\n")]),
    ("just small enough", [get(HOST + b"X: " + b"y" * 16_000 + b"\r\n")]),
    ("a long target", [get(target=b"/events?topic=" + b"a" * 40_000)]),
]  # fmt: skip

# Each is sent to the page, and the same to the resource with streams.
HOSTILE = [
    *[(title, [data]) for title, data, _ in test_limits.RefusalTests.CASES],
    *[(title, [data]) for title, data in test_channel.StrictTests.REFUSED],
    *[(title, [data]) for title, data in test_channel.StrictTests.ACCEPTED],
]


class AlikeTests(SynchronousTestCase):
    """
    The same requests to a site with an open door and to one with a shut door.
    """

    def outcome(
        self, parts: Sequence[bytes], *, door: bool, cors: CORS | None = None
    ) -> tuple[bytes, bool, list[str], int]:
        """
        Send *parts*, publish an event, and end all streams.

        Returns:
            What was received, whether the connection is open, the lines of the log, and the
            number of streams before that.
        """
        served = DoorServed(self, door=door, cors=cors)
        other = served.ask(get(target=b"/events?topic=b"))
        wire = served.ask(*parts)
        served.publish("news")
        served.settle(wire)
        streams = len(served.hub.connections)
        for connection in served.hub.connections:
            connection.close()
        served.settle(wire)
        received, is_open = wire.received, bool(wire.transport.connected)
        for one in (wire, other):
            one.close()
        served.clock.turn()
        self.assertEqual(len(served.hub.connections), 0)
        self.assertEqual(served.clock.getReaders(), [])
        return masked(received), is_open, list(served.lines), streams

    def check(self, parts: Sequence[bytes], cors: CORS | None = None) -> None:
        """
        Compare what both sites do.
        """
        shut = self.outcome(parts, door=False, cors=cors)
        self.assertEqual(self.outcome(parts, door=True, cors=cors), shut)

    def test_alike(self) -> None:
        """
        Each request is answered and logged alike.
        """
        for title, parts in CASES:
            with self.subTest(title):
                self.check(parts)

    def test_hostile(self) -> None:
        """
        So is what is refused or unusual, whether it is for a page or for a stream.
        """
        for title, parts in HOSTILE:
            for path in (b" /", b" /events"):
                with self.subTest(title, path=path):
                    self.check([part.replace(b" / ", path + b" ") for part in parts])

    def test_origins(self) -> None:
        """
        So are requests of pages, whatever origins are allowed.
        """
        pages = CORS(["https://page.example"])
        for cors in (pages, CORS(["*"]), CORS(["https://other.example"])):
            for parts in (
                [get(BROWSER)],
                [post(ONE, headers=BEARER + PAGE)],
                [get(BROWSER + PAGE)],
            ):
                with self.subTest(cors=vars(cors), parts=parts):
                    self.check(parts, cors)

    def test_split(self) -> None:
        """
        It does not matter where the network divides a request.
        """
        for whole in (get(), PUBLICATION):
            expected = self.outcome([whole], door=False)
            for index in range(1, len(whole)):
                with self.subTest(index=index):
                    parts = [whole[:index], whole[index:]]
                    self.assertEqual(self.outcome(parts, door=True), expected)

    def test_is_used(self) -> None:
        """
        What browsers and publishers send is answered at the door, and nothing else is.
        """
        at_the_door = {
            "a browser with a token": [get(BROWSER + BEARER)],
            "a browser that comes back": [get(BROWSER + b"Last-Event-ID: 12345678-1\r\n")],
            "Mercure": [get(target=b"/.well-known/mercure?match=a")],
            "publications": [PUBLICATION, post(b"topic=a&data=x", FORM)],
        }
        elsewhere = {"a page": [get(target=b"/nothing")], "half": [b"GET /"]}
        for cases, expected in ((at_the_door, True), (elsewhere, False)):
            for title, parts in cases.items():
                with self.subTest(title):
                    wire = DoorServed(self, door=True).ask(*parts)
                    protocol = wire.transport.protocol

                    self.assertIsInstance(protocol, Door)
                    self.assertEqual(protocol.at_the_door, expected)  # type: ignore[union-attr]


class ShutTests(SynchronousTestCase):
    """
    All tests can be run with the door shut.
    """

    def test_shut(self) -> None:
        """
        `tests/support/shut_door` shuts it in every program that Python starts.
        """
        program = (
            "from twisted.web.resource import Resource\n"
            "from twisted_sse.transport.http.site import StreamSite\n"
            "print(type(StreamSite(Resource()).buildProtocol(None)).__name__)\n"
        )
        environment = {**os.environ, "PYTHONPATH": str(SHUT_DOOR)}
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

        self.assertEqual((done.stdout, done.stderr), ("Channel\n", ""))


class MutationTests(SynchronousTestCase):
    """
    Requests with a mistake.
    """

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        whole=st.sampled_from([get(BROWSER), PUBLICATION]),
        where=st.floats(0, 1, exclude_max=True),
        length=st.integers(0, 3),
        instead=st.one_of(
            st.binary(max_size=3),
            st.sampled_from([b"\r\n", b"\r", b"\n", b": ", b" ", b"\t", b"\r\n\r\n", b"0", b"%"]),
        ),
    )
    def test_mutation(self, whole: bytes, where: float, length: int, instead: bytes) -> None:
        """
        A few bytes in the place of others change nothing of this.
        """
        index = int(where * len(whole))
        changed = whole[:index] + instead + whole[index + length :]

        AlikeTests.check(self, [changed])  # type: ignore[arg-type]

    outcome = AlikeTests.outcome
