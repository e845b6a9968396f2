"""
Parses the bodies of publishing requests: a form, JSON, or one JSON object per line.

Bytes in, publications out; nothing here knows requests.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any
from urllib.parse import parse_qsl

from twisted_sse.errors import InvalidEvent, InvalidTopic
from twisted_sse.events.ending import Outcome
from twisted_sse.events.publication import Publication
from twisted_sse.web.problem import Problem

__all__ = ["ANSWERS", "MEDIA_TYPES", "from_form", "from_json", "from_ndjson"]

MEDIA_TYPES = ("application/x-www-form-urlencoded", "application/json", "application/x-ndjson")

_KEYS = {"topic", "data", "event", "id", "retry", "private", "end"}

_FORM_KEYS = {*_KEYS, "type"}

# Every short word resembles "id", and "end" is in many.
_SPELLED = sorted(_FORM_KEYS - {"id", "end"})

# The outcomes that publishers may give to a topic.
_OUTCOMES: tuple[Outcome, ...] = ("done", "failed", "cancelled")

# As `difflib` measures it: "dta" and "topics" are similar enough, and "date" and "time",
# which may be a form's own fields, are not.
_SIMILAR = 0.8

# The most different fields, and the most characters of a name that can be similar to one of
# ours: a comparison takes about 50 µs, and the body may have a mebibyte.
_MOST_FIELDS = 100
_LONGEST = 10

# Data that is not given, which differs from null.
_NOTHING = object()

#: What browsers send for a checkbox, and what programs write.
ANSWERS = {
    **dict.fromkeys(("yes", "on", "true", "1"), True),
    **dict.fromkeys(("no", "off", "false", "0"), False),
}


def from_form(body: bytes) -> Publication:
    """
    Parse a form with ``topic`` (repeatable), ``data``, ``type`` or ``event``,
    ``id``, ``retry``, ``private`` and ``end``.

    ``data`` must be there, possibly empty, unless ``end`` is; ``private`` must be yes or
    no; and a field that looks like one of these, misspelled, is an error.  Other unknown
    fields are ignored: a page's form may have some of its own.

    Raises:
        Problem, InvalidTopic, InvalidEvent: The form cannot be published.
    """
    try:
        pairs = parse_qsl(body.decode("utf-8"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise Problem(400, "The form must be percent-encoded UTF-8.") from None
    fields = dict(pairs)
    _check_fields(fields)
    topics = [value for name, value in pairs if name == "topic"]
    # Browsers send a field that was not filled in as an empty one.
    given = {name: fields.get(name) or None for name in ("event", "id", "retry", "end")}
    return _made(
        topics,
        fields.get("data", _NOTHING),
        event=fields.get("type") or given["event"],
        id=given["id"],
        retry=_digits(given["retry"]),
        private=_yes(fields.get("private", "no")),
        end=given["end"],
    )


def from_json(body: bytes) -> Publication | list[Publication]:
    """
    Parse an object, or an array of objects, with ``topic`` (a string or an array
    of strings), ``data``, ``event``, ``id``, ``retry``, ``private`` and ``end``.

    Raises:
        Problem, InvalidTopic, InvalidEvent: The body cannot be published.
    """
    value = _load(body)
    if isinstance(value, list):
        return [
            _publication(entry, f"Entry {number} of the array: ")
            for number, entry in enumerate(value, 1)
        ]
    return _publication(value, "")


def from_ndjson(body: bytes) -> list[Publication]:
    """
    Parse one JSON object per line; empty lines are skipped.

    Raises:
        Problem, InvalidTopic, InvalidEvent: A line cannot be published.
    """
    return [
        _publication(_load(line, prefix), prefix) for prefix, line in _lines(body) if line.strip()
    ]


def _lines(body: bytes) -> Iterator[tuple[str, bytes]]:
    for number, line in enumerate(body.split(b"\n"), 1):
        yield f"Line {number}: ", line


def _load(text: bytes, prefix: str = "") -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Problem(400, f"{prefix}This is not JSON: {error}.") from None
    except RecursionError:
        raise Problem(400, f"{prefix}This JSON is nested too deeply.") from None


def _publication(value: Any, prefix: str) -> Publication:
    if not isinstance(value, dict):
        raise Problem(400, f'{prefix}Send an object such as {{"topic": "news", "data": "hello"}}.')
    unknown = sorted(value.keys() - _KEYS)
    if unknown:
        raise Problem(
            400, f"{prefix}Unknown key {unknown[0]!r}; the known keys are {_list(_KEYS)}."
        )
    _check_types(value, prefix)
    try:
        return _made(
            value.get("topic", ()),
            value.get("data", _NOTHING),
            event=value.get("event"),
            id=value.get("id"),
            retry=value.get("retry"),
            private=value.get("private", False),
            end=value.get("end"),
        )
    except (InvalidEvent, InvalidTopic) as error:
        raise Problem(400, f"{prefix}{error}") from None


def _made(
    topics: Any,
    data: Any,
    *,
    event: Any,
    id: Any,
    retry: Any,
    private: bool,
    end: Any,
) -> Publication:
    """
    Make a publication, or an end with a last event if any part of one is given.
    """
    nothing = data is _NOTHING
    if end is not None and end not in _OUTCOMES:
        raise Problem(400, f"'end' is {str(end)[:20]!r}: send one of {', '.join(_OUTCOMES)}.")
    if end is not None and nothing and event is None and retry is None:
        return Publication.ending(topics, end, id=id, private=private)
    made = Publication.of(
        topics, "" if nothing else data, event=event, id=id, retry=retry, private=private
    )
    return made if end is None else replace(made, outcome=end)


def _check_types(value: dict[str, Any], prefix: str) -> None:
    topic = value.get("topic")
    several = isinstance(topic, list) and all(isinstance(each, str) for each in topic)
    if not (isinstance(topic, str) or several):
        raise Problem(400, f"{prefix}'topic' must be a string or an array of strings.")
    if not isinstance(value.get("private", False), bool):
        raise Problem(400, f"{prefix}'private' must be true or false.")


def _check_fields(fields: Mapping[str, str]) -> None:
    if len(fields) > _MOST_FIELDS:
        raise Problem(400, f"The form has more than {_MOST_FIELDS} fields: leave some out.")
    for name in fields:
        if name in _FORM_KEYS or len(name) > _LONGEST:
            continue
        close = get_close_matches(name.lower(), _SPELLED, 1, _SIMILAR)
        if close:
            raise Problem(400, f"Unknown field {name!r}: did you mean {close[0]!r}?")
    if "data" not in fields and not fields.get("end"):
        raise Problem(400, "The form has no 'data': send data=TEXT, or data= for an empty event.")


def _yes(text: str) -> bool:
    answer = ANSWERS.get(text.lower())
    if answer is None:
        raise Problem(400, f"'private' is {text[:20]!r}: send private=yes, or leave it out.")
    return answer


def _digits(text: str | None) -> int | None:
    if text is None:
        return None
    # HTML: "consists of only ASCII digits".
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise Problem(400, "'retry' must be a number of milliseconds, in digits.")
    return int(text)


def _list(names: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(names))
