"""
How many connections are accepted per second.
"""

from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from twisted_sse.transport.acceptlimit import AcceptLimit
from twisted_sse.transport.refusals import Refusals

__all__ = ["AcceptLimitTests"]


@implementer(IReadDescriptor)
class Port:
    """
    A port with as many clients as are wanted, which works as Twisted's do.
    """

    def __init__(self, limit: AcceptLimit) -> None:
        self.numberAccepts = 100
        self.reading = True
        self.accepted = 0
        self._limit = limit

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
        for _ in range(self.numberAccepts):
            self.accepted += 1
            self._limit.accepted()
        self.numberAccepts += 20

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

    def limit(self, rate: int) -> list[Port]:
        """
        Make two ports with a limit together.
        """
        self.accepts = AcceptLimit(rate, self.clock, self.refusals)
        ports = [Port(self.accepts) for _ in range(2)]
        for port in ports:
            self.accepts.add(port)
        return ports

    def flood(self, ports: list[Port], seconds: int) -> int:
        """
        Have all ports accept whatever they may, and return how many connections that is.
        """
        before = sum(port.accepted for port in ports)
        for _ in range(seconds * 1000):
            for port in ports:
                if port.reading:
                    port.doRead()
            self.clock.advance(0.001)
        return sum(port.accepted for port in ports) - before

    def test_rate(self) -> None:
        """
        A flood is accepted at the rate.
        """
        for rate in (1, 7, 1000, 5000):
            with self.subTest(rate=rate):
                accepted = self.flood(self.limit(rate), 10)

                self.assertGreater(accepted, 7 * rate)
                self.assertLess(accepted, 11 * rate + 10)

    def test_slices(self) -> None:
        """
        One turn of the reactor accepts few of them.
        """
        ports = self.limit(1000)
        most = 0
        for _ in range(1000):
            before = sum(port.accepted for port in ports)
            for port in ports:
                if port.reading:
                    port.doRead()
            most = max(most, sum(port.accepted for port in ports) - before)
            self.clock.advance(0.001)

        self.assertLess(most, 50)

    def test_below(self) -> None:
        """
        Below the rate nothing is paused.
        """
        (port, _) = self.limit(1000)
        for _ in range(1000):
            self.accepts.accepted()
            self.clock.advance(0.002)

        self.assertTrue(port.reading)
        self.assertEqual(self.refusals["accepts"], 0)

    def test_counted(self) -> None:
        """
        Pauses are counted, and end.
        """
        ports = self.limit(1000)
        for _ in range(100):
            self.accepts.accepted()
        self.assertEqual([port.reading for port in ports], [False, False])
        self.assertEqual(self.refusals["accepts"], 1)

        self.clock.advance(0.2)
        self.assertEqual([port.reading for port in ports], [True, True])

    def test_closed(self) -> None:
        """
        A port that is closed while it is paused is not read again, and no timer is left.
        """
        ports = self.limit(1)
        self.accepts.accepted()
        self.accepts.remove(ports[0])
        self.clock.advance(5)
        self.assertEqual([port.reading for port in ports], [False, True])

        self.accepts.accepted()
        self.accepts.remove(ports[1])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_added_late(self) -> None:
        """
        A port that is added during a pause waits for its end.
        """
        self.limit(1)
        self.accepts.accepted()
        late = Port(self.accepts)
        self.accepts.add(late)
        self.assertFalse(late.reading)

        self.clock.advance(2)
        self.assertTrue(late.reading)

    def test_other_ports(self) -> None:
        """
        A port that cannot be paused is left alone.
        """
        self.accepts = AcceptLimit(1, self.clock, self.refusals)
        self.accepts.add(object())
        self.accepts.accepted()

        self.assertEqual(self.refusals["accepts"], 1)
