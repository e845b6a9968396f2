"""
Tells streams who is on their topics: first the state, then every change in order.

Nothing waits in a queue of a connection.  Each watch is a position among the newest
changes of its topic, as a connection is among publications; one that cannot be
written to stays behind, and if the changes it needs are no longer at hand, it is
told the state again.
"""

from __future__ import annotations

from collections import deque
from itertools import islice

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.presence.roster import Roster
from twisted_sse.events.codec import encode
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.presence import (
    MAX_NAMED,
    PresenceMember,
    count_event,
    join_event,
    leave_event,
    presence_data,
    state_event,
)

__all__ = ["Feeds"]

# How many changes of a topic are at hand for watches that are behind.
_KEPT = 256

# How long changes and counts are collected before they are told, in seconds: when
# everybody comes to a large topic at once, one write tells of many.
_PAUSE = 0.1
_COUNT_PAUSE = 1.0

# The most watches that are told in one turn of the reactor: about 3 ms.
_SLICE = 200

# The position of a watch that needs the state.
_NOWHERE = -1


class _Watch:
    """
    One connection that is told about one topic.

    Attributes:
        names: Whether it is told who, and not only how many.

        cursor: The number of changes up to which it has been told.

        count: The count that it has been told.
    """

    __slots__ = ("connection", "count", "cursor", "feed", "names")

    def __init__(self, connection: Connection, feed: _Feed, names: bool) -> None:
        self.connection = connection
        self.feed = feed
        self.names = names
        self.cursor = _NOWHERE
        self.count = 0


class _Feed:
    """
    The newest changes of one topic, and those who are told about it.

    Each frame is encoded once, for all of them.
    """

    def __init__(self, topic: str, roster: Roster) -> None:
        self.topic = topic
        self.watches: dict[_Watch, None] = {}
        self._roster = roster
        self._frames: deque[bytes] = deque(maxlen=_KEPT)
        # The number of all changes, and the count after the newest of them.
        self._newest = 0
        self._count = 0
        # The state with names and without them, and what it was made for.
        self._states: dict[bool, tuple[tuple[int, int], bytes]] = {}

    def add(self, event: ServerSentEvent, count: int) -> None:
        """
        Add a change, after which *count* are on the topic.
        """
        self._frames.append(encode(event))
        self._newest += 1
        self._count = count

    def lacks(self, watch: _Watch) -> bool:
        """
        Whether there is anything to tell *watch*.
        """
        behind = watch.cursor == _NOWHERE or (watch.names and watch.cursor != self._newest)
        return behind or watch.count != self._roster.count(self.topic)

    def tell(self, watch: _Watch) -> None:
        """
        Tell *watch* everything that it lacks, unless its connection is blocked.
        """
        count = self._roster.count(self.topic)
        missing = self._newest - watch.cursor
        if watch.cursor == _NOWHERE or (watch.names and missing > len(self._frames)):
            payload = self._state_for(count, watch.names)
        else:
            told = watch.count
            payload = b""
            if watch.names and missing:
                first = len(self._frames) - missing
                payload = b"".join(islice(self._frames, first, None))
                told = self._count
            if told != count:
                payload += encode(count_event(self.topic, count))
        if watch.connection.push_frame(payload):
            watch.cursor, watch.count = self._newest, count

    def _state_for(self, count: int, names: bool) -> bytes:
        moment = (self._newest, count)
        made = self._states.get(names)
        if made is None or made[0] != moment:
            members = self._roster.members(self.topic, MAX_NAMED) if names else None
            anonymous = self._roster.anonymous(self.topic)
            described = presence_data(self.topic, count, anonymous, members)
            made = self._states[names] = (moment, encode(state_event(described)))
        return made[1]


