"""
How many connections are accepted per second.
"""

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_sse.transport.acceptlimit import AcceptLimit
from twisted_sse.transport.proxies import TrustedProxies
from twisted_sse.transport.refusals import Refusals

__all__ = ["AcceptLimitTests"]


@implementer(IReadDescriptor)
class Port:
    """
    A port with as many clients as are wanted, which works as Twisted's do.

    Attributes:
        only: The address of all clients; by default each has another one.
    """

    only = ""
    _hosts = 0

    def __init__(self) -> None:
        self.numberAccepts = 100
        self.reading = True
        self.factory: Any = Factory.forProtocol(Protocol)
        self.accepted = self.closed = self.most = 0

    def stopReading(self) -> None:
        """
        Stop accepting.
        """
        self.reading = False

    def startReading(self) -> None:
        """
        Accept again.
        """
        self.reading = True

    def doRead(self) -> None:
        """
        Accept what one turn of the reactor accepts.
        """
        turn = self.numberAccepts
        for number in range(1, turn + 1):
            address = IPv4Address("TCP", self.host(), number)
            if self.factory.buildProtocol(address) is None:
                self.closed += 1
            else:
                self.accepted += 1
        self.most = max(self.most, turn)
        if turn == self.numberAccepts:
            self.numberAccepts += 20
        else:
            self.numberAccepts = turn

    def host(self) -> str:
        """
        The next client's address.
        """
        self._hosts += 1
        return self.only or f"10.{self._hosts % 199}.{self._hosts % 251}.{self._hosts % 211}"

    def connectionLost(self, reason: object) -> None:
        """
        See `IReadDescriptor.connectionLost`.
        """

    def fileno(self) -> int:
        """
        See `IFileDescriptor.fileno`.
        """
        return -1

    def logPrefix(self) -> str:
        """
        See `ILoggingContext.logPrefix`.
        """
        return ""


class AcceptLimitTests(SynchronousTestCase):
    """
    `AcceptLimit`.
    """

    def setUp(self) -> None:
        """
        Limit two ports.
        """
        self.clock = Clock()
        self.refusals = Refusals()

    def limit(self, rate: int | None, per_address: int | None = None) -> list[Port]:
        """
        Make two ports with a limit together.
        """
        proxies = TrustedProxies(["192.0.2.80"])
        self.accepts = AcceptLimit(rate, per_address, self.clock, self.refusals, proxies)
        ports = [Port() for _ in range(2)]
        for port in ports:
            self.accepts.add(port)
        return ports

    def connect(self, count: int, host: str = "192.0.2.1") -> int:
        """
        Have connections counted, and return how many are accepted.
        """
        kind = IPv6Address if ":" in host else IPv4Address
        return sum(self.accepts.accepts(kind("TCP", host, 1)) for _ in range(count))

    def flood(self, ports: list[Port], seconds: int) -> None:
        """
        Have all ports accept whatever they may.
        """
        for _ in range(seconds * 1000):
            for port in ports:
                if port.reading:
                    port.doRead()
            self.clock.advance(0.001)

    def test_rate(self) -> None:
        """
        A crowd is accepted at the rate.
        """
        for rate in (1, 7, 1000, 5000):
            with self.subTest(rate=rate):
                ports = self.limit(rate)
                self.flood(ports, 10)

                accepted = sum(port.accepted for port in ports)
                self.assertGreater(accepted, 7 * rate)
                self.assertLess(accepted, 11 * rate + 10)
                self.assertEqual([port.closed for port in ports], [0, 0])

    def test_address(self) -> None:
        """
        A flood of one address is closed, and the others are accepted meanwhile.
        """
        ports = self.limit(1000, 100)
        ports[0].only = "192.0.2.66"
        self.flood(ports, 10)

        self.assertLess(ports[0].accepted, 1400 + 10)
        self.assertGreater(ports[0].closed, 5000)
        self.assertGreater(ports[1].accepted, 4000)
        self.assertEqual(self.refusals["accepts_per_address"], ports[0].closed)

    def test_burst(self) -> None:
        """
        An address may open as many connections at once as in four seconds.
        """
        self.limit(None, 10)
        self.assertEqual(self.connect(100), 40)

        self.clock.advance(1)
        self.assertIn(self.connect(100), (10, 11))

    def test_same_address(self) -> None:
        """
        A /64 network of IPv6 is one address; proxies and connections of this machine have no limit.
        """
        self.limit(None, 10)
        self.connect(100, "2001:db8::1")
        self.assertEqual(self.connect(1, "2001:db8::2"), 0)
        self.assertEqual(self.connect(1, "2001:db8:0:1::1"), 1)

        for host in ("192.0.2.80", "127.0.0.1", "::1", "::ffff:127.0.0.1"):
            self.assertEqual(self.connect(100, host), 100)
        unix = [self.accepts.accepts(UNIXAddress(None)) for _ in range(100)]
        self.assertTrue(all(unix))

    def test_turns(self) -> None:
        """
        One turn of the reactor accepts few connections, also if they are closed.
        """
        for limits in ((1000, 100), (None, 1), (5000, None)):
            with self.subTest(limits=limits):
                ports = self.limit(*limits)
                ports[0].only = "192.0.2.66"
                self.flood(ports, 2)

                self.assertLess(max(port.most for port in ports[:1]), 101)

    def test_below(self) -> None:
        """
        Below the rate nothing is paused.
        """
        (port, _) = self.limit(1000)
        for _ in range(1000):
            self.connect(1)
            self.clock.advance(0.002)

        self.assertTrue(port.reading)
        self.assertEqual(self.refusals["accepts"], 0)

    def test_counted(self) -> None:
        """
        Pauses are counted, and end.
        """
        ports = self.limit(1000)
        self.connect(100)
        self.assertEqual([port.reading for port in ports], [False, False])
        self.assertEqual(self.refusals["accepts"], 1)

        self.clock.advance(0.2)
        self.assertEqual([port.reading for port in ports], [True, True])

    def test_no_limit(self) -> None:
        """
        Without limits everything is accepted.
        """
        ports = self.limit(None)
        self.assertEqual(self.connect(10_000), 10_000)

        self.assertEqual([port.reading for port in ports], [True, True])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closed(self) -> None:
        """
        A port that is closed while it is paused is not read again, and no timer is left.
        """
        ports = self.limit(1)
        self.connect(1)
        self.accepts.remove(ports[0])
        self.clock.advance(5)
        self.assertEqual([port.reading for port in ports], [False, True])

        self.connect(1)
        self.accepts.remove(ports[1])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_added_late(self) -> None:
        """
        A port that is added during a pause waits for its end.
        """
        self.limit(1)
        self.connect(1)
        late = Port()
        self.accepts.add(late)
        self.assertFalse(late.reading)

        self.clock.advance(2)
        self.assertTrue(late.reading)

    def test_other_ports(self) -> None:
        """
        A port that cannot be paused is left alone.
        """
        self.limit(1)
        self.accepts.add(object())
        self.connect(1)

        self.assertEqual(self.refusals["accepts"], 1)

    def test_factory(self) -> None:
        """
        The port still finds everything else at its factory.
        """
        (port, _) = self.limit(1)

        self.assertIs(port.factory.protocol, Protocol)
