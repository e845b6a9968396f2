"""
Reads the whole stream, also while hubs use it; nothing here changes it.
"""

from __future__ import annotations

from twisted_sse.errors import UnknownEventID
from twisted_sse.events.holdings import Holdings, StoredPage, StoredPosition, StoredRecord
from twisted_sse.history.redis.entry import RedisEntry
from twisted_sse.history.redis.stream import Found, RedisBounds, RedisStream

__all__ = ["describe_stream", "read_page"]

# The most entries in one answer: parsing them takes some milliseconds.
_PAGE = 256


async def describe_stream(stream: RedisStream, bounds: RedisBounds) -> Holdings:
    """
    See `twisted_sse.interfaces.IHistoryReader.describe`.
    """
    told = {"events": bounds.events, "bytes": bounds.bytes, "age": bounds.age}
    try:
        found = await stream.begin(1)
    except UnknownEventID:
        return Holdings(0, 0, 0, bounds=told)
    newest = await stream.newest()
    if not found.following or newest is None:
        return Holdings(0, 0, 0, bounds=told)
    return Holdings(
        newest.number - found.start.number,
        newest.ends - found.start.ends,
        None,
        _position(found.following[0]),
        _position(newest),
        told,
    )


async def read_page(stream: RedisStream, cursor: str | None, limit: int) -> StoredPage:
    """
    See `twisted_sse.interfaces.IHistoryReader.read`.

    A cursor is the ID of the last entry that was read, its number, and the number of the
    last one to read.
    """
    limit = min(limit, _PAGE)
    try:
        if cursor is None:
            found = await stream.begin(limit)
            return _page(found, found.start.number, found.newest)
        entry_id, done, newest = cursor.split()
        try:
            found = await stream.follow(entry_id, limit)
        except UnknownEventID:
            # It is forgotten, as perhaps are others after it.
            found = await stream.begin(limit)
        return _page(found, int(done), int(newest))
    except UnknownEventID:
        return StoredPage([], None, cursor is not None)


def _page(found: Found, done: int, newest: int) -> StoredPage:
    entries = [one for one in found.following if done < one.number <= newest]
    if not entries:
        # If nothing follows though it did before, it was forgotten, or deleted by hand.
        return StoredPage([], None, done < newest)
    records = [StoredRecord(one.record, one.kept_at) for one in entries if one.record is not None]
    last = entries[-1]
    return StoredPage(
        records,
        f"{last.entry_id} {last.number} {newest}" if last.number < newest else None,
        last.number - done != len(entries),
        len(entries) - len(records),
    )


def _position(entry: RedisEntry) -> StoredPosition:
    event_id = entry.entry_id if entry.record is None else entry.record.id
    return StoredPosition(event_id, entry.kept_at)