class Feeds:
    """
    The topics that anybody is told about.  A topic without a watch costs nothing.
    """

    def __init__(self, roster: Roster, clock: IReactorTime) -> None:
        self._roster = roster
        self._clock = clock
        self._feeds: dict[str, _Feed] = {}
        self._watches: dict[Connection, list[_Watch]] = {}
        # Those to tell in the next turns.
        self._due: dict[_Watch, None] = {}
        self._changed: set[_Feed] = set()
        self._counted: set[_Feed] = set()
        self._serving: IDelayedCall | None = None
        self._changes_call: IDelayedCall | None = None
        self._counts_call: IDelayedCall | None = None

    def watch(self, connection: Connection, topic: str, names: bool) -> None:
        """
        Tell *connection* who is on *topic*, or how many, until `forget`.
        """
        feed = self._feeds.get(topic)
        if feed is None:
            feed = self._feeds[topic] = _Feed(topic, self._roster)
        watch = _Watch(connection, feed, names)
        feed.watches[watch] = None
        self._watches.setdefault(connection, []).append(watch)
        self._due[watch] = None
        self._serve_soon()

    def forget(self, connection: Connection) -> None:
        """
        Tell *connection* nothing more; it may be unknown.
        """
        for watch in self._watches.pop(connection, ()):
            feed = watch.feed
            del feed.watches[watch]
            self._due.pop(watch, None)
            if not feed.watches:
                del self._feeds[feed.topic]
                self._changed.discard(feed)
                self._counted.discard(feed)

    def writable(self, connection: Connection) -> None:
        """
        Tell *connection*, which can be written to again, what it lacks.
        """
        lacking = [one for one in self._watches.get(connection, ()) if one.feed.lacks(one)]
        if lacking:
            self._due.update(dict.fromkeys(lacking))
            self._serve_soon()

    def joined(self, topic: str, user: str, info: str | None) -> None:
        """
        See `Changes.joined`.
        """
        feed = self._feeds.get(topic)
        if feed is not None:
            count = self._roster.count(topic)
            self._add(feed, join_event(topic, count, PresenceMember.of(user, info)), count)

    def left(self, topic: str, user: str) -> None:
        """
        See `Changes.left`.
        """
        feed = self._feeds.get(topic)
        if feed is not None:
            count = self._roster.count(topic)
            self._add(feed, leave_event(topic, count, user), count)

    def counted(self, topic: str) -> None:
        """
        See `Changes.counted`.
        """
        feed = self._feeds.get(topic)
        if feed is not None:
            self._tell_counts_later(feed)

    def stop(self) -> None:
        """
        Tell nobody anything more.
        """
        for call in (self._serving, self._changes_call, self._counts_call):
            if call is not None:
                call.cancel()
        self._serving = self._changes_call = self._counts_call = None
        self._feeds.clear()
        self._watches.clear()
        self._due.clear()

    def _add(self, feed: _Feed, event: ServerSentEvent, count: int) -> None:
        feed.add(event, count)
        self._changed.add(feed)
        if self._changes_call is None:
            self._changes_call = self._clock.callLater(_PAUSE, self._tell_changes)
        self._tell_counts_later(feed)

    def _tell_counts_later(self, feed: _Feed) -> None:
        self._counted.add(feed)
        if self._counts_call is None:
            self._counts_call = self._clock.callLater(_COUNT_PAUSE, self._tell_counts)

    def _tell_changes(self) -> None:
        self._changes_call = None
        changed, self._changed = self._changed, set()
        for feed in changed:
            self._due.update((watch, None) for watch in feed.watches if watch.names)
        self._serve()

    def _tell_counts(self) -> None:
        self._counts_call = None
        counted, self._counted = self._counted, set()
        for feed in counted:
            self._due.update(dict.fromkeys(feed.watches))
        self._serve()

    def _serve_soon(self) -> None:
        if self._serving is None and self._due:
            self._serving = self._clock.callLater(0, self._serve)

    def _serve(self) -> None:
        if self._serving is not None and self._serving.active():
            self._serving.cancel()
        self._serving = None
        for watch in list(islice(self._due, _SLICE)):
            # Telling another one may have ended this one's connection.
            if self._due.pop(watch, watch) is None and watch.feed.lacks(watch):
                watch.feed.tell(watch)
        self._serve_soon()
