"""
The replication format: events as one hub sends them to another.

The block of an event begins with a one-line comment, the note: JSON with the number
of the event, all its topics, and whether it is private.  The event's own comment
follows the note, so nothing is lost, and any decoder can read the rest.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from twisted_sse.events import codec
from twisted_sse.events.ending import OUTCOMES, Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position, Publication, Record
from twisted_sse.topics import MAX_TOPICS

__all__ = [
    "annotate",
    "encode_publication",
    "note_of",
    "read_position",
    "read_publications",
    "read_record",
    "write_note",
    "write_position",
]

# The greatest number of a position.
_MOST = 2**63 - 1

_write = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def write_note(note: dict[str, Any]) -> bytes:
    """
    Write *note* as the first line of a block.
    """
    return f": {_write(note)}\n".encode()


def note_of(comment: str | None) -> tuple[dict[str, Any], str | None]:
    """
    Split the comment of a block into its note and the event's own comment.

    Args:
        comment: The whole comment, as `twisted_sse.events.codec.Decoder` returns it.

    Raises:
        ValueError: There is no note.
    """
    text, line_end, own = (comment or "").partition("\n")
    note = json.loads(text)
    if not isinstance(note, dict):
        raise ValueError("The note is not a JSON object.")
    return note, own if line_end else None


def annotate(
    frame: bytes,
    number: int,
    topics: Sequence[str],
    private: bool,
    has_publisher_id: bool,
    outcome: Outcome | None = None,
) -> bytes:
    """
    Put a note before the *frame* of a record.

    Args:
        frame: As subscribers get it, with its ID.

        has_publisher_id: Whether the ID came from the publisher.

        outcome: How its topics have ended, if this is their end.
    """
    note: dict[str, Any] = {"number": number, "topics": topics}
    if private:
        note["private"] = True
    if has_publisher_id:
        note["given"] = True
    if outcome is not None:
        note["end"] = outcome
    if _is_unusual(frame):
        more, frame = _simplified(frame)
        note |= more
    return write_note(note) + frame


def read_record(event: ServerSentEvent) -> Record:
    """
    Read what `annotate` has written.

    Args:
        event: A decoded block.  If the block has no data, its comment is enough.

    Raises:
        ValueError: It is something else.
    """
    try:
        note, comment = note_of(event.comment)
        type, event_id = note.get("bare") or (event.event, event.id)
        if not event_id:
            raise ValueError("The event has no ID.")
        own_id = event_id if note.get("given") else None
        made = ServerSentEvent(event.data, type, own_id, note.get("retry"), comment)
        publication = Publication(_texts(_topics(note)), made, _private(note), _outcome(note))
        return Record(_number(note["number"]), _printable(event_id), publication)
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"This is not an annotated event: {error!r}") from None


def write_position(position: Position) -> dict[str, Any]:
    """
    Write *position* as a part of a note.
    """
    return position._asdict()


def read_position(value: Any) -> Position:
    """
    Read what `write_position` has written.

    Raises:
        ValueError: It is something else.
    """
    try:
        number, event_id = value["number"], value["id"]
    except (KeyError, TypeError):
        raise ValueError(f"{value!r} is not a position") from None
    return Position(_number(number), _printable(event_id))


def encode_publication(publication: Publication) -> bytes:
    """
    Write *publication*, which is not kept yet.
    """
    note: dict[str, Any] = {"topics": publication.topics}
    if publication.private:
        note["private"] = True
    if publication.outcome is not None:
        note["end"] = publication.outcome
    return write_note(note) + codec.encode(publication.event)


def read_publications(body: bytes) -> list[Publication]:
    """
    Read one or several results of `encode_publication`.

    Raises:
        ValueError: It is something else, or incomplete.  `InvalidTopic` and
            `InvalidEvent` are such errors.
    """
    if body and not body.endswith(b"\n\n"):
        raise ValueError("The last block does not end with a blank line.")
    try:
        return [_read_publication(event) for event in codec.Decoder(None).feed(body)]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"This is not an annotated event: {error!r}") from None


def _read_publication(event: ServerSentEvent) -> Publication:
    note, comment = note_of(event.comment)
    made = ServerSentEvent(event.data, event.event, event.id, event.retry, comment)
    # A publisher has sent it, so it is checked as any other publication.
    return Publication.restored(_topics(note), made, _outcome(note), private=_private(note))


def _texts(topics: list[Any]) -> tuple[str, ...]:
    if not topics or len(topics) > MAX_TOPICS or not all(type(one) is str for one in topics):
        raise ValueError("its topics are not one or more strings")
    return tuple(topics)


def _topics(note: dict[str, Any]) -> list[str]:
    topics = note["topics"]
    if not isinstance(topics, list):
        raise TypeError("its topics are not an array")
    return topics


def _number(value: Any) -> int:
    # No store has more, and greater ones would cost time and memory.
    if type(value) is not int or abs(value) > _MOST:
        raise ValueError("its number is not an integer of 64 bits")
    return value


def _printable(event_id: Any) -> str:
    if type(event_id) is not str or not event_id.isprintable():
        raise ValueError("its ID cannot be shown")
    return event_id


def _private(note: dict[str, Any]) -> bool:
    private = note.get("private", False)
    if not isinstance(private, bool):
        raise TypeError("its private is neither true nor false")
    return private


def _outcome(note: dict[str, Any]) -> Outcome | None:
    outcome = note.get("end")
    if outcome is not None and outcome not in OUTCOMES:
        raise ValueError("its end is no outcome")
    return outcome


def _is_unusual(frame: bytes) -> bool:
    """
    Whether *frame*, which has an ID, has no data, or a reconnection time.

    `wire.encode` writes the data last, and begins each of its lines with a name.
    """
    last_line = frame.rfind(b"\n", 0, len(frame) - 2) + 1
    bare = frame.startswith(b"id:", last_line)
    return bare or frame.startswith(b"retry:") or b"\nretry:" in frame


def _simplified(frame: bytes) -> tuple[dict[str, Any], bytes]:
    """
    Move into a note what a client would drop from *frame*, or would obey itself.
    """
    (event,) = codec.Decoder(None).feed(frame)
    note: dict[str, Any] = {}
    if event.retry is not None:
        # It is meant for subscribers, and would delay the other hub.
        note["retry"] = event.retry
    if event.data is None:
        # A client reports a block without data as a comment, without the rest.
        note["bare"] = [event.event, event.id]
    simple = ServerSentEvent(event.data, event.event, event.id, None, event.comment)
    return note, codec.encode(simple)
