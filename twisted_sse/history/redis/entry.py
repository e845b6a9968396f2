"""
Publications as entries of a Redis stream, and back.

An entry has these fields, in this order: ``n``, its number; ``b``, the bytes of
all entries up to it; one ``topic`` for each topic; ``data``, ``event``, ``retry``,
``private``, ``comment``; ``end``, how the topics have ended, of which this is the last
publication; and ``id``, the publisher's ID.  A field that the event lacks is left out.

The order begins at the entry with the number 0, which has only ``n`` and ``b``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from twisted_sse.events.ending import OUTCOMES
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record

__all__ = ["RawEntry", "RedisEntry", "as_entry_id", "encode_entry", "parse_entry"]

#: An entry as Redis sends it: its ID, and alternating field names and values.
RawEntry = tuple[bytes, Sequence[bytes]]

# Redis: "<millisecondsTime>-<sequenceNumber>"; "Both quantities are 64 bit numbers."
_ENTRY_ID = re.compile("(0|[1-9][0-9]{0,19})-(0|[1-9][0-9]{0,19})")
_LARGEST = 2**64 - 1

# A number that Lua holds exactly.
_COUNTER = re.compile(rb"[0-9]{1,15}")

# With these arguments json.dumps() would make an encoder for each call.
_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class RedisEntry(NamedTuple):
    """
    An entry of the stream.

    Attributes:
        entry_id: The ID that Redis gave it.

        number: Its place in the one order.

        record: The stored publication; ``None`` where the order begins, and if the
            entry cannot be read.

        damage: Why it cannot be read.

        ends: The bytes of all entries up to this one.
    """

    entry_id: str
    number: int
    record: Record | None
    damage: str = ""
    ends: int = 0

    @property
    def kept_at(self) -> float:
        """
        When Redis kept it, in seconds since 1970.
        """
        # Redis: "the entry ID" begins with "the local time in the local Redis node".
        return int(self.entry_id.partition("-")[0]) / 1000

    @property
    def position(self) -> Position:
        """
        The position of this entry, by `entry_id` rather than a publisher's ID.
        """
        return Position(self.number, self.entry_id)

    def stands_at(self, position: Position) -> bool:
        """
        Whether *position* is that of this entry, by either of its IDs.
        """
        ids = {self.entry_id, self.entry_id if self.record is None else self.record.id}
        return self.number == position.number and position.id in ids


def encode_entry(publication: Publication) -> str:
    """
    Write *publication* for the `APPEND` script: a JSON array of the publisher's
    ID and the owner of the run, or an empty string for each, and the fields.
    """
    event = publication.event
    texts = [event.id or "", publication.owner or ""]
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
    if publication.outcome is not None:
        texts += ("end", publication.outcome)
    return _write(texts)


def parse_entry(raw: RawEntry) -> RedisEntry | None:
    """
    Read an entry, whoever has written it.

    Returns:
        ``None`` if it has no place in the order, as `scripts` also decides.
    """
    name, values = raw
    if len(values) < 4 or values[0] != b"n" or values[2] != b"b":
        return None
    if not (_COUNTER.fullmatch(values[1]) and _COUNTER.fullmatch(values[3])):
        return None
    entry_id, number, ends = name.decode(), int(values[1]), int(values[3])
    if number == 0:
        return RedisEntry(entry_id, 0, None, ends=ends)
    try:
        return RedisEntry(entry_id, number, _parse(entry_id, number, values), ends=ends)
    except (KeyError, ValueError, TypeError) as error:
        # InvalidEvent is a ValueError.
        damage = str(error) or "it is not a publication"
        return RedisEntry(entry_id, number, None, damage, ends)


def as_entry_id(event_id: str) -> str:
    """
    Return *event_id* if it is spelled as Redis spells entry IDs, else an empty
    string.
    """
    match = _ENTRY_ID.fullmatch(event_id)
    if match is None or any(int(part) > _LARGEST for part in match.groups()):
        return ""
    return event_id


def _parse(entry_id: str, number: int, values: Sequence[bytes]) -> Record:
    texts = [value.decode() for value in values]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    fields = dict(pairs)
    topics = tuple(value for field, value in pairs if field == "topic")
    if not topics:
        raise ValueError("it has no topic")
    retry = fields.get("retry")
    event = ServerSentEvent(
        data=fields.get("data"),
        event=fields.get("event"),
        id=fields.get("id"),
        retry=None if retry is None else int(retry),
        comment=fields.get("comment"),
    )
    outcome = next((one for one in OUTCOMES if one == fields.get("end")), None)
    if outcome is None and "end" in fields:
        raise ValueError("its end is no outcome")
    publication = Publication(topics, event, "private" in fields, outcome)
    return Record(number, event.id or entry_id, publication)
