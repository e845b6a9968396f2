"""
What travels between publishers, history and the hub.

Values only: frozen, checked by whoever makes them, trusted afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from twisted_sse.errors import InvalidEvent
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.topics import check_topics

__all__ = [
    "EARLIEST",
    "Position",
    "Publication",
    "Published",
    "Receipt",
    "Record",
    "Tail",
]

#: Asks, as a last event ID, for everything that is kept.
EARLIEST = "earliest"


@dataclass(frozen=True, slots=True)
class Publication:
    """
    An event on its way to the subscribers of its topics.

    Attributes:
        topics: One or more topics; the first is the canonical one, the others
            are alternates.  A subscriber of several of them gets the event once.

        event: What is sent.  Its ``id`` is set only if the publisher made one.

        private: Only subscribers whose grant lets them read one of the topics
            get it.
    """

    topics: tuple[str, ...]
    event: ServerSentEvent
    private: bool = False

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
    ) -> Publication:
        """
        Make one from what a publisher gives.

        Args:
            data: A `ServerSentEvent` as it is; a string as data; anything else
                as JSON.

        Raises:
            InvalidTopic: Nothing may be published to one of *topics*.

            InvalidEvent: It cannot be written as an event; or *data* is an
                event already and something else is given beside it; or its ID
                is one that a subscriber could not come back with.
        """
        if isinstance(data, ServerSentEvent):
            if (event, id, retry) != (None, None, None):
                raise InvalidEvent(
                    "Give event, id and retry to the ServerSentEvent, not beside it."
                )
            made = data
        elif isinstance(data, str):
            made = ServerSentEvent(data, event=event, id=id, retry=retry)
        else:
            made = ServerSentEvent.json(data, event=event, id=id, retry=retry)
        if made.id is not None:
            _check_id(made.id)
        return cls(check_topics(topics), made, private)


def _check_id(event_id: str) -> None:
    if event_id == "":
        raise InvalidEvent("An empty id would make browsers forget theirs; leave it out.")
    if event_id == EARLIEST:
        raise InvalidEvent(f"The id {EARLIEST!r} asks for everything; choose another.")
    # RFC 9110: "A field value does not include leading or trailing whitespace",
    # so Last-Event-ID could not bring it back.
    if event_id != event_id.strip(" \t"):
        raise InvalidEvent("An id may not begin or end with a space or a tab.")


class Position(NamedTuple):
    """
    A place in the one order of a history.

    Attributes:
        number: Grows with every publication that is kept; gaps are allowed.

        id: The event ID that says the same on the wire.
    """

    number: int
    id: str


class Record(NamedTuple):
    """
    A publication that history has kept.

    Attributes:
        number: Its place in the one order: greater than that of everything
            kept before it.  Gaps are allowed, repeats are not.

        id: Its event ID: the publisher's if it made one, else the provider's.
            Without CR, LF and NUL, and never empty.

        publication: As it was handed to the provider.
    """

    number: int
    id: str
    publication: Publication


class Tail(NamedTuple):
    """
    The end of a history's one order.

    Attributes:
        before: The position right before the first of *kept*.

        kept: The newest publications, oldest first, none left out between them.
    """

    before: Position
    kept: Sequence[Record]

    @property
    def newest(self) -> Position:
        """
        Where the order ends.
        """
        return Position(*self.kept[-1][:2]) if self.kept else self.before


class Published(NamedTuple):
    """
    A publication that was kept, and is on its way to subscribers.

    Attributes:
        record: As history has kept it.

        subscribers: The number of connections that get it.
    """

    record: Record
    subscribers: int

    @property
    def receipt(self) -> Receipt:
        """
        What its publisher is told.
        """
        return Receipt(self.record.id, self.subscribers)


class Receipt(NamedTuple):
    """
    What a publisher gets for an event that was kept.

    Attributes:
        id: The event ID that subscribers see.

        subscribers: The connections it was handed to, those that are still
            catching up included.
    """

    id: str
    subscribers: int
