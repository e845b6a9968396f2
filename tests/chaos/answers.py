"""
The answers of a hostile server: their bytes, how they end, and what a client may do with them.

Nothing here does I/O; every choice comes from a seeded random generator.
"""

import random
import re
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate
from enum import Enum
from typing import NamedTuple

__all__ = ["SILENT_CLOSE", "Answer", "End", "bad_answer", "head", "retries_in", "stream_type"]

# HTML: "lines must be separated by either a U+000D CARRIAGE RETURN U+000A LINE FEED (CRLF)
# character pair, a single U+000A LINE FEED (LF) character, or a single U+000D [...] (CR)".
_RETRY = re.compile(rb"(?:\A(?:\xef\xbb\xbf)?|(?<=[\r\n]))retry: ?([0-9]+)(?=[\r\n])")


class End(Enum):
    """
    What the server does when it has written everything.
    """

    #: Nothing: the answer is complete, so the client closes the connection.
    DONE = "done"
    #: The connection is closed, with a FIN.
    CUT = "cut"
    #: The server's half is closed, and the client's is left open.
    HALF = "half-closed"
    #: The connection is reset; bytes in flight are lost.
    RESET = "reset"
    #: Nothing: the connection stays open and silent.
    STALL = "stalled"


class Answer(NamedTuple):
    """
    One answer.

    Attributes:
        name: Counted in the statistics.

        wire: The bytes, written in pieces of any size.

        end: How the connection ends after them.

        tail: Written in one piece after *wire*.

        comments: How many comments follow *wire*, at intervals shorter than the read
            timeout.

        recognized_after: The number of bytes of *wire* after which the client knows what
            kind of answer this is.

        opened: Whether it is an event stream.

        fatal: The reasons for which a source may end because of it; empty if the source
            must continue.

        redirects: Whether the client must send another request at once.

        retry_after: How long the client must wait, in seconds.

        until: The time until which the client must wait, by the clock of this machine.

        last: The number of the last event in it; ``None`` if there is none.

        highest: The number of the last event that may have been received.

        retries: The ``retry`` fields that were sent, in milliseconds.

        uncertain: Whether it is unknown how much of it a client can read.

        long_wait: Whether it may ask the client to wait for more than a minute.
    """

    name: str
    wire: bytes
    end: End
    tail: bytes = b""
    comments: int = 0
    recognized_after: int = 0
    opened: bool = False
    fatal: frozenset[str] = frozenset()
    redirects: bool = False
    retry_after: float = 0.0
    until: float = 0.0
    last: int | None = None
    highest: int = 0
    retries: tuple[int, ...] = ()
    uncertain: bool = False
    long_wait: bool = False

    @property
    def certain(self) -> bool:
        """
        Whether the bytes that reach the client are known.
        """
        return self.end is not End.RESET and not self.uncertain


#: A connection that is closed before the request.
SILENT_CLOSE = Answer("silent close", b"", End.CUT)

_STREAM_TYPES = (
    *("text/event-stream", "text/event-stream;charset=utf-8", "Text/Event-Stream ; x=y"),
)

_HTML = b"<!DOCTYPE html><title>Down</title><p>We will be back." + b" Really." * 1000


def retries_in(body: bytes) -> tuple[int, ...]:
    """
    The ``retry`` fields whose lines are complete, in milliseconds.
    """
    return tuple(int(digits) for digits in _RETRY.findall(body))


def head(status: str, *headers: str, rng: random.Random) -> bytes:
    """
    Make the head of an answer, sometimes with fields and interim responses to be ignored.
    """
    lines = [f"HTTP/1.1 {status}", *headers]
    if rng.random() < 0.3:
        lines.insert(rng.randrange(1, len(lines) + 1), "X-Noise: \udcff\udcc3\t;;")
    first = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" if rng.random() < 0.05 else b""
    return first + "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")


def stream_type(rng: random.Random) -> str:
    """
    Make a ``Content-Type`` header of an event stream.
    """
    return f"Content-Type: {rng.choice(_STREAM_TYPES)}"


def bad_answer(rng: random.Random, path: str, long_waits: bool) -> Answer:
    """
    Make an answer that is not an event stream.

    Args:
        path: The target of a redirect on this server.

        long_waits: Whether the client may be asked to wait for years.
    """
    makers: Sequence[tuple[int, Callable[[], Answer]]] = (
        (10, lambda: _try_later(rng, long_waits)),
        (8, lambda: _redirect(rng, path)),
        (4, lambda: _broken_redirect(rng)),
        (4, lambda: _refusal(rng)),
        (4, lambda: _page(rng)),
        (4, lambda: _no_content(rng)),
        (3, lambda: _silence(rng)),
        (4, lambda: _torn_head(rng)),
        (4, lambda: _garbage(rng)),
    )
    (make,) = rng.choices([maker for _, maker in makers], [weight for weight, _ in makers])
    return make()


