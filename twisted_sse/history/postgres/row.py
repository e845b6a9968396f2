"""
Publications as parameters of ``append``, and rows of ``event`` as records.

Nothing here does I/O, keeps time, or imports Twisted or psycopg.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from twisted_sse.events.ending import OUTCOMES, Outcome
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record
from twisted_sse.history.postgres.binary import (
    bools,
    bytes_array,
    int_from,
    ints,
    texts,
    texts_from,
)
from twisted_sse.history.postgres.epochs import KnownEpochs

__all__ = ["EVENT_COLUMNS", "EventRow", "Result", "parameters_of", "read_outcome", "read_row"]

#: The columns that `read_row` reads.
EVENT_COLUMNS: Final = "number, topics, private, id, retry, event, data, comment, outcome"

# Between two topics in a parameter; no topic contains a control character.
_SEPARATOR: Final = "\x1f"


class Result(Protocol):
    """
    A result of libpq, in binary.
    """

    @property
    def ntuples(self) -> int:
        """
        The number of rows.
        """

    def get_value(self, row_number: int, column_number: int, /) -> bytes | None:
        """
        One value; ``None`` is NULL.
        """


class EventRow(NamedTuple):
    """
    A row of the table.

    Attributes:
        number: Its place in the one order.

        record: The stored publication; ``None`` if the row cannot be read.

        damage: Why it cannot be read.
    """

    number: int
    record: Record | None
    damage: str = ""


def parameters_of(publications: Sequence[Publication]) -> tuple[bytes | None, ...]:
    """
    Write *publications* as the parameters of ``append``, from ``a_topics`` to
    ``a_owner``.
    """
    events = [one.event for one in publications]
    return (
        texts([_SEPARATOR.join(one.topics) for one in publications]),
        bools(one.private for one in publications),
        texts([one.id for one in events]),
        ints([one.retry for one in events]),
        bytes_array([one.event for one in events]),
        bytes_array([one.data for one in events]),
        bytes_array([one.comment for one in events]),
        texts([one.outcome for one in publications]),
        texts([one.owner for one in publications]),
    )


def read_row(result: Result, row: int, first: int, epochs: KnownEpochs) -> EventRow:
    """
    Read a row with `EVENT_COLUMNS`.

    Args:
        first: The column of the number.
    """
    values = [result.get_value(row, column) for column in range(first, first + 9)]
    number = int_from(values[0] or b"")
    try:
        return EventRow(number, _record(number, values, epochs))
    except (ValueError, TypeError) as error:
        # InvalidEvent is a ValueError.
        return EventRow(number, None, str(error) or "it is not a publication")


def _record(number: int, values: Sequence[bytes | None], epochs: KnownEpochs) -> Record:
    _, topics, private, event_id, retry, event, data, comment, outcome = values
    names = texts_from(topics or b"")
    if not names:
        raise ValueError("it has no topic")
    made = ServerSentEvent(
        data=_text(data),
        event=_text(event),
        id=_text(event_id),
        retry=None if retry is None else int_from(retry),
        comment=_text(comment),
    )
    publication = Publication(names, made, private == b"\1", read_outcome(outcome))
    return Record(number, made.id or epochs.id_of(number), publication)


def read_outcome(value: bytes | None) -> Outcome | None:
    """
    Read how a topic has ended; NULL if it has not.

    Raises:
        ValueError: It is no outcome.
    """
    text = _text(value)
    if text is None:
        return None
    for known in OUTCOMES:
        if text == known:
            return known
    raise ValueError("it has no outcome of an end")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
