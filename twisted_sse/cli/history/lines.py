"""
One kept publication as a line of JSON, and back.

A line has what a publisher gives, under the names of ``POST /events``: ``topic``, ``data``,
``event``, ``id``, ``retry``, ``private``, ``end``; and ``comment``.  ``id`` is there only if the
publisher has chosen it.  ``event_id``, the ID that subscribers were sent, and ``time``,
when it was kept, are for readers, and ignored here.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from twisted_sse.cli.batches import NumberedLine
from twisted_sse.cli.lineparser import reading
from twisted_sse.errors import InvalidEvent, InvalidTopic
from twisted_sse.events.control import BEGUN
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.holdings import StoredRecord
from twisted_sse.events.publication import Publication
from twisted_sse.topics import check_topics

__all__ = ["as_line", "from_line", "utc"]

_FIELDS: Final = ("data", "event", "id", "retry", "comment")
_KEYS: Final = {"topic", *_FIELDS, "private", "end", "event_id", "time"}

# With these arguments json.dumps() would make an encoder for each call.
_write: Final = json.JSONEncoder(ensure_ascii=False).encode


def as_line(stored: StoredRecord) -> str:
    """
    Write *stored* as one line of JSON, without a line end.
    """
    publication = stored.record.publication
    event = publication.event
    value: dict[str, Any] = {"topic": list(publication.topics)}
    for name in _FIELDS:
        field = getattr(event, name)
        if field is not None:
            value[name] = field
    if publication.private:
        value["private"] = True
    if publication.outcome is not None:
        value["end"] = publication.outcome
    value["event_id"] = stored.record.id
    time = utc(stored.kept_at)
    if time is not None:
        value["time"] = time
    return _write(value)


def from_line(line: NumberedLine) -> Publication | None:
    """
    Read a line; ``None`` if it is empty.

    Raises:
        BadLine: It cannot be published; a sentence with its number.
    """
    with reading(line):
        return _publication(json.loads(line.text)) if line.text.strip() else None


def utc(seconds: float | None) -> str | None:
    """
    Write a date as RFC 3339 does; ``None`` if it is unknown, or out of range.

    Args:
        seconds: In seconds since 1970.
    """
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None
    return moment.replace("+00:00", "Z")


def _publication(value: Any) -> Publication:
    if not isinstance(value, dict):
        raise InvalidEvent('Write an object such as {"topic": ["news"], "data": "hello"}.')
    unknown = sorted(value.keys() - _KEYS)
    if unknown:
        raise InvalidEvent(f"Unknown key {unknown[0]!r}; the known keys are {_list()}.")
    topics = value.get("topic", ())
    if not (isinstance(topics, str) or all(isinstance(one, str) for one in _items(topics))):
        raise InvalidTopic("'topic' must be a string or an array of strings.")
    data = value.get("data")
    if "data" in value and not isinstance(data, str):
        # As for publishers: strings are data as they are, and other JSON is encoded.
        data = _write(data)
    fields = {name: value.get(name) for name in _FIELDS if name != "data"}
    event = ServerSentEvent(data, **fields)
    private = value.get("private", False)
    if event.event == BEGUN and isinstance(private, bool):
        # Only hubs publish it, when a run begins.
        return Publication(check_topics(topics), event, private)
    return Publication.restored(topics, event, value.get("end"), private=private)


def _items(topics: object) -> list[Any]:
    return topics if isinstance(topics, list) else [None]


def _list() -> str:
    *others, last = sorted(_KEYS)
    return f"{', '.join(others)} and {last}"
