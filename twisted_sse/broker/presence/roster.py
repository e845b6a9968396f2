"""
Who is on each topic, at all hubs together.

A user joins when the first hub has the user, and leaves when no hub has.  This keeps
no time and sends nothing; it says what has changed.
"""

from __future__ import annotations

from typing import Protocol

from twisted_sse.events.presence import Occupancy, PresenceMember

__all__ = ["HERE", "Changes", "Roster"]

#: Stands for this hub among the nodes.
HERE = ""


class Changes(Protocol):
    """
    What a roster reports to, after each change.
    """

    def joined(self, topic: str, user: str, info: str | None) -> None:
        """
        *user* is on *topic* now.
        """

    def left(self, topic: str, user: str, info: str | None) -> None:
        """
        *user* is not on *topic* any more; *info* is that of the join.
        """

    def counted(self, topic: str) -> None:
        """
        The number of anonymous connections on *topic* has changed.
        """


class _Entry:
    """
    One member: where the user is, and the info with which the user joined.
    """

    __slots__ = ("info", "nodes")

    def __init__(self, info: str | None, node: str) -> None:
        self.info = info
        # A user is at one or two hubs, for which a list is smaller than a set.
        self.nodes = [node]


class _Topic:
    __slots__ = ("anonymous", "members")

    def __init__(self) -> None:
        self.members: dict[str, _Entry] = {}
        self.anonymous: dict[str, int] = {}


class Roster:
    """
    The members and the anonymous connections of every topic that has any.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._topics: dict[str, _Topic] = {}

    def __len__(self) -> int:
        """
        The number of topics that somebody is on.
        """
        return len(self._topics)

    def count(self, topic: str) -> int:
        """
        The number of members and of anonymous connections on *topic*.
        """
        found = self._topics.get(topic)
        return 0 if found is None else len(found.members) + sum(found.anonymous.values())

    def anonymous(self, topic: str) -> int:
        """
        The number of anonymous connections on *topic*.
        """
        found = self._topics.get(topic)
        return 0 if found is None else sum(found.anonymous.values())

    def members(self, topic: str, limit: int | None = None) -> list[PresenceMember]:
        """
        The members on *topic*, in the order in which they came.

        Args:
            limit: The most members to return.
        """
        found = self._topics.get(topic)
        if found is None:
            return []
        entries = list(found.members.items())[:limit]
        return [PresenceMember.of(user, entry.info) for user, entry in entries]

    def put(self, node: str, occupancy: Occupancy) -> None:
        """
        Note what is the case at *node*; repeating it changes nothing.
        """
        topic, user, count, info = occupancy
        if user is None:
            self._put_anonymous(node, topic, count)
        elif count:
            self._put_user(node, topic, user, info)
        else:
            self._remove_user(node, topic, user)

    def _put_anonymous(self, node: str, topic: str, count: int) -> None:
        found = self._topics.get(topic)
        before = 0 if found is None else found.anonymous.get(node, 0)
        if count == before:
            return
        if found is None:
            found = self._topics[topic] = _Topic()
        if count:
            found.anonymous[node] = count
        else:
            del found.anonymous[node]
            self._tidy(topic, found)
        self._changes.counted(topic)

    def _put_user(self, node: str, topic: str, user: str, info: str | None) -> None:
        found = self._topics.get(topic)
        if found is None:
            found = self._topics[topic] = _Topic()
        entry = found.members.get(user)
        if entry is None:
            found.members[user] = _Entry(info, node)
            self._changes.joined(topic, user, info)
        elif node not in entry.nodes:
            entry.nodes.append(node)

    def _remove_user(self, node: str, topic: str, user: str) -> None:
        found = self._topics.get(topic)
        entry = None if found is None else found.members.get(user)
        if found is None or entry is None or node not in entry.nodes:
            return
        entry.nodes.remove(node)
        if not entry.nodes:
            del found.members[user]
            self._tidy(topic, found)
            self._changes.left(topic, user, entry.info)

    def _tidy(self, topic: str, found: _Topic) -> None:
        if not found.members and not found.anonymous:
            del self._topics[topic]
