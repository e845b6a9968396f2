"""
Who this hub has on each topic: each user until the grace after the last connection.

A user who comes back within the grace has never left.  One delayed call serves all
of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from twisted_sse.events.presence import Occupancy

__all__ = ["Stays"]

# The most users who leave in one turn of the reactor: about 2 ms.
_SLICE = 200

_Key = tuple[str, str]


class _Stay:
    """
    One user on one topic.

    Attributes:
        connections: How many connections the user has there.

        info: What others are told about the user, as JSON.
    """

    __slots__ = ("connections", "info")

    def __init__(self, info: str | None) -> None:
        self.connections = 1
        self.info = info


class Stays:
    """
    Args:
        grace: How long a user without a connection stays, in seconds.

        most: The most users on topics, and topics with anonymous connections.

        report: Called with every change.
    """

    _log = Logger()

    def __init__(
        self, grace: float, most: int, clock: IReactorTime, report: Callable[[Occupancy], None]
    ) -> None:
        self._grace = grace
        self._most = most
        self._clock = clock
        self._report = report
        self._stays: dict[_Key, _Stay] = {}
        self._anonymous: dict[str, int] = {}
        # Those without a connection, and since when; the longest absence is first.
        self._absent: OrderedDict[_Key, float] = OrderedDict()
        self._call: IDelayedCall | None = None
        self._suspended = False
        self._full = False

    def __len__(self) -> int:
        return len(self._stays) + len(self._anonymous)

    def __iter__(self) -> Iterator[Occupancy]:
        """
        Everybody who is here, over a copy.
        """
        for (topic, user), stay in list(self._stays.items()):
            yield Occupancy(topic, user, 1, stay.info)
        for topic, count in list(self._anonymous.items()):
            yield Occupancy(topic, None, count)

    def enter(self, topic: str, user: str | None, info: str | None) -> bool:
        """
        Note that a connection of *user* on *topic* has begun.

        Returns:
            Whether there was room; if not, do not call `leave` for it.
        """
        if user is None:
            return self._enter_anonymous(topic)
        stay = self._stays.get((topic, user))
        if stay is None:
            if not self._has_room():
                return False
            self._stays[topic, user] = _Stay(info)
            self._report(Occupancy(topic, user, 1, info))
        else:
            stay.connections += 1
            self._absent.pop((topic, user), None)
        return True

    def leave(self, topic: str, user: str | None) -> None:
        """
        Note that a connection of *user* on *topic* has ended.
        """
        if user is None:
            self._leave_anonymous(topic)
            return
        stay = self._stays[topic, user]
        stay.connections -= 1
        if stay.connections:
            return
        self._absent[topic, user] = self._clock.seconds()
        if self._grace:
            self._schedule()
        elif not self._suspended:
            self._leave_early()

    def suspend(self) -> None:
        """
        Let no user leave any more: the hub stops, and they go to another one.
        """
        self._suspended = True
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _enter_anonymous(self, topic: str) -> bool:
        count = self._anonymous.get(topic, 0)
        if not count and not self._has_room():
            return False
        self._anonymous[topic] = count + 1
        self._report(Occupancy(topic, None, count + 1))
        return True

    def _leave_anonymous(self, topic: str) -> None:
        if self._suspended:
            return
        count = self._anonymous[topic] - 1
        if count:
            self._anonymous[topic] = count
        else:
            del self._anonymous[topic]
        self._report(Occupancy(topic, None, count))

    def _has_room(self) -> bool:
        if len(self) < self._most:
            return True
        # Members of the past must not keep out those who are here.
        if not self._suspended and self._leave_early():
            return True
        if not self._full:
            self._full = True
            self._log.warn(
                "Presence shows no more than {most} members of this hub: raise Presence(most=...)",
                most=self._most,
            )
        return False

    def _leave_early(self) -> bool:
        """
        Remove the user who is absent longest, if there is one.
        """
        if not self._absent:
            return False
        key, _ = self._absent.popitem(last=False)
        del self._stays[key]
        self._report(Occupancy(*key, 0))
        return True

    def _schedule(self) -> None:
        if self._call is None and self._absent and not self._suspended:
            due = next(iter(self._absent.values())) + self._grace
            self._call = self._clock.callLater(max(0.0, due - self._clock.seconds()), self._check)

    def _check(self) -> None:
        self._call = None
        due = self._clock.seconds() - self._grace
        for _ in range(_SLICE):
            if not self._absent or next(iter(self._absent.values())) > due:
                break
            self._leave_early()
        self._schedule()
