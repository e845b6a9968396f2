"""
A limit for the open sockets of a site, which always leaves room for a new request.

Law: a client that has not sent a whole request holds its socket only until another
one needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Any, NamedTuple

from twisted.logger import Logger

__all__ = ["Slot", "SocketLimit", "SocketLimits"]


class SocketLimits(NamedTuple):
    """
    How many sockets may be open at once; ``None`` is any number.

    Attributes:
        total: Of all clients.

        per_address: Of one network address (IPv6: of one /64 network).

        crowded: From how many on `SocketLimit.crowded` is true.
    """

    total: int | None = None
    per_address: int | None = None
    crowded: int | None = None


class Slot:
    """
    One open socket.

    Args:
        close: Closes it at once.

        group: The address that it counts for; ``None`` for none.
    """

    __slots__ = ("_limit", "close", "group")

    def __init__(
        self, limit: SocketLimit, close: Callable[[], object], group: object | None
    ) -> None:
        self._limit = limit
        self.close = close
        self.group = group

    def answering(self) -> None:
        """
        A whole request has arrived: the socket is kept until it has been answered.
        """
        self._limit._waiting(self.group).pop(self, None)

    def waiting(self) -> None:
        """
        The socket waits for a request, and is closed if another one needs its slot.
        """
        self._limit._waiting(self.group)[self] = None

    def release(self) -> None:
        """
        The socket has been closed.
        """
        self._limit._release(self)


class SocketLimit:
    """
    Counts sockets, and closes those that wait longest for a request.
    """

    _log = Logger()

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._open: set[Slot] = set()
        # By address, if those are limited: the sockets, and those without a request
        # in the order in which they began to wait.
        self._groups: dict[object, set[Slot]] = {}
        self._queues: dict[object, dict[Slot, None]] = {None: {}}
        self._full = False

    @property
    def crowded(self) -> bool:
        """
        Whether the sockets that are left are needed for short requests.
        """
        crowded = self._limits.crowded
        return crowded is not None and len(self._open) >= crowded

    def take(self, transport: Any) -> Slot | None:
        """
        Take a slot for a new socket; ``None`` if every other one is being answered.
        """
        limits = self._limits
        group = None if limits.per_address is None else _group(transport.getPeer())
        if group is not None and len(self._groups.get(group, ())) >= (limits.per_address or 0):
            self._evict(group)
            if len(self._groups.get(group, ())) >= (limits.per_address or 0):
                return None
        if limits.total is not None and len(self._open) >= limits.total:
            self._note_full(limits.total)
            self._evict_any()
            if len(self._open) >= limits.total:
                return None
        slot = Slot(self, transport.abortConnection, group)
        self._open.add(slot)
        if group is not None:
            self._groups.setdefault(group, set()).add(slot)
        slot.waiting()
        return slot

    def _waiting(self, group: object | None) -> dict[Slot, None]:
        queue = self._queues.get(group)
        if queue is None:
            queue = self._queues[group] = {}
        return queue

    def _evict_any(self) -> None:
        # With a limit per address, one address is as good as another.
        group = next((one for one, queue in self._queues.items() if queue), None)
        self._evict(group)

    def _evict(self, group: object | None) -> None:
        slot = next(iter(self._queues.get(group, ())), None)
        if slot is not None:
            self._release(slot)
            slot.close()

    def _release(self, slot: Slot) -> None:
        if slot not in self._open:
            return
        self._open.remove(slot)
        self._waiting(slot.group).pop(slot, None)
        if slot.group is not None:
            members = self._groups[slot.group]
            members.discard(slot)
            if not members:
                del self._groups[slot.group], self._queues[slot.group]
        # Not at once, so that a hub at its limit does not fill its log.
        if self._full and len(self._open) <= 0.9 * (self._limits.total or 0):
            self._full = False

    def _note_full(self, total: int) -> None:
        if not self._full:
            self._full = True
            self._log.warn(
                "All {total} sockets that clients may have are open: idle ones are closed,"
                " and new streams are refused, to leave room for publishers and health checks",
                total=total,
            )


def _group(peer: Any) -> object | None:
    host = getattr(peer, "host", None)
    if not isinstance(host, str) or ":" not in host:
        return host
    try:
        address = IPv6Address(host)
    except ValueError:
        return host
    mapped = address.ipv4_mapped
    # A network provider gives a customer a /64 network at least.
    return str(mapped) if mapped is not None else int(address) >> 64
