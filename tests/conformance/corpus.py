"""
Streams and Chromium's answers, and the files that store them.

In the files, each character of a stream is one byte, U+0000 to U+00FF.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

__all__ = [
    "ANSWERS",
    "CORPUS",
    "HAND_MADE",
    "RETURNS",
    "Answer",
    "Stream",
    "lines_of",
    "read_answers",
    "read_corpus",
    "read_deviations",
]

HERE = Path(__file__).parent

HAND_MADE = HERE / "event_stream.json"
CORPUS = HERE / "corpus.json"
ANSWERS = HERE / "chromium.json"
DEVIATIONS = HERE / "deviations.json"

#: When a browser reconnects, compared with its default reconnection time.
RETURNS = ["sooner", "default", "later"]


class Stream(NamedTuple):
    """
    One response's body.

    Attributes:
        name: Unique among all streams.

        content: The bytes.

        returns: Whether the browser reconnects soon enough to wait for it.
    """

    name: str
    content: bytes
    returns: bool = True


class Answer(NamedTuple):
    """
    What a browser dispatches for a stream, and how it reconnects.

    Attributes:
        name: The name of the stream.

        events: Type, data and ``lastEventId`` of every event dispatched, in order.

        last_event_id: The ``lastEventId`` of an event without an ID after the reconnection;
            ``None`` if it has not reconnected.

        header: The ``Last-Event-ID`` of the reconnection; ``None`` if absent.

        returns: One of `RETURNS`; "later" also if it has not reconnected.
    """

    name: str
    events: list[list[str]]
    last_event_id: str | None
    header: str | None
    returns: str


def read_corpus() -> list[Stream]:
    """
    Read all streams, in the order in which browsers open them.
    """
    return [
        Stream(one["name"], one["stream"].encode("latin-1"), one.get("returns", True))
        for one in json.loads(CORPUS.read_text("ascii"))["streams"]
    ]


def read_answers() -> dict[str, Answer]:
    """
    Read Chromium's answers, by the names of the streams.
    """
    answers = json.loads(ANSWERS.read_text("ascii"))["answers"]
    return {one["name"]: Answer(**one) for one in answers}


def read_deviations() -> dict[str, Answer]:
    """
    Read what the standard says where Chromium differs, by the names of the streams.
    """
    answers = read_answers()
    made = {}
    for one in json.loads(DEVIATIONS.read_text("ascii"))["streams"]:
        name = one["name"]
        differs = {key: one[key] for key in Answer._fields if key in one}
        made[name] = answers[name]._replace(**differs)
    return made


def lines_of(about: Mapping[str, str], key: str, values: Iterable[Any]) -> str:
    """
    Write a JSON file with one of *values* in each line, so that a diff shows single values.
    """
    head = "".join(f"{json.dumps(name)}: {json.dumps(text)},\n" for name, text in about.items())
    body = ",\n".join(json.dumps(value) for value in values)
    return f"{{\n{head}{json.dumps(key)}: [\n{body}\n]\n}}\n"
