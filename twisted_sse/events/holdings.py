"""
What a history holds, as `twisted_sse.interfaces.IHistoryReader` tells it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from twisted_sse.events.publication import Record

__all__ = ["Holdings", "StoredPage", "StoredPosition", "StoredRecord"]


class StoredPosition(NamedTuple):
    """
    Where a kept publication stands, and since when.

    Attributes:
        id: Its event ID.

        kept_at: When it was kept, in seconds since 1970; ``None`` if unknown.
    """

    id: str
    kept_at: float | None = None


class StoredRecord(NamedTuple):
    """
    A record, and when it was kept.

    Attributes:
        kept_at: In seconds since 1970; ``None`` if unknown.
    """

    record: Record
    kept_at: float | None = None

    @property
    def position(self) -> StoredPosition:
        """
        Its position.
        """
        return StoredPosition(self.record.id, self.kept_at)


class StoredPage(NamedTuple):
    """
    Some records of a history, in order.

    Attributes:
        records: May be empty, if none of those that were read is readable.

        following: Reads the next page; ``None`` after the last.

        lost: Whether publications were forgotten before this page could be read.

        unreadable: How many entries were passed over, because another program has
            damaged them.
    """

    records: Sequence[StoredRecord]
    following: str | None
    lost: bool = False
    unreadable: int = 0


class Holdings(NamedTuple):
    """
    What a history holds; ``None`` stands for what it cannot tell without reading all.

    Attributes:
        events: How many publications are kept.

        bytes: How much they take, as the history counts it for its bounds.

        topics: How many topics they have.

        oldest: The oldest of them; ``None`` also if nothing is kept.

        newest: The newest of them.

        bounds: The bounds of the reader's own arguments: ``events``, ``bytes``, and
            ``age`` in seconds.
    """

    events: int | None = None
    bytes: int | None = None
    topics: int | None = None
    oldest: StoredPosition | None = None
    newest: StoredPosition | None = None
    bounds: Mapping[str, float] | None = None
