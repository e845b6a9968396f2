"""
How the items of one stream become bytes, and how the stream ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from twisted.python.failure import Failure

from twisted_sse.events import codec
from twisted_sse.events.ending import Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.web.dialects.dialect import Reading
from twisted_sse.web.generators.items import ItemConverter
from twisted_sse.web.generators.responsestream import LastEvents
from twisted_sse.web.generators.source import Item

__all__ = ["DialectFraming", "ItemFraming", "PlainFraming"]


class ItemFraming(Protocol):
    """
    Frames the items of one stream.
    """

    @property
    def frame_of(self) -> Callable[[Item, object], bytes | None]:
        """
        See `ItemConverter.frame_of`.
        """

    @property
    def last_events(self) -> LastEvents:
        """
        See `LastEvents`.
        """


class PlainFraming(NamedTuple):
    """
    Frames items as they are.
    """

    frame_of: Callable[[Item, object], bytes | None]
    last_events: LastEvents


class DialectFraming:
    """
    Frames items in a dialect.
    """

    def __init__(self, items: ItemConverter, reading: Reading) -> None:
        self._items = items
        self._reading = reading
        # How many items precede the next one.
        self._number: int | None = 0 if reading.after is None else None

    def frame_of(self, item: Item, source: object) -> bytes | None:
        """
        See `ItemFraming.frame_of`.
        """
        if item is None:
            return None
        event, number = self._items.event_of(item, source), self._number
        if number is not None:
            self._number = number + 1
            if number < self._reading.skip:
                return None
        return b"".join(map(codec.encode, self._reading.event(event, number))) or None

    def last_events(
        self, outcome: Outcome, failure: Failure | None
    ) -> Iterable[ServerSentEvent] | None:
        """
        See `ItemFraming.last_events`.
        """
        return self._reading.end(outcome)
