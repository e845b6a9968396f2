"""
A limit for the open sockets of a site, which always leaves room for a new request.

Law: a client that has not sent a whole request holds its socket only until another
one needs it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from twisted.logger import Logger

from twisted_sse.transport.addresses import network_of
from twisted_sse.transport.refusals import Refusals

__all__ = ["Slot", "SocketHolder", "SocketLimit", "SocketLimits"]


_Queue = dict["Slot", None]


class SocketLimits(NamedTuple):
    """
    How many sockets may be open at once; ``None`` is any number.

    Attributes:
        total: Of all clients.

        per_address: Of one network address (IPv6: of one /64 network).

        streams: Of those whose requests are being answered, if one is for a stream.
    """

    total: int | None = None
    per_address: int | None = None
    streams: int | None = None


class SocketHolder(Protocol):
    """
    What a socket belongs to.
    """

    def close_now(self) -> None:
        """
        Close it, and free its descriptor before this returns.
        """


class Slot:
    """
    One open socket.

    Args:
        group: The sockets of the same address, this one included.

        holder: What the socket belongs to.
    """

    __slots__ = ("_group", "holder")

    def __init__(self, group: _Group, holder: SocketHolder) -> None:
        self._group: _Group | None = group
        self.holder: SocketHolder | None = holder
        self.waiting()

    def answering(self) -> None:
        """
        A whole request has arrived: the socket is kept until it has been answered.
        """
        if self._group is not None:
            for queue in self._group.queues:
                queue.pop(self, None)

    def waiting(self) -> None:
        """
        The socket waits for a request, and is closed if another one needs its slot.
        """
        if self._group is not None:
            for queue in self._group.queues:
                queue[self] = None

    def release(self) -> None:
        """
        The socket has been closed.
        """
        self.answering()
        # It refers to this.
        self.holder = None
        group, self._group = self._group, None
        if group is not None:
            group.limit._released(group)


class _Group:
    """
    The sockets of one address, or those that count for none.

    Args:
        name: The address; ``None`` for none.

        everybody: The slots of all addresses that wait.

    Attributes:
        queue: Those of this address that wait.

        queues: Where a slot of the group waits.
    """

    __slots__ = ("limit", "name", "queue", "queues", "size")

    def __init__(self, limit: SocketLimit, name: object, everybody: _Queue) -> None:
        self.limit = limit
        self.name = name
        self.queue: _Queue = {}
        self.queues = (everybody,) if name is None else (everybody, self.queue)
        self.size = 0


class SocketLimit:
    """
    Counts sockets, and closes those that wait longest for a request.

    Args:
        refusals: Counts sockets that are closed, and streams that get none.
    """

    _log = Logger()

    def __init__(self, limits: SocketLimits, refusals: Refusals | None = None) -> None:
        self.set_limits(limits)
        self._refusals = Refusals() if refusals is None else refusals
        self._open = 0
        # Those without a request, in the order in which they began to wait.
        self._queue: _Queue = {}
        self._nobody = _Group(self, None, self._queue)
        self._groups: dict[object, _Group] = {}
        # Whether the log says so.
        self._full = False

    def set_limits(self, limits: SocketLimits) -> None:
        """
        Apply *limits* to new sockets from now on; those that are open stay.
        """
        self._limits = limits
        self._few = min(
            one for one in (limits.total, limits.streams, float("inf")) if one is not None
        )

    def has_room_for_stream(self) -> bool:
        """
        Whether a request that has arrived may keep its socket for long.
        """
        if not self.is_full:
            return True
        self._note_full()
        self._refusals.count("sockets")
        return False

    @property
    def is_full(self) -> bool:
        """
        Whether all the sockets that streams may have are in use.
        """
        most = self._limits.streams
        return most is not None and self._open - len(self._queue) > most

    def take(self, peer: Any, holder: SocketHolder) -> Slot | None:
        """
        Take a slot for a new socket; ``None`` if every other one is being answered.

        Args:
            peer: Its remote address; ``None`` if it counts for no address.

            holder: What the socket belongs to.
        """
        total, per_address, _ = self._limits
        name = None if per_address is None else network_of(peer) or None
        group = self._groups.get(name)
        if group is not None and group.size >= (per_address or 0):
            self._refusals.count("sockets_per_address")
            if not _evict(group.queue):
                return None
        if total is not None and self._open >= total:
            self._refusals.count("sockets")
            if not _evict(self._queue):
                return None
        self._open += 1
        if total is not None and self._open >= total:
            self._note_full()
        if name is None or per_address is None:
            return Slot(self._nobody, holder)
        # The eviction may have removed the group.
        group = self._groups.get(name)
        if group is None:
            group = self._groups[name] = _Group(self, name, self._queue)
        group.size += 1
        return Slot(group, holder)

    def _released(self, group: _Group) -> None:
        self._open -= 1
        if group.name is not None:
            group.size -= 1
            if not group.size:
                del self._groups[group.name]
        # Not at once, so that a site at its limit does not fill the log.
        if self._full and self._open < 0.9 * self._few:
            self._full = False

    def _note_full(self) -> None:
        if not self._full:
            self._full = True
            self._log.warn(
                "Clients have {open} sockets open, of {total} that they may have: idle ones"
                " are closed and streams are refused, so that publishers and health checks"
                " are answered; see --max-connections, and the system's limit of open files",
                open=self._open,
                total=self._limits.total,
            )


def _evict(queue: _Queue) -> bool:
    """
    Close the socket that has waited longest; False if none waits.
    """
    slot = next(iter(queue), None)
    if slot is None:
        return False
    holder = slot.holder
    assert holder is not None
    slot.release()
    holder.close_now()
    return True
