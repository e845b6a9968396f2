"""
What follows an event upstream, for selections of any kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from twisted_sse.errors import HistoryUnavailable, InvalidSelector, UnknownEventID
from twisted_sse.events.publication import EARLIEST, Record
from twisted_sse.history.upstream.hubclient import HubClient
from twisted_sse.topics import Selection

__all__ = ["check_sendable", "find", "is_sendable"]

# The longest event ID, percent-encoded, that fits into the first line of a request
# with everything else: Twisted reads lines of up to 16,384 bytes.
_LONGEST_ID = 12_000

# More selectors than that are not asked for, for the same reason; in bytes, not
# yet percent-encoded.
_SELECTORS = 50
_SELECTORS_SIZE = 1000

# How many publications of all topics are asked for at once if the selection
# cannot be asked for.
_PAGE = 1024


async def find(
    door: HubClient, last_event_id: str | None, topics: Selection, limit: int
) -> Sequence[Record]:
    """
    See `IHistoryProvider.since`.
    """
    if last_event_id is not None:
        check_sendable(last_event_id)
    selectors = _written(topics)
    if selectors is not None:
        return await door.since(last_event_id, selectors, limit)
    return await _look_through(door, last_event_id, topics, limit)


def check_sendable(event_id: str) -> None:
    """
    See whether *event_id* can be asked for at all.

    Raises:
        UnknownEventID: It cannot, so nobody can have got it from a hub.
    """
    blank = event_id != event_id.strip(" \t")
    if event_id in ("", EARLIEST) or blank or any(one in event_id for one in "\0\r\n"):
        raise UnknownEventID(f"{event_id[:100]!r} is no event ID")
    try:
        size = len(quote(event_id, safe=""))
    except UnicodeEncodeError:
        raise UnknownEventID("an event ID has a lone surrogate") from None
    if size > _LONGEST_ID:
        raise UnknownEventID(f"an event ID of {size} bytes cannot be asked for")


def is_sendable(event_id: str) -> bool:
    """
    See `check_sendable`.
    """
    try:
        check_sendable(event_id)
    except UnknownEventID:
        return False
    return True


async def _look_through(
    door: HubClient, last_event_id: str | None, topics: Selection, limit: int
) -> Sequence[Record]:
    found: list[Record] = []
    number = -1
    while True:
        page = await door.since(last_event_id, ("*",), _PAGE)
        new = [one for one in page if one.number > number]
        found += [one for one in new if topics.matches(one.publication.topics)]
        if len(page) < _PAGE or len(found) >= limit:
            return found[:limit]
        if not new:
            raise HistoryUnavailable(f"The event ID {last_event_id!r} was given more than once.")
        last_event_id, number = new[-1].id, new[-1].number


def _written(topics: Selection) -> list[str] | None:
    """
    The selectors as a request has them; ``None`` if it cannot have them.
    """
    if topics.everything:
        return ["*"]
    written = [*topics.exact, *(getattr(one, "text", "") for one in topics.patterns)]
    if len(written) > _SELECTORS or sum(len(one.encode()) for one in written) > _SELECTORS_SIZE:
        return None
    try:
        return written if Selection.of(written) == topics else None
    except InvalidSelector:
        return None
