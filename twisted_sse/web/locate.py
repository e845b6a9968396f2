"""
Finds the position of an event in a hub's history.
"""

from __future__ import annotations

from twisted.internet.defer import maybeDeferred

from twisted_sse.broker.broker import Broker
from twisted_sse.errors import HistoryUnavailable
from twisted_sse.events.publication import Position
from twisted_sse.interfaces import ISharedHistoryProvider
from twisted_sse.topics import Selection

__all__ = ["locate"]

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
