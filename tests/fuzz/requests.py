"""
What is sent in one case: the bytes of an HTTP/1 or HTTP/2 connection, in pieces.
"""

from __future__ import annotations

import struct
from random import Random
from typing import NamedTuple

from hpack import Encoder

from tests.fuzz import pieces

__all__ = ["Case", "make_case"]

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Case(NamedTuple):
    """
    One connection.

    Attributes:
        is_http2: Whether the client has negotiated HTTP/2.

        parts: What it sends, one after the other.
    """

    is_http2: bool
    parts: list[bytes]


def make_case(seed: int, number: int) -> Case:
    """
    Make case *number* of a run with *seed*.
    """
    random = Random(f"{seed} {number}")
    is_http2 = random.random() < 0.45
    data = _http2(random) if is_http2 else _http1(random)
    if random.random() < 0.15:
        data = pieces.break_bytes(random, data)
    return Case(is_http2, _cut(random, data))


def _cut(random: Random, data: bytes) -> list[bytes]:
    if random.random() < 0.6 or len(data) < 2:
        return [data]
    places = sorted(random.randrange(len(data)) for _ in range(random.choice([1, 2, 10])))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def _http1(random: Random) -> bytes:
    if random.random() < 0.05:
        return random.randbytes(random.choice([1, 10, 1000]))
    return b"".join(_http1_request(random) for _ in range(random.choice([1, 1, 1, 2, 5])))


def _http1_request(random: Random) -> bytes:
    version = random.choice([b"HTTP/1.1"] * 60 + [b"HTTP/1.0", b"HTTP/2.0", b"HTTP/9", b""])
    lines = [b" ".join([pieces.method(random), pieces.target(random), version])]
    if random.random() < 0.98:
        lines.append(b"Host: hub.example")
    fields, sent = _fields_and_body(random)
    lines += [name + b": " + value for name, value in fields]
    if random.random() < 0.4 and sent:
        lines.append(b"Transfer-Encoding: chunked")
        size = random.choice([1, 7, 1000])
        parts = [sent[at : at + size] for at in range(0, len(sent[:2000]), size)]
        sent = b"".join(b"%x\r\n%b\r\n" % (len(one), one) for one in parts) + b"0\r\n\r\n"
    elif sent:
        lines.append(b"Content-Length: %d" % len(sent))
    return b"\r\n".join([*lines, b"", sent])


def _fields_and_body(random: Random) -> tuple[list[tuple[bytes, bytes]], bytes]:
    fields = [pieces.field(random) for _ in range(random.choice([0, 0, 1, 2, 5]))]
    if random.random() < 0.5:
        fields.append((b"Authorization", b"Bearer " + pieces.TOKEN.encode()))
    if random.random() < 0.5:
        return fields, b""
    kind, sent = pieces.body(random)
    return [*fields, (b"Content-Type", kind)], sent


def _http2(random: Random) -> bytes:
    encoder = Encoder()
    frames = [_PREFACE, _frame(4, 0, 0, b"")]
    stream = 1
    for _ in range(random.choice([1, 2, 3, 10])):
        if random.random() < 0.8:
            frames.append(_h2_request(random, encoder, stream))
            stream += random.choice([2] * 20 + [0, 1, -2])
        else:
            frames += [_any_frame(random, stream)] * random.choice([1, 1, 1, 3, 2000])
    return b"".join(frames)


def _h2_request(random: Random, encoder: Encoder, stream: int) -> bytes:
    fields, sent = _fields_and_body(random)
    # Mostly valid, so that more than the validation is reached.
    valid = random.random() < 0.9
    method = random.choice([b"GET", b"POST"]) if valid else pieces.method(random)
    pseudo = [
        (b":method", method),
        (b":path", pieces.target(random)),
        (b":scheme", b"https"),
        (b":authority", b"hub.example"),
    ]
    if not valid:
        random.shuffle(pseudo)
        del pseudo[random.randrange(5) :]
    lower = [(name.lower() if valid else name, value) for name, value in fields]
    if valid:
        lower = [one for one in lower if one[0] not in _HOP_BY_HOP]
    block = encoder.encode([(*one, True) for one in [*pseudo, *lower]], huffman=False)
    end = 0 if sent or random.random() < 0.1 else 1
    parts = [block[at : at + 16_000] for at in range(0, len(block), 16_000)] or [b""]
    last = len(parts) - 1
    frames = [
        _frame(9 if at else 1, (4 if at == last else 0) | (0 if at else end), stream, part)
        for at, part in enumerate(parts)
    ]
    for at in range(0, len(sent), 16_000):
        is_last = at + 16_000 >= len(sent) and random.random() < 0.9
        frames.append(_frame(0, int(is_last), stream, sent[at : at + 16_000]))
    return b"".join(frames)


_HOP_BY_HOP = {
    b"",
    b"content-length",
    b"connection",
    b"transfer-encoding",
    b"upgrade",
    b"host",
    b"te",
}


def _any_frame(random: Random, stream: int) -> bytes:
    kind = random.choice([*range(11), 16, 200])
    size = {2: 5, 3: 4, 4: 6, 6: 8, 7: 8, 8: 4}.get(kind, random.choice([0, 1, 30]))
    if random.random() < 0.05:
        size += random.choice([-1, 1])
    number = random.choice([0, 0, stream, max(stream - 2, 0), 1, 2**31 - 1])
    size = max(size, 0)
    payload = bytes(size) if random.random() < 0.5 else random.randbytes(size)
    return _frame(kind, random.choice([0, 0, 1, 4, 5, 8, 255]), number, payload)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    head = struct.pack(">I", len(payload))[1:]
    return head + bytes([kind, flags]) + struct.pack(">I", stream & (2**32 - 1)) + payload
