"""
Reads the whole history, also while hubs use it; nothing here changes it.
"""

from __future__ import annotations

from twisted_sse.events.holdings import Holdings, StoredPage, StoredPosition, StoredRecord
from twisted_sse.history.postgres.paging import PAGE
from twisted_sse.history.postgres.reader import PostgresBounds, PostgresReader

__all__ = ["describe_rows", "read_rows"]


async def describe_rows(reader: PostgresReader, bounds: PostgresBounds) -> Holdings:
    """
    See `twisted_sse.interfaces.IHistoryReader.describe`.
    """
    told = bounds._asdict()
    start = await reader.oldest()
    events, size = await reader.measure(start)
    if not events:
        return Holdings(0, 0, 0, bounds=told)
    return Holdings(
        events,
        size,
        None,
        await _position(reader, start.number, start.newest),
        await _position(reader, start.newest - 1, start.newest),
        told,
    )


async def read_rows(reader: PostgresReader, cursor: str | None, limit: int) -> StoredPage:
    """
    See `twisted_sse.interfaces.IHistoryReader.read`.

    A cursor is the number of the last row that was read, and that of the last one to read.
    """
    if cursor is None:
        after, newest = await reader.oldest()
    else:
        after, newest = map(int, cursor.split())
    page = await reader.page(after, newest, min(limit, PAGE))
    times = await reader.times(after, page.entries[-1].number) if page.entries else {}
    records = [
        StoredRecord(one.record, times.get(one.number))
        for one in page.entries
        if one.record is not None
    ]
    return StoredPage(
        records,
        None if page.complete else f"{page.entries[-1].number} {newest}",
        page.look.upto > after,
        len(page.entries) - len(records),
    )


async def _position(reader: PostgresReader, after: int, upto: int) -> StoredPosition | None:
    """
    The first publication after *after*.
    """
    page = await reader.page(after, upto, 1)
    if not page.entries:
        return None
    (entry,) = page.entries
    times = await reader.times(after, entry.number)
    event_id = reader.id_of(entry.number) if entry.record is None else entry.record.id
    return StoredPosition(event_id, times.get(entry.number))
