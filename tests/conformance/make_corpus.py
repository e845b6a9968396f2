"""
Make the corpus: `python -m tests.conformance.make_corpus`.

The hand-made streams of `event_stream.json` come first, then combinations of everything that has
a meaning in the format.  The result is always the same.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from itertools import product

from tests.conformance.corpus import CORPUS, HAND_MADE, Stream, lines_of

__all__ = ["corpus_text", "make_corpus"]

# A day and more: the recording does not wait for these reconnections.
_LONG_RETRIES = ("retry: 2147483647\n\n", "retry: 2147483648\n\n", "retry: 86400000\n\n")

_BOM = "\xef\xbb\xbf"

_ENDS = {"LF": "\n", "CR": "\r", "CR LF": "\r\n"}

_FORMS = [
    *["{f}", "{f}:", "{f}: ", "{f}:  ", "{f}:v", "{f}: v", "{f}:  v", "{f}::v", "{f}: :v"],
    *["{f} : v", " {f}: v", "\t{f}: v", "{f}\t: v", "{f}:\tv", "{f}: v ", "{f}: v: w"],
    *["{f}\0: v", "\0{f}: v", "{f}: v\0", "{f}:\0v", "{f}:\xc2\xa0v", ":{f}: v", "{f}{f}: v"],
]

_INVALID = {
    "a byte that cannot occur": "\xff",
    "two of them": "\xfe\xff",
    "a continuation byte": "\x80",
    "three continuation bytes": "\x80\xbf\x80",
    "a lead byte of two": "\xc3",
    "an overlong NUL": "\xc0\x80",
    "an overlong line feed": "\xc0\x8a",
    "an overlong colon": "\xe0\x80\xba",
    "a lead byte of three": "\xe2",
    "two bytes of three": "\xe2\x82",
    "a surrogate": "\xed\xa0\x80",
    "a pair of surrogates": "\xed\xa0\xbd\xed\xb8\x80",
    "a lead byte of four": "\xf0",
    "three bytes of four": "\xf0\x9f\x98",
    "beyond Unicode": "\xf4\x90\x80\x80",
    "five bytes": "\xf8\x88\x80\x80\x80",
    "two bytes of a mark": "\xef\xbb",
    "a character after one cut short": "\xe2\x82\xc3\xa9",
}

_RETRIES = [
    *["10", "0", "00", "0010", " 10", "10 ", "", " ", "-10", "+10", "1e1", "10.0", "0xa", "1_0"],
    *["10ms", "x", "1\0", "\0", "\xd9\xa1\xd9\xa0", "\xef\xbc\x91", "10:", "10,0", "\t10"],
    *["9" * 30, "18446744073709551616", "0" * 30 + "10", "4500", "1000"],
]

_TYPES = [
    *["message", "Message", "error", "open", "close", "t", " t", "t ", "a b", "a:b", ":", "\0"],
    *["constructor", "__proto__", "toString", "0", "\xe2\x82\xac", "\xf0\x9f\x98\x80", _BOM],
    *["\xe2\x80\xa8", "\xc2\x85", "\x0b", "\x1c", "\x7f", "t" * 300, "error ", "onmessage"],
]

_IDS = ["", "id: 1\n", "id: 2\n", "id\n", "id:\n", "id: \n", "id: 3\0\n", "id: \xe2\x82\xac\n"]

_WHOLE = (
    "id: 1\nevent: t\ndata: a\n\n: c\rid: 2\rdata: b\rdata\r\r"
    "retry: 10\r\nid\r\ndata:\xe2\x82\xac\r\n\r\n"
)

_PIECES = [
    *["data", "event", "id", "data:", "data: ", "event: ", "id: ", ":", ": ", " ", "x", "y: z"],
    *["\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n", "\n\r", "\n", "\n\n", "\0", _BOM, "\xe2\x82"],
    *["data: x\n", "data: y\r\n", "data: z\r", "id: 1\n", "id: 2\r", "event: t\n", "event: u\r\n"],
    *["\xc3\xa9", "\xff", "\xe2\x80\xa8", "retry: 10\n", "retry: no\n", "foo\n", ":\n", "data\n"],
]
_MIXTURES = 160


def make_corpus() -> list[Stream]:
    """
    Make all streams.  No two have the same name or the same content.
    """
    made: dict[bytes, Stream] = {}
    for name, text in _streams():
        content = text.encode("latin-1")
        made.setdefault(content, Stream(name, content, text not in _LONG_RETRIES))
    return list(made.values())


def corpus_text() -> str:
    """
    Write the text of the file.
    """
    return lines_of(
        {
            "about": "Made by tests/conformance/make_corpus.py. In stream each character is one"
            " byte, U+0000 to U+00FF. Chromium's answers are in chromium.json."
        },
        "streams",
        (
            {"name": stream.name, "stream": stream.content.decode("latin-1")}
            | ({} if stream.returns else {"returns": False})
            for stream in make_corpus()
        ),
    )


def _streams() -> Iterator[tuple[str, str]]:
    for stream in json.loads(HAND_MADE.read_text())["cases"]:
        yield stream["name"], stream["stream"]
    yield from _forms()
    yield from _line_ends()
    yield from _marks()
    yield from _bad_bytes()
    yield from _ids()
    yield from _retries()
    yield from _types()
    yield from _unfinished()
    yield from _large()
    yield from _mixtures()


def _forms() -> Iterator[tuple[str, str]]:
    """
    Make every form of every field, between a block with an ID and data that show it.
    """
    for field, form in product(["data", "event", "id", "retry", "foo", "Data", ""], _FORMS):
        line = form.format(f=field).replace("v", "10" if field == "retry" else "v")
        yield f"a form: {line!r}", f"id: 0\ndata: a\n\n{line}\ndata: b\n\ndata: c\n\n"


def _line_ends() -> Iterator[tuple[str, str]]:
    for ends in product(_ENDS, repeat=4):
        stream, two, three, four = (_ENDS[end] for end in ends)
        yield f"ends: {', '.join(ends)}", f"data: a{stream}{two}id: 1{three}data: b{four}\n\n"
    for end, (blank, following) in product(_ENDS, product(_ENDS, repeat=2)):
        text = f"event: t{_ENDS[end]}data: a{_ENDS[end]}{_ENDS[blank]}{_ENDS[following]}data: b\n"
        yield f"lines of {end}, then {blank}, {following}", text


def _marks() -> Iterator[tuple[str, str]]:
    starts = ["", _BOM * 2, _BOM[:1], _BOM[:2], f"\n{_BOM}", f" {_BOM}", f"{_BOM} ", f":{_BOM}"]
    lines = ["data: a\n\n", "id: 1\n", "event: t\n", ": c\n", "retry: 10\n", ":", "x"]
    for start, line in product([_BOM, *starts], [*lines, *_ENDS.values()]):
        yield f"a mark: {start + line!r}", f"{start}{line}data: b\n\ndata: c\n\n"


def _bad_bytes() -> Iterator[tuple[str, str]]:
    places = {
        "in data": "data: a{}b\n\n",
        "at the end of data": "data: a{}\ndata: b\n\n",
        "in a type": "event: a{}b\ndata\n\n",
        "at the end of a type": "event: {}\ndata\n\n",
        "at the end of an ID": "id: {}\ndata\n\n",
        "in a field's name": "da{}ta: a\ndata: b\n\n",
    }
    for (what, text), (where, place) in product(_INVALID.items(), places.items()):
        yield f"{what} {where}", place.format(text)


def _ids() -> Iterator[tuple[str, str]]:
    for first, second in product(_IDS, repeat=2):
        name = f"IDs: {first!r}, {second!r}"
        yield name, f"{first}data: a\n\n{second}data: b\n\ndata: c\n\n"
        yield f"{name}, without data", f"{first}data: a\n\n{second}\ndata: c\n\n{second}"


def _retries() -> Iterator[tuple[str, str]]:
    for value in _RETRIES:
        yield f"retry {value!r}", f"retry: {value}\n\n"
        yield f"retry {value!r} in a block that is not finished", f"data: a\nretry:{value}\n"
        yield f"retry {value!r} in a line that is not finished", f"data: a\n\nretry:{value}"
        yield f"retry {value!r} after another", f"retry: 1000\nretry:{value}\r\rdata: a\n\n"
    yield "a day", "retry: 86400000\n\n"


def _types() -> Iterator[tuple[str, str]]:
    for value in _TYPES:
        yield f"type {value!r}", f"event: {value}\ndata: a\n\ndata: b\n\n"
        yield f"type {value!r} without data, then with", f"event:{value}\n\nevent:{value}\ndata\n\n"


def _unfinished() -> Iterator[tuple[str, str]]:
    for end in range(len(_WHOLE)):
        yield f"the first {end} bytes", _WHOLE[:end]


def _large() -> Iterator[tuple[str, str]]:
    yield "a line of 70,000 bytes", f"data: {'a' * 70_000}\n\n"
    yield "a line of 3,000 characters of three bytes", "data: " + "\xe2\x82\xac" * 3_000 + "\n\n"
    yield "2,000 lines", "data: a\n" * 2_000 + "\n"
    yield "2,000 empty lines of data", "data\r\n" * 2_000 + "\r\n"
    yield "500 blocks", "".join(f"id: {number}\ndata: a\n\n" for number in range(500))
    yield "a comment of 5,000 bytes", f":{'c' * 5_000}\ndata: a\n\n"
    yield "an ID of 3,000 bytes", f"id: {'i' * 3_000}\ndata: a\n\n"
    yield "a type of 3,000 bytes", f"event: {'t' * 3_000}\ndata: a\n\n"
    yield "a field's name of 5,000 bytes", f"{'data' * 1_250}: a\ndata: b\n\n"
    yield "5,000 line ends", "\r\n" * 2_500 + "data: a\n\n"


def _mixtures() -> Iterator[tuple[str, str]]:
    """
    Make random sequences.  No piece ends with a digit that the next one could extend.
    """
    rng = random.Random(2026)
    for number in range(_MIXTURES):
        count = rng.randrange(4, 24)
        yield f"mixture {number}", "".join(rng.choice(_PIECES) for _ in range(count))


if __name__ == "__main__":
    CORPUS.write_text(corpus_text(), "ascii")
