"""
Presence as applications see it, and as the broker tells it about connections.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from twisted.internet.interfaces import IReactorTime

from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.grant import Grant
from twisted_sse.broker.connections.listeners import Notices
from twisted_sse.broker.presence.feeds import Feeds
from twisted_sse.broker.presence.roster import HERE, Roster
from twisted_sse.broker.presence.settings import Presence
from twisted_sse.broker.presence.sharing import LIFE, Sharing
from twisted_sse.broker.presence.stays import Stays
from twisted_sse.events.presence import Occupancy, PresenceMember
from twisted_sse.interfaces import IHistoryProvider, IPresenceStore

__all__ = ["HubPresence", "PresenceListener", "PresenceWish"]

#: What a stream asks for: ``events`` to be told who comes and goes, ``watch`` to be told
#: and not to count, ``None`` to count.
PresenceWish = Literal["events", "watch"] | None

#: Called with a topic and the member who has joined or left.  A `Deferred` or a coroutine
#: that it returns is not waited for; a failure of that is logged.
PresenceListener = Callable[[str, PresenceMember], object]

Listener = TypeVar("Listener", bound=PresenceListener)

# A user with a longer name, in bytes, counts as anonymous: every hub keeps the name once
# for each topic.
_MAX_USER_SIZE = 1024


class _Visit:
    """
    What a connection means for presence.

    Attributes:
        user: The user of its grant, or ``None``.

        info: What others are told about the user, as JSON.

        topics: The topics that it is on.

        begun: Whether its stream has begun.
    """

    __slots__ = ("begun", "info", "topics", "user", "wish")

    def __init__(self, user: str | None, info: str | None, wish: PresenceWish) -> None:
        self.user = user
        self.info = info
        self.wish = wish
        self.topics: list[str] = []
        self.begun = False


class HubPresence:
    """
    Who is on which topic: ``hub.presence``.
    """

    def __init__(self, settings: Presence, history: IHistoryProvider, clock: IReactorTime) -> None:
        self._settings = settings
        self._clock = clock
        self._visits: dict[Connection, _Visit] = {}
        self._on_join: list[PresenceListener] = []
        self._on_leave: list[PresenceListener] = []
        self._notices = Notices()
        self._roster = Roster(self)
        self._feeds = Feeds(self._roster, clock)
        self._stays = Stays(settings.grace, settings.most, clock, self._report)
        store = IPresenceStore(history, None)
        self._sharing = None
        if store is not None:
            life = settings.grace + LIFE
            self._sharing = Sharing(store, self._roster, lambda: self._stays, life, clock)

    # What applications see

    def of(self, topic: str, limit: int | None = None) -> list[PresenceMember]:
        """
        The members on *topic*, in the order in which they came.

        Args:
            limit: The most members to return; ``None`` for all.
        """
        return self._roster.members(topic, limit)

    def count(self, topic: str) -> int:
        """
        The number of members and of anonymous connections on *topic*.
        """
        return self._roster.count(topic)

    def anonymous(self, topic: str) -> int:
        """
        The number of connections on *topic* whose grant names no user.
        """
        return self._roster.anonymous(topic)

    def on_join(self, listener: Listener) -> Listener:
        """
        Call ``listener(topic, member)`` for every member who joins from now on, at
        whichever hub.

        Returns:
            The same *listener*, so this decorates a function too.
        """
        self._on_join.append(_checked(listener))
        return listener

    def on_leave(self, listener: Listener) -> Listener:
        """
        Call ``listener(topic, member)`` for every member who leaves from now on.
        """
        self._on_leave.append(_checked(listener))
        return listener

    # What the broker tells

    def start(self) -> None:
        """
        Begin to share who is here with other hubs; history has been started.
        """
        if self._sharing is not None:
            self._sharing.start()

    def suspend(self) -> None:
        """
        Let nobody leave any more: the hub is stopping.
        """
        self._stays.suspend()

    async def stop(self, spread: float) -> None:
        """
        Leave those who are here to the other hubs.

        Args:
            spread: The time after which all of them have been told to come back, in
                seconds.
        """
        self.suspend()
        self._feeds.stop()
        if self._sharing is not None:
            await self._sharing.stop(self._settings.grace + spread)

    def admitted(self, connection: Connection, grant: Grant, wish: PresenceWish) -> None:
        """
        Remember what *connection*, whose stream has not begun, means for presence.
        """
        self._visits[connection] = _Visit(_known_user(grant.user), grant.info, wish)

    def writable(self, connection: Connection) -> None:
        """
        Note that *connection* can be written to, at first or again.
        """
        visit = self._visits.get(connection)
        if visit is None:
            return
        if not visit.begun:
            visit.begun = True
            self._enter(connection, visit)
        self._feeds.writable(connection)

    def changed(self, connection: Connection, grant: Grant) -> None:
        """
        Note that *connection* has another grant.
        """
        visit = self._visits.get(connection)
        if visit is not None:
            self._change(connection, visit, _known_user(grant.user), grant.info)

    def moved(self, connection: Connection) -> None:
        """
        Note that *connection* has other topics.
        """
        visit = self._visits.get(connection)
        if visit is not None:
            self._change(connection, visit, visit.user, visit.info)

    def _change(
        self, connection: Connection, visit: _Visit, user: str | None, info: str | None
    ) -> None:
        before, visit.topics = (visit.user, visit.topics), []
        visit.user, visit.info = user, info
        if visit.begun:
            self._feeds.forget(connection)
            self._enter(connection, visit)
        # Whoever stays is entered before leaving, so that a count does not waver.
        self._leave(*before)

    def ended(self, connection: Connection) -> None:
        """
        Note that *connection* has ended; it may be unknown.
        """
        visit = self._visits.pop(connection, None)
        if visit is not None:
            self._feeds.forget(connection)
            self._leave(visit.user, visit.topics)

    # What the roster tells

    def joined(self, topic: str, user: str, info: str | None) -> None:
        """
        See `twisted_sse.broker.presence.roster.Changes`.
        """
        self._feeds.joined(topic, user, info)
        if self._on_join:
            self._notices.tell(self._on_join, topic, PresenceMember.of(user, info))

    def left(self, topic: str, user: str, info: str | None) -> None:
        """
        See `twisted_sse.broker.presence.roster.Changes`.
        """
        self._feeds.left(topic, user)
        if self._on_leave:
            self._notices.tell(self._on_leave, topic, PresenceMember.of(user, info))

    def counted(self, topic: str) -> None:
        """
        See `twisted_sse.broker.presence.roster.Changes`.
        """
        self._feeds.counted(topic)

    def _enter(self, connection: Connection, visit: _Visit) -> None:
        interest = connection.audience.interest
        readable = interest.readable
        for topic in interest.wanted.exact:
            if not interest.may_read((topic,), False):
                continue
            if visit.wish != "watch" and self._stays.enter(topic, visit.user, visit.info):
                # A listener may have closed it, which ended its visit to the topics before.
                if connection.ended is not None:
                    self._stays.leave(topic, visit.user)
                    return
                visit.topics.append(topic)
            if visit.wish is not None:
                names = readable is not None and readable.matches((topic,))
                self._feeds.watch(connection, topic, names)

    def _leave(self, user: str | None, topics: list[str]) -> None:
        for topic in topics:
            self._stays.leave(topic, user)

    def _report(self, occupancy: Occupancy) -> None:
        self._roster.put(HERE, occupancy)
        if self._sharing is not None:
            self._sharing.note(occupancy, self._settings.most)


def _known_user(user: str | None) -> str | None:
    """
    The user, unless the name is none that can be told.
    """
    if not isinstance(user, str):
        return None
    try:
        size = len(user.encode("utf-8"))
    except UnicodeEncodeError:
        return None
    return user if size <= _MAX_USER_SIZE else None


def _checked(listener: Listener) -> Listener:
    if not callable(listener):
        raise TypeError(f"The listener is {listener!r}: give a function")
    return listener
