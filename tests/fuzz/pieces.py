"""
Pieces of requests: right ones, wrong ones, and ones that are broken at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from urllib.parse import quote_from_bytes

__all__ = ["TOKEN", "body", "break_bytes", "field", "method", "target"]

#: The token that may publish.
TOKEN = "secret"

_METHODS = [
    *[b"GET"] * 80,
    *[b"POST"] * 60,
    *[b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"CONNECT", b"PRI", b"get", b"G<T", b"", b"\xff"],
]

_PATHS = [
    *[b"/events"] * 60,
    *[b"/.well-known/mercure"] * 30,
    *[b"/.well-known/mercure/subscriptions", b"/.well-known/mercure/subscriptions/exact/news"],
    *[b"/.well-known/mercure/subscriptions/%zz", b"/.well-known/mercure/subscriptions/a/b/c/d"],
    *[b"/.well-known/oauth-protected-resource/.well-known/mercure"],
    *[b"/healthz", b"/readyz", b"/", b"/static/style.css", b"/static"],
    *[b"/static/%ff", b"/static/%00", b"/static/..%2f", b"//", b"*", b"", b"/events/", b"/e%zz"],
    *[b"http://a/events", b"https://a", b"a:80", b"http://", b"/\xff", b"/" + b"x" * 70_000],
]

_TOPICS = [
    *["news", "*", "", "a{b}", "https://example.com/{id}", "{+a}{b}{c*}", "{a}" * 40, "{", "}{"],
    *["https://example.com/:id", "/a/*", "(.*)", ":a(\\d+)?", "/:a{/:b}?", "[", "\\", "x" * 2000],
    *["{?a,b*}", "{/a:9999}", "{a:0}", "\0", "\x7f", "\u2028", "é", "\U0001f600", "a\r\nb"],
    *[":a(" + "a?" * 30 + "a" * 30 + ")", "{a}{b}{c}{d}{e}x" * 5, "*" * 50, "a*b*c*d*e*f*g*h"],
]

_IDS = ["", "earliest", "1", "a" * 3000, "\0", "\r\n", "é", "-", "0-0", "1-1", "9" * 400, "\u2028"]

_NAMES = [
    *[b"Accept", b"Authorization", b"Content-Type", b"Content-Length", b"Transfer-Encoding"],
    *[b"Last-Event-ID", b"Origin", b"Cookie", b"Range", b"If-None-Match", b"If-Modified-Since"],
    *[b"Expect", b"Connection", b"Upgrade", b"Host", b"X-Forwarded-For", b"Accept-Encoding"],
    *[b"Access-Control-Request-Method", b"Access-Control-Request-Headers", b"Sec-Fetch-Site"],
    *[b"", b"X Y", b"\xff", b"X" * 300, b"Idempotency-Key", b"HTTP2-Settings", b"TE", b"Trailer"],
]

# What no parser refuses outright, so that it reaches the resources.
_HARMLESS = [
    *[b"Accept", b"Authorization", b"Content-Type", b"Last-Event-ID", b"Origin", b"Cookie"],
    *[b"Range", b"If-None-Match", b"If-Modified-Since", b"Accept-Encoding", b"Sec-Fetch-Site"],
    *[b"Access-Control-Request-Method", b"Access-Control-Request-Headers", b"X-Forwarded-For"],
]

_ODD = [
    *[b"*/*", b"text/event-stream", b"text/*;q=0", b"a/b;q=x;q", b"application/json", b"\xff"],
    *[b"Bearer secret", b"Bearer \xff", b"Basic !!!", b"https://a", b"null", b"*", b"\xc3\xa4"],
    *[b"bytes=0-", b"bytes=-999999", b"x" * 3000, b"a=b; c=d", b";;=", b"earliest", b"1" * 400],
    *[b"Sat, 01 Jan 0000 00:00:00 GMT", b'"x"', b"gzip", b"same-origin", b"cross-site", b","],
]

_VALUES = [
    *[b"*/*", b"text/event-stream", b"text/*;q=0", b"a/b;q=x", b"application/json"],
    *[b"application/x-www-form-urlencoded", b"application/x-ndjson", b"multipart/form-data"],
    *[b"Bearer secret", b"Bearer ", b"Bearer \xff", b"Basic !!!", b"bearer wrong", b"close"],
    *[b"0", b"1", b"10", b"-1", b"9" * 19, b"9" * 5000, b"1, 1", b"+1", b"0x1", b"\xb2"],
    *[b"chunked", b"identity", b"chunked, identity", b"gzip, chunked", b"100-continue"],
    *[b"bytes=0-", b"bytes=-999999", b"bytes=" + b"0-," * 500, b"https://a", b"null", b"*"],
    *[b"", b"\xff", b"\xc3", b"a\0b", b"a\x01b", b"x" * 20_000, b"a=b; c=d", b";;=", b"h2c"],
    *[b"websocket", b"Sat, 01 Jan 0000 00:00:00 GMT", b'"x"', b"trailers", b"a\tb", b" a "],
]

_KINDS = [
    b"application/x-www-form-urlencoded",
    b"application/json",
    b"application/x-ndjson",
    b"text/event-stream",
]

_BODIES = [
    *[b"topic=a&data=b", b"topic=a", b"data=b", b"topic=%ff&data=b", b"&&&==", b"topic=a;data=b"],
    *[
        b"topic=/.well-known/mercure",
        b"topic=a&type=mercure",
        b"topic=a&id=#",
        b"topic=*",
        b"match=a",
    ],
    *[b"topic=a&data=b&retry=x", b"topic=a&data=b&private=yes", b"topic=a&id=%00&data=b"],
    *[b'{"topic": "a", "data": 1}', b'{"topic": ["a", "b"], "data": {"c": [null]}}', b"{}", b"[]"],
    *[b"[" * 5000, b'{"topic": "a", "data": 1e999}', b"9" * 5000, b'"\\ud800"', b"NaN", b"nul"],
    *[b'{"topic": "a", "data": "\\ud800"}', b'{"topic": 1}', b'{"topic": "a", "private": 1}'],
    *[b'{"topic": "a"}\n{"topic": "b"}\n', b"\n\n", b"\xef\xbb\xbf{}", b"\xff\xfe", b""],
    *[b": {}\nid: 1\ndata: x\n\n", b"data: x\n\n", b"event: stream-reset\ndata: {}\n\n"],
    *[b'[{"topic": "a", "event": "stream-open"}]', b'{"topic": "a", "id": "a\\nb"}', b"x" * 70_000],
]


def break_bytes(random: Random, data: bytes) -> bytes:
    """
    Break *data* at one place, or at a few.
    """
    broken = bytearray(data)
    for _ in range(random.choice([1, 1, 2, 8])):
        at = random.randrange(len(broken) + 1)
        end = at + random.choice([0, 1, 2, 9, 100])
        broken[at:end] = random.choice(
            [b"", b"\0", b"\xff", b"\r\n", b" ", broken[at:end] * 2, random.randbytes(4)]
        )
    return bytes(broken)


def _maybe_broken(random: Random, pieces: Sequence[bytes]) -> bytes:
    piece = random.choice(pieces)
    return break_bytes(random, piece) if random.random() < 0.02 else piece


def method(random: Random) -> bytes:
    """
    A request method.
    """
    return _maybe_broken(random, _METHODS)


def target(random: Random) -> bytes:
    """
    A path with a query.
    """
    path = _maybe_broken(random, _PATHS)
    if random.random() < 0.2:
        return path
    pairs = []
    for _ in range(random.choice([1, 1, 1, 2, 3, 20])):
        name = random.choice(
            [
                *["topic"] * 6,
                *["match", "match_exact", "match_urlpattern", "match_urlpattern", "Match"],
                *["last_event_id", "lastEventID", "Last-Event-ID", "annotate", "excerpt"],
                *["limit", "envelope", "heartbeat", "x"],
            ]
        )
        values = _TOPICS if name[0] in "tmM" else [*_IDS, "comment", "since", "tail", "locate"]
        value = random.choice(values).encode("utf-8", "surrogatepass")
        pairs.append(name.encode() + b"=" + quote_from_bytes(value).encode())
    query = random.choice([b"&"] * 9 + [b";"]).join(pairs)
    return path + b"?" + (break_bytes(random, query) if random.random() < 0.05 else query)


def field(random: Random) -> tuple[bytes, bytes]:
    """
    A header field.
    """
    if random.random() < 0.6:
        return random.choice(_HARMLESS), random.choice(_ODD)
    return _maybe_broken(random, _NAMES), _maybe_broken(random, _VALUES)


def body(random: Random) -> tuple[bytes, bytes]:
    """
    A content type and a body, which fit more often than not.
    """
    return random.choice(_KINDS), _maybe_broken(random, _BODIES)