def _try_later(rng: random.Random, long_waits: bool) -> Answer:
    status = rng.choice(("429 Slow Down", "502 Bad", "503", "504 \udcff"))
    text, seconds = rng.choice(
        (
            *((None, 0.0), ("0", 0.0), ("1", 1.0), ("2", 2.0), ("-5", 0.0), ("soon", 0.0)),
            *(("\udcff", 0.0), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0), ("1.5", 0.0)),
            *[("date", 0.0)] * 3,
        )
    )
    if long_waits and rng.random() < 0.03:
        text, seconds = "9" * 20, 3600.0
    date = 0
    if text == "date":
        date = int(time.time()) + rng.randrange(2, 4)
        text = formatdate(date, usegmt=True)
    headers = [] if text is None else [f"Retry-After: {text}"]
    answer = _with_body(f"later {status[:3]}", status, headers, frozenset(), rng)
    return answer._replace(retry_after=seconds, until=date, long_wait=seconds > 60)


def _redirect(rng: random.Random, path: str) -> Answer:
    status = rng.choice(("301", "302", "303", "307", "308"))
    return _with_body(
        f"redirect {status}", status, [f"Location: {path}"], frozenset(), rng, redirects=True
    )


def _broken_redirect(rng: random.Random) -> Answer:
    status = rng.choice(("301 Moved", "302", "307", "308"))
    location = rng.choice(
        (None, "ftp://localhost/", "http://[", "\udcff://\udcc3", "http://a:b/", "http://a b/")
    )
    headers = [] if location is None else [f"Location: {location}"]
    return _with_body("redirect to nowhere", status, headers, frozenset({status[:3]}), rng)


def _refusal(rng: random.Random) -> Answer:
    status = rng.choice(("500 Oops", "404 Not Found", "401", "410 Gone", "206 Partial", "299 ?"))
    return _with_body(f"refusal {status[:3]}", status, [], frozenset({status[:3]}), rng)


def _page(rng: random.Random) -> Answer:
    kind = rng.choice(("text/html", "text/event-streams", "application/json", "\udcff", None, ""))
    fatal = frozenset({"UnexpectedContentType"})
    return _with_body("no stream", "200 OK", [], fatal, rng, kind=kind)


def _no_content(rng: random.Random) -> Answer:
    wire = head("204 No Content", rng=rng)
    end = rng.choice((End.DONE, End.CUT))
    return Answer("204", wire, end, recognized_after=len(wire), fatal=frozenset({"over"}))


def _silence(rng: random.Random) -> Answer:
    return Answer("silence", b"", rng.choice(list(End)[1:]))


def _torn_head(rng: random.Random) -> Answer:
    wire = head("200 OK", stream_type(rng), rng=rng)
    end = rng.choice(list(End)[1:])
    # With the last empty line it would be complete.
    return Answer(f"head {end.value}", wire[: rng.randrange(len(wire) - 1)], end)


def _garbage(rng: random.Random) -> Answer:
    wire = rng.choice(
        (
            rng.randbytes(rng.randrange(2, 3000)) + b"\n\n",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: none\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000,
            b"SSH-2.0-OpenSSH_9.2\r\n",
        )
    )
    return Answer("garbage", wire, rng.choice((End.CUT, End.STALL, End.HALF)))


def _with_body(
    name: str,
    status: str,
    headers: list[str],
    fatal: frozenset[str],
    rng: random.Random,
    *,
    kind: str | None = "text/html",
    redirects: bool = False,
) -> Answer:
    """
    Make an answer with a body for people, that ends in any way.
    """
    body = rng.choice((b"", b'{"detail": "Not now."}', b"\xff\xfe", _HTML))
    if kind is not None:
        headers = [*headers, f"Content-Type: {kind}"]
    length = rng.choice((len(body), len(body), len(body) + 1))
    wire = head(status, *headers, f"Content-Length: {length}", rng=rng)
    end = rng.choice((End.DONE, End.DONE, End.CUT, End.HALF, End.RESET, End.STALL))
    answer = Answer(
        name, wire + body, end, recognized_after=len(wire), fatal=fatal, redirects=redirects
    )
    if end is End.DONE and length != len(body):
        return answer._replace(end=End.CUT)
    return answer
