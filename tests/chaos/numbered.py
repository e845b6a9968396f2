"""
The numbered events of one client, which client and server compute independently.

An event depends only on the seed and its number, so neither side stores any.  Its wire form is
chosen anew each time: line ends, order of fields, additional fields that are ignored.
"""

import random
from typing import NamedTuple

from twisted_sse.events.event import MAX_RETRY, ServerSentEvent

__all__ = ["Frame", "NumberedEvents", "noise"]

# The parts of lines.  None begins with a byte that could complete the previous character.
_WORDS = (
    *(b"a", b" ", b":", b"\t", b"data: ", b"id: 7", b"\0", b"0123456789" * 5),
    *(text.encode() for text in ("é", "€", "😀", "\u2028", "\x85", "\ufeff")),
)

# Invalid UTF-8: a lone byte, and truncated characters.
_TORN = (b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98", b"\xed\xa0\x80")

_TYPES = (*[None] * 6, "message", "update", "stra\u00dfe: ü", " spaced")

_COMMENTS = (*[None] * 12, "", "a", "first\nsecond")

_RETRIES = (*[None] * 20, 0, 100, 250, 600)

# Milliseconds: longer than any run and any browser's timer.
_HUGE = 99999999999

# Fields that clients ignore.
_NOTHING = (b"foo: bar", b"Data: x", b"data2", b"id: 7\0", b"retry: 12x", b"retry", b"\xfe\xff")

# Blocks that are not events.  The first two repeat the end of the previous block.
_NOISE = (
    *(b"\n", b"\n\n", b":\n\n", b": alive\n\n", b"foo: bar\n\n", b"event: never\n\n"),
    *(b"\x80\xff\xfe\n\n", b"event: stream-open\ndata: {}\n\n", b"retry: 200\n\n"),
)


class Frame(NamedTuple):
    """
    One wire form of an event.

    Attributes:
        complete: The number of bytes after which the event is complete.  The CR of a
            final CR LF already ends the line.
    """

    wire: bytes
    complete: int


class _Entry(NamedTuple):
    lines: tuple[bytes, ...]
    type: str | None
    retry: int | None
    comment: str | None


class NumberedEvents:
    """
    Maps numbers, from 1, to events.

    Args:
        seed: The seed of the run.

        client: The number of the client.

        long_waits: Whether the client may be asked to wait for years.
    """

    def __init__(self, seed: int, client: int, long_waits: bool) -> None:
        self._name = f"{seed} {client}"
        self._long_waits = long_waits

    def id(self, number: int) -> str:
        """
        Return the event's ID, which is not always ASCII.
        """
        return f"{number} é" if number % 3 == 0 else str(number)

    def number(self, id: str) -> int | None:
        """
        Return the number of the event with this ID: 0 for "", ``None`` if no event has it.
        """
        digits = id.partition(" ")[0] or "0"
        if not (digits.isascii() and digits.isdigit()):
            return None
        number = int(digits)
        return number if id == (self.id(number) if number else "") else None

    def event(self, number: int) -> ServerSentEvent:
        """
        Return the event that must arrive.
        """
        entry = self._entry(number)
        data = b"\n".join(entry.lines).decode("utf-8", "replace")
        retry = None if entry.retry is None else min(entry.retry, MAX_RETRY)
        return ServerSentEvent(data, entry.type, self.id(number), retry, entry.comment)

    def frame(self, number: int, rng: random.Random) -> Frame:
        """
        Return a wire form of the event.
        """
        entry = self._entry(number)
        groups = [[_field(b"data", line, rng) for line in entry.lines]]
        groups.append([_field(b"id", self.id(number).encode(), rng)])
        if entry.type is not None:
            groups.append([_field(b"event", entry.type.encode(), rng)])
        if entry.retry is not None:
            groups.append([_field(b"retry", b"%d" % entry.retry, rng)])
        if entry.comment is not None:
            groups.append([_field(b"", line.encode(), rng) for line in entry.comment.split("\n")])
        if rng.random() < 0.2:
            groups.append([rng.choice(_NOTHING)])
        rng.shuffle(groups)
        end = rng.choice((b"\n", b"\n", b"\r", b"\r\n"))
        wire = b"".join(line + end for group in groups for line in group) + end
        return Frame(wire, len(wire) - (end == b"\r\n"))

    def _entry(self, number: int) -> _Entry:
        rng = random.Random(f"{self._name} {number}")
        words = _WORDS + _TORN if rng.random() < 0.2 else _WORDS
        lines = tuple(_line(words, rng) for _ in range(rng.choice((1, 1, 1, 2, 4))))
        retry = rng.choice(_RETRIES)
        if self._long_waits and rng.random() < 0.002:
            retry = _HUGE
        return _Entry(lines, rng.choice(_TYPES), retry, rng.choice(_COMMENTS))


def noise(rng: random.Random) -> bytes:
    """
    Return bytes between two events that are not an event.
    """
    return rng.choice(_NOISE)


def _line(words: tuple[bytes, ...], rng: random.Random) -> bytes:
    (length,) = rng.choices((0, 3, 20, 200), (5, 50, 40, 5))
    line = b"".join(rng.choices(words, k=length))
    # Four lines of 8,000 bytes are half of a client's limit.
    return (line * 40)[:8000] if rng.random() < 0.02 else line


def _field(name: bytes, value: bytes, rng: random.Random) -> bytes:
    if not value and name and rng.random() < 0.3:
        return name
    # HTML: "If value starts with a U+0020 SPACE character, remove it from value."
    space = b" " if value[:1] == b" " or rng.random() < 0.7 else b""
    return name + b":" + space + value
