"""
Publications and event IDs of every kind, for the tests of the rules.

Values only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from twisted_sse.events.event import MAX_RETRY, ServerSentEvent
from twisted_sse.events.publication import EARLIEST, Publication

__all__ = ["HOSTILE_IDS", "PUBLISHERS_IDS", "SHAPES", "mutations"]

_EVENTS = [
    *map(
        ServerSentEvent, ["", " ", "\n", "\n\n", "a\nb\n", " a ", "0", "00123", "null", "data: x"]
    ),
    *map(ServerSentEvent, ["a\r\nb\rc", "\0", "a\0b", "\ufeffa", "\u2028\u2029\x85\x0b\x0c\x1c"]),
    *map(
        ServerSentEvent,
        ["é e\u0301 ß ﬃ", "😀\U0010ffff", "\ufffe\uffff", "'\"\\%_;--", "日" * 20_000],
    ),
    ServerSentEvent(event="only-a-type"),
    ServerSentEvent(comment="only a comment\nof two lines"),
    ServerSentEvent(retry=0),
    ServerSentEvent("x", event="typed é 😀", retry=MAX_RETRY, comment=""),
    ServerSentEvent("x", id="mine", event="all", retry=1, comment="c"),
    ServerSentEvent(id="no-data"),
]

#: Publications that are easily stored wrong.
SHAPES = [
    *(Publication(("a",), event) for event in _EVENTS),
    Publication(("a",), ServerSentEvent("secret"), private=True),
    Publication(
        ("b", "a", "https://example.com/é?q=1#f", "😀 '\"%_,;"), ServerSentEvent("alternates")
    ),
    Publication(("x" * 4096,), ServerSentEvent("long")),
    Publication(tuple(map(str, range(100))), ServerSentEvent("many")),
]

#: IDs that publishers may choose; all of them are different.
PUBLISHERS_IDS = [
    *["mine", "Mine", "é", "e\u0301", "😀", "ﬀ", "ff", "a b", "a;b", "a", "aa"],
    *["0", "00", "1", "01", "1.0", "-1", "0-0", "0-1", "1-1", "2-1-1", "$", "+", "-", ">"],
    *["*", "%", "_", "?", "[a-z]", "'", '"', "' OR 1=1 --", "\\", "None", "null", "x" * 1024],
]

#: IDs that were never given to an event, but that a client may send.
HOSTILE_IDS = [
    *["", " ", "\0", "\r\n", "x\0", "\ufeff", "\U0010ffff", EARLIEST, EARLIEST.upper()],
    *["-", "--", "-1", "0", "0-0", "1", "00", "1e3", "0x1", "NaN", "inf", "+", "$", ">", "(0-0"],
    *["\u0661", "²", "\uff11", "½", "1-\u0661", "None", "null", "true", "undefined"],
    *["*", "%", "_", "?", "[a-z]*", "{a}", "{}", "%s", "\\", "../../etc/passwd", "'", '"'],
    *["' OR '1'='1", "'; DROP TABLE events; --", "*\r\n$1\r\nx", "9" * 19, "9" * 20],
    *["9" * 5000, f"{'9' * 5000}-{'9' * 5000}", f"-{'9' * 400}", "x" * 100_000, "é" * 100_000],
]

_DIGITS = re.compile("[0-9]+(?=[^0-9]*$)")


def mutations(event_id: str) -> Iterator[str]:
    """
    Return IDs that are similar to *event_id*, but different.
    """
    yield from (f" {event_id}", f"{event_id} ", f"{event_id}\n", f"{event_id}\0", f"-{event_id}")
    yield from (f"{event_id}-0", f"{event_id}0", f"{event_id}%", f"{event_id}*", f"0{event_id}")
    yield from (event_id[:-1], event_id[1:], event_id.swapcase(), event_id[::-1], event_id * 1000)
    last = _DIGITS.search(event_id)
    if last is not None:
        digits, number = last[0], int(last[0])
        others = (
            f"0{digits}",
            f"-{digits}",
            f"+{digits}",
            f"{digits}.0",
            f"{digits}_0",
            f" {digits}",
        )
        arabic = digits.translate({ord("0") + digit: 0x660 + digit for digit in range(10)})
        for other in (*others, arabic, number + 1, number + 10**6, number + 2**32, number + 2**64):
            yield f"{event_id[: last.start()]}{other}{event_id[last.end() :]}"
