"""
Reads an upstream hub's answers about its history, within bounds of size and time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_sse.client.response import deliver
from twisted_sse.errors import EventTooLarge, HistoryUnavailable, OutcomeUnknown
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Record
from twisted_sse.events.replication import note_of, read_record
from twisted_sse.history.outage import Unreadable
from twisted_sse.history.upstream.edgeids import without_edge_id

__all__ = [
    "MOST_ANSWER",
    "MOST_EVENT",
    "AnswerTooLarge",
    "Excerpt",
    "read_blocks",
    "read_excerpt",
    "smaller",
    "valid_answer",
]

#: The largest event, and the largest answer with many of them, in bytes.  A hub accepts
#: events of 1 MiB by default; pages that are larger than an answer are asked for in parts.
MOST_EVENT: Final = 16 * 1024 * 1024
MOST_ANSWER: Final = 64 * 1024 * 1024

# An answer may take longer than its time-out if so many bytes arrive in each.
_PROGRESS: Final = 64 * 1024


class Excerpt(NamedTuple):
    """
    A part of upstream's history.

    Attributes:
        note: Upstream's note about it; see `twisted_sse.events.replication`.

        last_id: The event ID of the last event, readable or not; empty if it has none.
    """

    note: dict[str, Any]
    records: list[Record]
    last_id: str = ""


class AnswerTooLarge(HistoryUnavailable):
    """
    An answer exceeds what an edge reads.
    """


async def read_blocks(
    response: Any, limit: int, size: int, timeout: float, clock: IReactorTime
) -> list[ServerSentEvent]:
    """
    Read the body of *response*.

    Args:
        limit: The most events after the head.

        size: The most bytes.

        timeout: How long the body may take to bring the next part, in seconds.

    Raises:
        AnswerTooLarge, HistoryUnavailable: It exceeds a limit.

        OutcomeUnknown: It takes too long.
    """
    return await _Reading(response, limit, size, timeout, clock).run()


class _Reading:
    def __init__(
        self, response: Any, limit: int, size: int, timeout: float, clock: IReactorTime
    ) -> None:
        self._response = response
        self._limit = limit
        self._most = size
        self._timeout = timeout
        self._clock = clock
        self._decoder = Decoder(MOST_EVENT)
        self._blocks: list[ServerSentEvent] = []
        self._size = 0
        self._reading: Deferred[None]
        self._check: IDelayedCall | None = None
        self._late = False

    async def run(self) -> list[ServerSentEvent]:
        self._reading = deliver(self._response, self._take)
        self._check = self._clock.callLater(self._timeout, self._check_progress, 0)
        try:
            await self._reading
        except CancelledError:
            if not self._late:
                raise
            raise OutcomeUnknown(
                f"No complete response came within {self._timeout:g} seconds."
            ) from None
        finally:
            if self._check.active():
                self._check.cancel()
        return self._blocks

    def _take(self, data: bytes) -> bool:
        self._size += len(data)
        if self._size > self._most:
            raise AnswerTooLarge(f"The upstream hub: its answer exceeds {self._most} bytes.")
        try:
            self._blocks += self._decoder.feed(data)
        except EventTooLarge:
            raise HistoryUnavailable(
                f"The upstream hub: one of its events exceeds {MOST_EVENT} bytes."
            ) from None
        if len(self._blocks) > self._limit + 1:
            raise HistoryUnavailable("The upstream hub: it answers with too many events.")
        return False

    def _check_progress(self, before: int) -> None:
        self._late = self._size - before < _PROGRESS
        if self._late:
            self._reading.cancel()
        else:
            self._check = self._clock.callLater(self._timeout, self._check_progress, self._size)


def read_excerpt(blocks: Sequence[ServerSentEvent], unreadable: Unreadable) -> Excerpt:
    """
    Read the *blocks* of an answer.

    Args:
        unreadable: Told of events that are passed over.

    Raises:
        ValueError, KeyError, TypeError, RecursionError: It is something else, or
            incomplete.
    """
    if not blocks:
        raise ValueError("the answer is empty")
    head, *events = blocks
    note, _ = note_of(head.comment)
    if note["count"] != len(events):
        raise ValueError(f"only {len(events)} of {note['count']!r} events have arrived")
    return Excerpt(note, _records(events, unreadable), (events and events[-1].id) or "")


def _records(events: Sequence[ServerSentEvent], unreadable: Unreadable) -> list[Record]:
    records: list[Record] = []
    for event in events:
        try:
            record = without_edge_id(read_record(event))
            if records and record.number <= records[-1].number:
                raise ValueError("it is out of order")
        except ValueError as error:
            unreadable.note((event.id or "")[:100], error)
        else:
            records.append(record)
    return records


def smaller(limit: int) -> int:
    """
    How many events to ask for after an answer with *limit* was too large.

    Raises:
        HistoryUnavailable: It was one.
    """
    if limit == 1:
        raise HistoryUnavailable("The upstream hub: one of its events is too large.")
    return max(1, limit // 8)


@contextmanager
def valid_answer(url: str) -> Iterator[None]:
    """
    Raise `HistoryUnavailable` if reading an answer fails.
    """
    try:
        yield
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise HistoryUnavailable(
            f"{url} does not answer like a hub with an edge should: {error}"
        ) from None
