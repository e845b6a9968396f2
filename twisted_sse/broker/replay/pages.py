"""
Pages of missed events, shared by connections that are behind.

A page is joined and framed once.  What follows a position never changes, so a page
that was made for one connection serves every other one of its audience.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from operator import attrgetter
from typing import NamedTuple

from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.window import Entry, Window
from twisted_sse.events.publication import Position, Record

__all__ = [
    "PAGE_BYTES",
    "PAGE_EVENTS",
    "PAGE_SCAN",
    "ReplayCache",
    "ReplayPage",
    "latest_page",
    "page_from_history",
    "page_from_window",
    "page_key",
]

#: The most records to ask history for at once.
PAGE_EVENTS = 256

#: The most bytes of a page, not counting its last frame: the transport keeps what a
#: reader does not take of it.
PAGE_BYTES = 64 * 1024

#: The most entries of the window to match for one page: about 0.3 ms.
PAGE_SCAN = 1024

# The most bytes that all shared pages hold.
_SHARED_BYTES = 4 * 1024 * 1024


class ReplayPage(NamedTuple):
    """
    Missed events, ready to send.

    Attributes:
        payload: Framed; empty if the page has nothing for this audience.

        position: The position of a connection after it has been sent this page.

        events: How many events it has.
    """

    payload: bytes
    position: Position
    events: int = 0


def page_key(audience: Audience, position: Position) -> Hashable:
    """
    Equal for all connections that would be sent the same page.
    """
    return audience.interest, audience.representation, audience.framing, position


class ReplayCache:
    """
    Recent pages, the least recently used forgotten first.
    """

    def __init__(self, size: int = _SHARED_BYTES) -> None:
        self._bound = size
        self._size = 0
        self._cache: OrderedDict[Hashable, ReplayPage] = OrderedDict()

    def get(self, audience: Audience, position: Position) -> ReplayPage | None:
        """
        The page of *audience* that follows *position*, if there is one.
        """
        key = page_key(audience, position)
        page = self._cache.get(key)
        if page is not None:
            self._cache.move_to_end(key)
        return page

    def put(self, audience: Audience, position: Position, page: ReplayPage) -> None:
        """
        Keep *page* for other connections.
        """
        key = page_key(audience, position)
        if key not in self._cache:
            self._cache[key] = page
            self._size += _weight(page)
        while self._size > self._bound:
            _, forgotten = self._cache.popitem(last=False)
            self._size -= _weight(forgotten)


def page_from_window(window: Window, audience: Audience, position: Position) -> ReplayPage:
    """
    Make the page that follows *position*, which the window covers.
    """
    goal = audience.live_position
    matches = audience.interest.matches
    entries: list[Entry] = []
    size = 0
    for scanned, entry in enumerate(window.following(position.number), 1):
        if entry.number > goal.number:
            break
        if matches(entry.topics, entry.private):
            entries.append(entry)
            size += len(entry.frame)
        if size >= PAGE_BYTES or scanned == PAGE_SCAN:
            goal = entry.position
            break
    return _page(audience, audience.representation.frames(entries), goal)


def page_from_history(
    records: Sequence[Record], asked: Position, window: Window, audience: Audience
) -> ReplayPage:
    """
    Make a page of what history has found.

    Args:
        records: What `IHistoryProvider.since` returned for `PAGE_EVENTS`.

        asked: The head of the window when history was asked.  If history has
            found fewer records than it was asked for, everything up to there has
            been considered.  It does not precede the ID that was asked for,
            because that event has been sent.
    """
    head = window.head.number
    matches = audience.interest.matches
    encode = audience.representation.encode
    frames: list[bytes] = []
    size = 0
    position = asked
    for count, item in enumerate(records, 1):
        # What follows the head has not been delivered in this hub yet.
        if item.number > head:
            break
        position = max(position, item.position)
        if matches(item.publication.topics, item.publication.private):
            frames.append(encode(item))
            size += len(frames[-1])
        if size >= PAGE_BYTES or count == PAGE_EVENTS:
            return _page(audience, frames, item.position)
    return _page(audience, frames, position)


def latest_page(window: Window, audience: Audience, first: bytes) -> ReplayPage:
    """
    Make a page of the frame *first* and the newest event of each topic in the window.

    An event of several topics counts for its canonical topic, the first one.
    """
    goal = audience.live_position
    newest: dict[str, Entry] = {}
    for entry in window.following(window.floor.number):
        if entry.number > goal.number:
            break
        if audience.interest.matches(entry.topics, entry.private):
            newest[entry.topics[0]] = entry
    entries = sorted(newest.values(), key=attrgetter("number"))
    page = _page(audience, [first, *audience.representation.frames(entries)], goal)
    return page._replace(events=len(entries))


def _page(audience: Audience, frames: list[bytes], position: Position) -> ReplayPage:
    payload = audience.framing(b"".join(frames)) if frames else b""
    return ReplayPage(payload, position, len(frames))


def _weight(page: ReplayPage) -> int:
    # A key and a page take about 500 bytes beside the payload.
    return 500 + len(page.payload)
