"""
Finds in a hub's history the position of an event, and publications whose outcome is
not known.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred, maybeDeferred

from twisted_sse.broker.broker import Broker
from twisted_sse.broker.receipts import Find, PublishOutcome
from twisted_sse.errors import HistoryUnavailable, UnknownEventID
from twisted_sse.events.publication import Position, Publication
from twisted_sse.interfaces import ISearchableHistory, ISharedHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["finder", "locate"]

_ALL = Selection.of(["*"])

# How often to look for the position of an event while others are being kept.
_ATTEMPTS = 10


async def locate(broker: Broker, event_id: str) -> Position:
    """
    Return the position of the event with *event_id*.

    Raises:
        UnknownEventID: History does not have it.

        HistoryUnavailable: History does not answer now.
    """
    history = broker.history
    shared = ISharedHistoryProvider(history, None)
    if shared is not None:
        return await maybeDeferred(shared.locate, event_id)
    for _ in range(_ATTEMPTS):
        following = await maybeDeferred(history.since, event_id, _ALL, 1)
        if following:
            # Nothing stands between the two, so this is the same place.
            return Position(following[0].number - 1, event_id)
        newest = (await maybeDeferred(history.tail, 1)).newest
        if newest.id == event_id:
            return newest
    raise HistoryUnavailable("Too much is being kept at the moment to find the event.")


def finder(broker: Broker, publications: Sequence[Publication]) -> Find | None:
    """
    Return a function that looks in history for *publications*; ``None`` unless each of
    them has an ID of its own.
    """
    ids = [publication.event.id for publication in publications]
    known = [event_id for event_id in ids if event_id is not None]
    if len(known) < len(ids):
        return None

    async def find() -> Sequence[PublishOutcome] | None:
        # All or none are kept, and the newest are kept longest.
        if not await _is_kept(broker, publications[-1]):
            return None
        return [(Position(0, event_id), 0) for event_id in known]

    return lambda: Deferred.fromCoroutine(find())


async def _is_kept(broker: Broker, publication: Publication) -> bool:
    """
    Whether history has *publication*, which has an ID of its own.
    """
    event_id = publication.event.id or ""
    searchable = ISearchableHistory(broker.history, None)
    if searchable is None:
        try:
            await locate(broker, event_id)
        except UnknownEventID:
            return False
        return True
    record = await maybeDeferred(searchable.find, event_id)
    return record is not None and _content(record.publication) == _content(publication)


def _content(publication: Publication) -> object:
    """
    What a publication and its repeat have in common: not the trace, for example.
    """
    event = publication.event
    topics = publication.topics, publication.private, publication.outcome
    return (*topics, event.id, event.data, event.event)
