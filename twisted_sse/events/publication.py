"""
The values that publishers, history and the hub exchange.

They are frozen, checked when they are made, and trusted afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.control import CONTROL_EVENTS, ENDED
from twisted_sse.events.ending import OUTCOMES, Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.jsontext import json_writer
from twisted_sse.events.presence import PRESENCE_EVENTS
from twisted_sse.topics import check_topics

__all__ = [
    "EARLIEST",
    "MAX_ID_SIZE",
    "Position",
    "Publication",
    "Published",
    "PublisherID",
    "Receipt",
    "Record",
    "Tail",
    "is_safe_id",
    "posted",
    "receipt_of",
]

#: Asks, as a last event ID, for everything that is kept.
EARLIEST = "earliest"

#: The most bytes of an event ID, in UTF-8.  An ID travels in headers, in URLs and in
#: JSON, next to what else is there; the usual limit for all headers is 8 KiB.
MAX_ID_SIZE = 1024

_write_json = json_writer(None, "The data is")

_ENDINGS: dict[Outcome, ServerSentEvent] = {
    outcome: ServerSentEvent.json({"outcome": outcome}, event=ENDED) for outcome in OUTCOMES
}

# What only the hub itself sends: nobody may forge it.
_RESERVED = CONTROL_EVENTS | PRESENCE_EVENTS


@dataclass(frozen=True, slots=True)
class Publication:
    """
    An event for the subscribers of its topics.

    Attributes:
        topics: One or more topics; the first is the canonical one, the others
            are alternates.  A subscriber to several of them gets the event once.

        event: The event.  Its ``id`` is set only if the publisher chose one.

        private: Whether only subscribers get it whose grant covers one of the
            topics.

        outcome: If it is given, this is the last publication of each of its topics,
            which have ended with this outcome.

        owner: If it is given, it is kept only as long as the run of its topic goes on
            and has this owner: see `twisted_sse.interfaces.IRunHistory`.  It is not kept
            itself.
    """

    topics: tuple[str, ...]
    event: ServerSentEvent
    private: bool = False
    outcome: Outcome | None = None
    owner: str | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        topics: str | Iterable[str],
        data: object,
        *,
        event: str | None = None,
        id: str | None = None,
        retry: int | None = None,
        private: bool = False,
        write_json: Callable[[object], str] = _write_json,
    ) -> Publication:
        """
        Make a publication of what a publisher gives.

        Args:
            data: A `ServerSentEvent` as it is; a string as data; anything else
                as JSON.

            write_json: Writes it, or raises `InvalidEvent`.

        Raises:
            InvalidTopic: Nothing may be published to one of *topics*.

            InvalidEvent: It cannot be written as an event; or *data* is an event
                already, and something else is given beside it; or a subscriber
                could not come back with its ID; or its type is that of a control
                event or of presence.
        """
        if private is not False and private is not True:
            raise InvalidEvent(f"The private is {private!r}: give True or False.")
        if isinstance(data, ServerSentEvent):
            if (event, id, retry) != (None, None, None):
                raise InvalidEvent(
                    "The data is a ServerSentEvent: give event, id and retry to it, not beside it."
                )
            made = data
        else:
            text = data if isinstance(data, str) else write_json(data)
            made = ServerSentEvent(text, event=event, id=id, retry=retry)
        if made.id is not None:
            _check_id(made.id)
        if made.event is not None and made.event in _RESERVED:
            raise InvalidEvent(
                f"The event type {made.event!r} is reserved for the hub: choose another."
            )
        return cls(check_topics(topics), made, private)

    @classmethod
    def ending(
        cls,
        topics: str | Iterable[str],
        outcome: Outcome,
        final: ServerSentEvent | None = None,
        *,
        id: str | None = None,
        private: bool = False,
    ) -> Publication:
        """
        Make the last publication of *topics*.

        Args:
            final: The last event; by default a control event that tells *outcome*.

            id: The ID of the control event; by default history makes one.

        Raises:
            InvalidTopic: Nothing may be published to one of *topics*.

            InvalidEvent: *outcome* is no outcome, or *final* is no event that can be
                published.
        """
        if outcome not in OUTCOMES:
            known = ", ".join(OUTCOMES)
            raise InvalidEvent(f"The outcome of an end is {outcome!r}: give one of {known}.")
        if final is None:
            event = _ENDINGS[outcome]
            if id is not None:
                event = replace(event, id=id)
                _check_id(id)
            made = cls(check_topics(topics), event, private)
        elif isinstance(final, ServerSentEvent):
            made = cls.of(topics, final, private=private)
        else:
            raise InvalidEvent(
                f"The final event is {final!r}: give a ServerSentEvent, or leave it out."
            )
        return replace(made, outcome=outcome)

    @classmethod
    def restored(
        cls,
        topics: str | Iterable[str],
        event: ServerSentEvent,
        outcome: Outcome | None,
        *,
        private: bool = False,
    ) -> Publication:
        """
        Make a publication again that another hub or an export has written.

        Raises:
            InvalidTopic, InvalidEvent: It cannot be published.
        """
        if outcome is None:
            return cls.of(topics, event, private=private)
        if event.event != ENDED:
            return cls.ending(topics, outcome, event, private=private)
        return cls.ending(topics, outcome, id=event.id, private=private)

    @property
    def tells_outcome(self) -> bool:
        """
        Whether its event is the control event of an end, and no event of a publisher.
        """
        return self.outcome is not None and self.event.event == ENDED


def _check_id(event_id: str) -> None:
    if event_id == "":
        raise InvalidEvent("An empty id makes browsers forget their position: leave the id out.")
    if event_id == EARLIEST:
        raise InvalidEvent(f"The id {EARLIEST!r} has a meaning of its own: choose another.")
    # printable: a control character in the Last-Event-ID header makes proxies and
    # clients refuse the whole response, and an invisible one hides what an ID is.
    if not is_safe_id(event_id):
        raise InvalidEvent(
            f"The id must be at most {MAX_ID_SIZE} bytes long and have printable characters only."
        )
    # RFC 9110: "A field value does not include leading or trailing whitespace",
    # so Last-Event-ID could not bring it back.
    if event_id != event_id.strip(" \t"):
        raise InvalidEvent("An id must not begin or end with a space or a tab: remove it.")


def is_safe_id(event_id: str) -> bool:
    """
    Whether *event_id* can be put into a header, a URL and a terminal.
    """
    return event_id.isprintable() and len(event_id.encode("utf-8")) <= MAX_ID_SIZE


class Position(NamedTuple):
    """
    A position in the one order of a history.

    Attributes:
        number: Grows with every record; gaps are allowed.

        id: The event ID that stands for it on the wire.
    """

    number: int
    id: str


class PublisherID(str):
    """
    The event ID of a position, if it came from a publisher.

    A publisher may write anything into an ID, so a subscriber that may not read the
    event must not be shown it.
    """

    __slots__ = ()


class Record(NamedTuple):
    """
    A publication that history has kept.

    Attributes:
        number: Its place in the one order: greater than the number of every record
            before it.  Gaps are allowed, repeats are not.

        id: Its event ID: the publisher's if there is one, else the provider's.
            Without CR, LF and NUL, and never empty.

        publication: As it was handed to the provider.
    """

    number: int
    id: str
    publication: Publication

    @property
    def position(self) -> Position:
        """
        Its position.
        """
        made_by_history = self.publication.event.id is None
        return Position(self.number, self.id if made_by_history else PublisherID(self.id))


class Tail(NamedTuple):
    """
    The end of a history's one order.

    Attributes:
        before: The position right before the first of *kept*.

        kept: The newest records, oldest first, with none left out between them.
    """

    before: Position
    kept: Sequence[Record]

    @property
    def newest(self) -> Position:
        """
        The position where the order ends.
        """
        return self.kept[-1].position if self.kept else self.before


class Receipt(NamedTuple):
    """
    What a publisher is told about an event that was kept.

    Attributes:
        id: The event ID that subscribers see.

        subscribers: The number of connections that get it, including those that
            are behind.
    """

    id: str
    subscribers: int


#: A publication that was kept, and the number of connections that get it.
Published = tuple[Record, int]


def receipt_of(published: Published) -> Receipt:
    """
    What the publisher of *published* is told.
    """
    record, subscribers = published
    return Receipt(record.id, subscribers)


def posted(publication: Publication) -> dict[str, object]:
    """
    The JSON object that a client posts to publish *publication* at another hub.

    Raises:
        InvalidEvent: The event has a comment or no data, and cannot be posted.
    """
    event = publication.event
    value: dict[str, object] = {"topic": list(publication.topics)}
    optional: dict[str, object] = {"id": event.id}
    if not publication.tells_outcome:
        if event.data is None or event.comment is not None:
            raise InvalidEvent("An event with a comment or without data cannot be posted.")
        value["data"] = event.data
        optional |= {"event": event.event, "retry": event.retry}
    value |= {name: field for name, field in optional.items() if field is not None}
    if publication.outcome is not None:
        value["end"] = publication.outcome
    return value | {"private": True} if publication.private else value
