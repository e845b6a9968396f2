"""
The limit for open sockets.
"""

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.logger import (
    FilteringLogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogPublisher,
)
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.socketlimit import Slot, SocketLimit, SocketLimits

__all__ = ["SocketLimitTests"]


class Socket:
    """
    An accepted socket.
    """

    def __init__(self, host: str | None = "192.0.2.1") -> None:
        kind = IPv6Address if host and ":" in host else IPv4Address
        self.peer: Any = UNIXAddress(None) if host is None else kind("TCP", host, 1)
        self.aborted = False

    def close_now(self) -> None:
        """
        Note that it is closed.
        """
        self.aborted = True


class SocketLimitTests(SynchronousTestCase):
    """
    `SocketLimit`.
    """

    def test_changed(self) -> None:
        """
        Other limits apply to new sockets, and those that are open stay.
        """
        limit = SocketLimit(SocketLimits(2))
        sockets, slots = self.open(limit, "192.0.2.1", "192.0.2.2")
        for slot in slots:
            slot.answering()
        limit.set_limits(SocketLimits(1, 1))
        refused = limit.take(Socket().peer, Socket())
        limit.set_limits(SocketLimits(4, 1))
        self.open(limit, "192.0.2.3")
        again = limit.take(Socket("192.0.2.4").peer, Socket())

        self.assertIsNone(refused)
        self.assertIsNotNone(again)
        self.assertEqual([one.aborted for one in sockets], [False, False])

    def open(self, limit: SocketLimit, *hosts: str | None) -> tuple[list[Socket], list[Slot]]:
        """
        Open a socket from each host, all of which get a slot.
        """
        sockets = [Socket(host) for host in hosts]
        slots = [limit.take(one.peer, one) for one in sockets]
        self.assertNotIn(None, slots)
        return sockets, [one for one in slots if one is not None]

    def test_room_for_another(self) -> None:
        """
        A new socket takes the slot of the one that has waited longest for a request.
        """
        limit = SocketLimit(SocketLimits(total=3))
        sockets, slots = self.open(limit, *["192.0.2.1"] * 3)
        slots[0].answering()
        slots[0].waiting()

        self.open(limit, "192.0.2.2")

        self.assertEqual([one.aborted for one in sockets], [False, True, False])

    def test_none_waits(self) -> None:
        """
        Sockets that are being answered are not closed, so a new one is refused.
        """
        limit = SocketLimit(SocketLimits(total=2))
        _, slots = self.open(limit, *["192.0.2.1"] * 2)
        for slot in slots:
            slot.answering()

        self.assertIsNone(limit.take(Socket().peer, Socket()))
        slots[0].release()
        slots[0].release()
        slots[0].waiting()
        self.assertIsNotNone(limit.take(Socket().peer, Socket()))

    def test_address(self) -> None:
        """
        An address has a limit of its own, in IPv6 a /64 network; UNIX sockets have none.
        """
        limit = SocketLimit(SocketLimits(per_address=1))
        hosts = ["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8:0:1::1", None, None]
        sockets, _ = self.open(limit, *hosts)
        self.assertEqual([one.aborted for one in sockets], [False] * 6)

        self.open(limit, "::ffff:192.0.2.1", "2001:db8::2")

        aborted = [one.aborted for one in sockets]
        self.assertEqual(aborted, [True, False, True, False, False, False])

    def test_streams(self) -> None:
        """
        There is room for a stream until that many sockets are being answered; others do not count.
        """
        limit = SocketLimit(SocketLimits(total=4, streams=2))
        _, slots = self.open(limit, *["192.0.2.1"] * 4)
        for slot in slots[:2]:
            slot.answering()
        self.assertTrue(limit.has_room_for_stream())

        slots[2].answering()
        self.assertFalse(limit.has_room_for_stream())

        slots[0].release()
        self.assertTrue(limit.has_room_for_stream())

    def test_log(self) -> None:
        """
        The log says once that sockets are short, and again if they are short again.
        """
        events: list[LogEvent] = []
        note = FilteringLogObserver(events.append, [LogLevelFilterPredicate(LogLevel.warn)])
        globalLogPublisher.addObserver(note)
        self.addCleanup(globalLogPublisher.removeObserver, note)
        limit = SocketLimit(SocketLimits(total=20, streams=10))
        _, slots = self.open(limit, *["192.0.2.1"] * 30)
        self.assertEqual(len(events), 1)
        self.assertEqual((events[0]["open"], events[0]["total"]), (20, 20))

        for slot in slots[10:-8]:
            slot.release()
        slots = self.open(limit, *["192.0.2.1"] * 3)[1] + slots[-8:]
        for slot in slots:
            slot.answering()
        self.assertFalse(limit.has_room_for_stream())
        self.assertFalse(limit.has_room_for_stream())
        self.assertEqual(len(events), 2)

    def test_nothing_left(self) -> None:
        """
        Nothing is remembered of sockets that are closed.
        """
        limit = SocketLimit(SocketLimits(total=5, per_address=2))
        _, slots = self.open(limit, "192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1")
        for slot in slots:
            slot.release()

        self.assertEqual((limit._open, limit._queue, limit._groups), (0, {}, {}))
