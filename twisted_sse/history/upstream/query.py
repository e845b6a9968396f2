"""
Finds what follows an event upstream, for selections of any kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from twisted_sse.errors import HistoryUnavailable, InvalidSelector, InvalidTopic, UnknownEventID
from twisted_sse.events.publication import EARLIEST, Record
from twisted_sse.history.upstream.hubclient import HubClient
from twisted_sse.topics import Selection, check_topics

__all__ = ["check_sendable", "find", "is_sendable"]

# The longest percent-encoded event ID that fits into the first line of a request
# with everything else: Twisted reads lines of up to 16,384 bytes.
_LONGEST_ID = 12_000

# The most selectors in a request, and their size before percent-encoding, in bytes,
# for the same reason.
_SELECTORS = 50
_SELECTORS_SIZE = 1000

# How many publications of all topics to read at a time if a request cannot hold
# the selection.
_PAGE = 1024


async def find(
    client: HubClient, last_event_id: str | None, topics: Selection, limit: int
) -> Sequence[Record]:
    """
    See `IHistoryProvider.since`.
    """
    if last_event_id is not None:
        check_sendable(last_event_id)
    selectors = _as_parameters(topics)
    if selectors is not None:
        return await client.since(last_event_id, selectors, limit)
    return await _filter_all(client, last_event_id, topics, limit)


async def find_ends(client: HubClient, topics: Sequence[str]) -> Sequence[Record]:
    """
    See `IEndingHistory.ends`.
    """
    found: dict[int, Record] = {}
    part: list[str] = []
    for topic in filter(_is_topic, topics):
        if part and not _fits([*part, topic]):
            found |= {one.number: one for one in await client.ends(part)}
            part = []
        part.append(topic)
    if part:
        found |= {one.number: one for one in await client.ends(part)}
    return [found[number] for number in sorted(found)]


def check_sendable(event_id: str) -> None:
    """
    Check that a request can hold *event_id*.

    Raises:
        UnknownEventID: It cannot, so no hub can have sent this ID.
    """
    blank = event_id != event_id.strip(" \t")
    if event_id in ("", EARLIEST) or blank or any(one in event_id for one in "\0\r\n"):
        raise UnknownEventID(f"{event_id[:100]!r} is not an event ID")
    try:
        size = len(quote(event_id, safe=""))
    except UnicodeEncodeError:
        raise UnknownEventID("the event ID contains a lone surrogate") from None
    if size > _LONGEST_ID:
        raise UnknownEventID(f"the event ID of {size} bytes is too long for a request")


def is_sendable(event_id: str) -> bool:
    """
    Whether a request can hold *event_id*; see `check_sendable`.
    """
    try:
        check_sendable(event_id)
    except UnknownEventID:
        return False
    return True


async def _filter_all(
    client: HubClient, last_event_id: str | None, topics: Selection, limit: int
) -> Sequence[Record]:
    found: list[Record] = []
    number = -1
    while True:
        page = await client.since(last_event_id, ("*",), _PAGE)
        new = [one for one in page if one.number > number]
        found += [one for one in new if topics.matches(one.publication.topics)]
        if len(page) < _PAGE or len(found) >= limit:
            return found[:limit]
        if not new:
            raise HistoryUnavailable(f"The event ID {last_event_id!r} was used more than once.")
        last_event_id, number = new[-1].id, new[-1].number


def _as_parameters(topics: Selection) -> list[str] | None:
    """
    Return the selectors for a request; ``None`` if it cannot hold them.
    """
    if topics.everything:
        return ["*"]
    texts = [*topics.exact, *(getattr(one, "text", "") for one in topics.patterns)]
    if not _fits(texts):
        return None
    try:
        return texts if Selection.of(texts) == topics else None
    except InvalidSelector:
        return None


def _is_topic(text: str) -> bool:
    """
    Whether something can be published to *text*.
    """
    try:
        check_topics(text)
    except InvalidTopic:
        return False
    return True


def _fits(texts: Sequence[str]) -> bool:
    """
    Whether a request can hold *texts*.
    """
    size = sum(len(one.encode("utf-8", "surrogatepass")) for one in texts)
    return len(texts) <= _SELECTORS and size <= _SELECTORS_SIZE
