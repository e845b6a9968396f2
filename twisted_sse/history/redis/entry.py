"""
Publications as entries of a Redis stream, and back.

An entry has the fields ``n``, its number, and ``b``, the bytes of all entries up
to it, in this order; then ``topic``, as often as there are topics; then ``data``,
``event``, ``retry``, ``private`` and ``comment``, and at last ``id`` if the
publisher gave one.  What an event does not have, its entry does not have.

The entry with the number 0 has nothing but numbers.  It is where the order begins.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record

__all__ = ["RawEntry", "RedisEntry", "as_place", "encode_entry", "parse_entry"]

#: As Redis tells it: its ID, and its fields' names and values in turn.
RawEntry = tuple[bytes, Sequence[bytes]]

# Redis: "<millisecondsTime>-<sequenceNumber>"; "Both quantities are 64 bit numbers."
_PLACE = re.compile("(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})")
_LARGEST = 2**64 - 1

# json.dumps() would make an encoder for each call with these arguments.
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class RedisEntry(NamedTuple):
    """
    An entry of the stream.

    Attributes:
        place: Redis' own ID of it.

        number: Its place in the one order.

        kept: What it keeps; ``None`` is where the order begins.
    """

    place: str
    number: int
    kept: Record | None

    @property
    def position(self) -> Position:
        """
        The position that `place` names, whatever ID its publisher gave.
        """
        return Position(self.number, self.place)

    def stands_at(self, position: Position) -> bool:
        """
        Whether it is what *position* was told of.
        """
        ids = {self.place, self.place if self.kept is None else self.kept.id}
        return self.number == position.number and position.id in ids


def encode_entry(publication: Publication) -> str:
    """
    Write *publication* as the script that appends takes it: a JSON array of the
    publisher's ID, empty if it gave none, and then of the fields.
    """
    event = publication.event
    texts = [event.id or ""]
    for topic in publication.topics:
        texts += ("topic", topic)
    if event.data is not None:
        texts += ("data", event.data)
    if event.event is not None:
        texts += ("event", event.event)
    if event.retry is not None:
        texts += ("retry", str(event.retry))
    if publication.private:
        texts += ("private", "1")
    if event.comment is not None:
        texts += ("comment", event.comment)
    return _write(texts)


def parse_entry(raw: RawEntry) -> RedisEntry:
    """
    Read an entry.

    Raises:
        HistoryUnavailable: It is none of ours.
    """
    try:
        return _parse(*raw)
    except (KeyError, ValueError, TypeError):
        # InvalidEvent is a ValueError.
        raise HistoryUnavailable(
            f"The stream in Redis has an entry that is no publication, {raw[0]!r}:"
            " delete the stream, or use another prefix."
        ) from None


def as_place(event_id: str) -> str:
    """
    Give *event_id* back if it is written just as Redis writes the ID of an
    entry, else an empty string.
    """
    match = _PLACE.fullmatch(event_id)
    if match is None or any(int(part) > _LARGEST for part in match.groups()):
        return ""
    return event_id


def _parse(name: bytes, values: Sequence[bytes]) -> RedisEntry:
    texts = [value.decode() for value in values]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    fields = dict(pairs)
    place, number = name.decode(), int(fields["n"])
    topics = tuple(value for field, value in pairs if field == "topic")
    if number == 0:
        return RedisEntry(place, 0, None)
    if not topics:
        raise ValueError
    retry = fields.get("retry")
    event = ServerSentEvent(
        data=fields.get("data"),
        event=fields.get("event"),
        id=fields.get("id"),
        retry=None if retry is None else int(retry),
        comment=fields.get("comment"),
    )
    publication = Publication(topics, event, "private" in fields)
    return RedisEntry(place, number, Record(number, event.id or place, publication))
