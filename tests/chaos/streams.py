"""
The streams of a hostile server: numbered events, cut at any byte.

Nothing here does I/O; every choice comes from a seeded random generator.
"""

import random
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from tests.chaos.answers import Answer, End, head, retries_in, stream_type
from tests.chaos.behaviors import END_MARKER, MAX_EVENT_SIZE
from tests.chaos.numbered import NumberedEvents, noise

__all__ = ["final_stream", "stream"]

_BOM = b"\xef\xbb\xbf"

# Larger than a client's limit for one event.
_ENDLESS = b"id: 99999\nretry: 77\ndata: " + b"x" * (MAX_EVENT_SIZE + 5000)

# What ends the body in each framing.
_CLOSINGS = {"chunked": b"0\r\n\r\n", "gzip": b"0\r\n\r\n", "length": b"", "close": b""}

# Bytes that no chunk begins with.
_NO_CHUNK = (b"zz\r\nx", b"-5\r\n", b"\r\n\r\n\r\n", b"\xff" * 50, b"f" * 30 + b"\r\n")


class _Content(NamedTuple):
    """
    The body of a stream.

    Attributes:
        pieces: The body, in pieces.

        completions: For each event, the number of bytes of the body after which it is
            complete, and its own number.
    """

    pieces: list[bytes]
    completions: list[tuple[int, int]]


class _Part(NamedTuple):
    """
    Bytes of the wire, and the bytes of the body that they carry.

    Attributes:
        plain: Whether a prefix of *wire* carries the same prefix of *body*.

        torn: Whether it is unknown how much of *body* a client can read.
    """

    wire: bytes
    body: bytes
    plain: bool = True
    torn: bool = False


def stream(rng: random.Random, log: NumberedEvents, last: int) -> Answer:
    """
    Make a stream of events after *last*, with an end of any kind.
    """
    content = _content(rng, log, last, rng.choice((0, 1, 3, 10, 10, 30, 120)))
    framings = ("chunked", "chunked", "close", "gzip", "length" if content.pieces else "close")
    framing = rng.choice(framings)
    chance = rng.random()
    if chance < 0.1:
        return _endless(rng, content, framing, last)
    parts = list(_framed(content.pieces, framing))
    if chance < 0.3:
        ends = [End.CUT] if framing == "close" else [End.DONE, End.CUT]
        parts.append(_Part(_CLOSINGS[framing], b""))
        answer = _answer("whole", rng.choice(ends), parts, rng, content, framing, last)
        comments = rng.choice((0, 6)) if framing == "close" else 0
        return answer._replace(name="stream alive", comments=comments) if comments else answer
    if chance < 0.4 and framing in ("chunked", "gzip"):
        answer = _answer("no chunk", End.STALL, parts, rng, content, framing, last)
        return answer._replace(tail=rng.choice(_NO_CHUNK))
    # Never all of it: with a Content-Length that would be a complete answer.
    room = sum(len(part.wire) for part in parts)
    parts = list(_until(parts, rng.randrange(max(room, 1))))
    end = rng.choice((End.CUT, End.CUT, End.HALF, End.RESET, End.STALL))
    return _answer(end.value, end, parts, rng, content, framing, last)


def final_stream(rng: random.Random, log: NumberedEvents, last: int, highest: int) -> Answer:
    """
    Make a correct stream of all remaining events and the end marker.
    """
    content = _content(rng, log, last, highest - last)
    content.pieces.append(f"event: {END_MARKER}\ndata: {highest}\n\n".encode())
    parts = list(_framed(content.pieces, "close"))
    return _answer("final", End.STALL, parts, rng, content, "close", last)


def _content(rng: random.Random, log: NumberedEvents, last: int, count: int) -> _Content:
    pieces = [_BOM] if rng.random() < 0.2 else []
    completions = []
    size = sum(map(len, pieces))
    for number in range(last + 1, last + 1 + count):
        frame = log.frame(number, rng)
        nothing = noise(rng) if rng.random() < 0.15 else b""
        completions.append((size + frame.complete, number))
        pieces += [frame.wire, nothing]
        size += len(frame.wire) + len(nothing)
    return _Content(pieces, completions)


def _endless(rng: random.Random, content: _Content, framing: str, last: int) -> Answer:
    """
    Make a stream that ends with an event that is too large, complete or not.
    """
    framing = "close" if framing == "length" else "chunked"
    parts = list(_framed(content.pieces, framing))
    answer = _answer("endless", End.STALL, parts, rng, content, framing, last)
    after = b"\n\nid: 99999\ndata: never\n\n" if rng.random() < 0.5 else b""
    tail = b"".join(part.wire for part in _framed([_ENDLESS + after], framing))
    # The client may obey its retry field or not.
    return answer._replace(tail=tail, retries=(*answer.retries, 77))


def _answer(
    name: str,
    end: End,
    parts: list[_Part],
    rng: random.Random,
    content: _Content,
    framing: str,
    last: int,
) -> Answer:
    top = _head(framing, content, rng)
    body = b"".join(part.body for part in parts)
    whole = [number for offset, number in content.completions if offset <= len(body)]
    everything = b"".join(content.pieces)
    uncertain = bool(parts) and parts[-1].torn
    return Answer(
        f"stream {name}",
        top + b"".join(part.wire for part in parts),
        end,
        recognized_after=len(top),
        opened=True,
        last=whole[-1] if whole else last,
        highest=content.completions[-1][1] if content.completions else last,
        retries=retries_in(everything if uncertain else body),
        uncertain=uncertain,
        long_wait=any(retry > 60_000 for retry in retries_in(everything)),
    )


def _head(framing: str, content: _Content, rng: random.Random) -> bytes:
    size = sum(map(len, content.pieces))
    headers = {
        "chunked": ["Transfer-Encoding: chunked"],
        "gzip": ["Transfer-Encoding: chunked", "Content-Encoding: gzip"],
        "length": [f"Content-Length: {size}"],
        "close": [],
    }[framing]
    return head("200 OK", stream_type(rng), *headers, rng=rng)


def _framed(pieces: list[bytes], framing: str) -> Iterator[_Part]:
    if framing not in ("chunked", "gzip"):
        for piece in pieces:
            yield _Part(piece, piece)
        return
    packer = zlib.compressobj(wbits=31) if framing == "gzip" else None
    for piece in filter(None, pieces):
        packed = piece
        if packer is not None:
            packed = packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
        yield _Part(b"%x\r\n" % len(packed), b"")
        yield _Part(packed, piece, packer is None)
        yield _Part(b"\r\n", b"")


def _until(parts: list[_Part], room: int) -> Iterator[_Part]:
    """
    The first *room* bytes of a stream.
    """
    for part in parts:
        if len(part.wire) <= room:
            yield part
            room -= len(part.wire)
        else:
            # It is unknown what a prefix of compressed bytes decompresses to.
            body = part.body[:room] if part.plain else b""
            yield _Part(part.wire[:room], body, part.plain, not part.plain)
            return
