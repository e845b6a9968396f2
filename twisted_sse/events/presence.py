"""
Who is on a topic, as values and as events.

Nothing here does I/O, keeps time, or imports Twisted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from twisted_sse.events.event import ServerSentEvent

__all__ = [
    "MAX_INFO_SIZE",
    "MAX_NAMED",
    "PRESENCE_EVENTS",
    "NodeChange",
    "Occupancy",
    "PresenceMember",
    "PresenceNews",
    "count_event",
    "encode_info",
    "join_event",
    "leave_event",
    "presence_data",
    "state_event",
]

# The event types by which streams tell who is on their topics.
_STATE: Final = "presence-state"
_JOIN: Final = "presence-join"
_LEAVE: Final = "presence-leave"
_COUNT: Final = "presence-count"

#: All of them.  Nobody may publish events of these types.
PRESENCE_EVENTS: Final = frozenset({_STATE, _JOIN, _LEAVE, _COUNT})

#: The most bytes of the JSON that others are told about a user: it is kept by every hub
#: once for each topic, and sent to every watcher.
MAX_INFO_SIZE: Final = 1024

#: The most members that one answer or one event names.
MAX_NAMED: Final = 1000


class PresenceMember(NamedTuple):
    """
    A user who is on a topic.

    Attributes:
        user: The name from the grant.

        info: What others are told about the user; ``None`` if there is nothing.
    """

    user: str
    info: Any = None

    @classmethod
    def of(cls, user: str, info: str | None) -> PresenceMember:
        """
        Make a member from *info* as JSON.
        """
        return cls(user, None if info is None else json.loads(info))


class Occupancy(NamedTuple):
    """
    Who one hub has on a topic: a user, or a number of anonymous connections.

    Attributes:
        topic: The topic.

        user: The user; ``None`` for anonymous connections.

        number: 1 if the user is there, or the number of anonymous connections; 0 if
            nobody is there any more.

        info: What others are told about the user, as JSON.
    """

    topic: str
    user: str | None
    number: int
    info: str | None = None


class NodeChange(NamedTuple):
    """
    A change of who a hub has.

    Attributes:
        node: Identifies a run of the hub.

        occupancy: What is the case now; ``None`` if nobody is at the hub any more,
            because it has stopped or died.
    """

    node: str
    occupancy: Occupancy | None


class PresenceNews(NamedTuple):
    """
    What a hub learns about the others.

    Attributes:
        known: Whether the store knew the hub already.  If not, the hub has to announce
            everybody it has.

        cursor: Where the next call continues.

        changes: What has changed at other hubs, in the one order of the store.

        whole: Whether *changes* is not what has changed, but everything that the store
            has.

        more: Whether there is more at hand, so that the next call should not wait.
    """

    known: bool
    cursor: str
    changes: Sequence[NodeChange]
    whole: bool = False
    more: bool = False


def encode_info(info: object) -> str | None:
    """
    Encode what others are told about a user as JSON; ``None`` for ``None``.

    Raises:
        ValueError, TypeError: It is not JSON, or too large; a sentence.
    """
    if info is None:
        return None
    wrong = f"info is {info!r}: give a value that JSON can represent"
    try:
        text = json.dumps(info, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode("utf-8"))
    except TypeError:
        raise TypeError(wrong) from None
    except (ValueError, RecursionError):
        raise ValueError(wrong) from None
    if size > MAX_INFO_SIZE:
        raise ValueError(f"info has {size} bytes as JSON: give at most {MAX_INFO_SIZE}")
    return text


def presence_data(
    topic: str, count: int, anonymous: int, members: Iterable[PresenceMember] | None
) -> dict[str, Any]:
    """
    Describe who is on *topic*, for JSON.

    Args:
        members: ``None`` to tell only the count.
    """
    if members is None:
        return {"topic": topic, "count": count}
    named = [member._asdict() for member in islice(members, MAX_NAMED)]
    return {"topic": topic, "count": count, "anonymous": anonymous, "members": named}


def state_event(described: dict[str, Any]) -> ServerSentEvent:
    """
    Tell who is on a topic; *described* is from `presence_data`.
    """
    return ServerSentEvent.json(described, event=_STATE)


def join_event(topic: str, count: int, member: PresenceMember) -> ServerSentEvent:
    """
    Tell that *member* has come; *count* includes it.
    """
    data = {"topic": topic, "count": count, **member._asdict()}
    return ServerSentEvent.json(data, event=_JOIN)


def leave_event(topic: str, count: int, user: str) -> ServerSentEvent:
    """
    Tell that *user* has left; *count* are still there.
    """
    return ServerSentEvent.json({"topic": topic, "count": count, "user": user}, event=_LEAVE)


def count_event(topic: str, count: int) -> ServerSentEvent:
    """
    Tell how many are on *topic*.
    """
    return ServerSentEvent.json({"topic": topic, "count": count}, event=_COUNT)
