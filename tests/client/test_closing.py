"""
Closing connections of a server that does not react.
"""

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.client.closing import ClosingFactory

__all__ = ["ClosingTests"]

ADDRESS = IPv4Address("TCP", "127.0.0.1", 443)


class ClosingTests(SynchronousTestCase):
    """
    A connection that this side closes.
    """

    def setUp(self) -> None:
        """
        Connect.
        """
        self.clock = Clock()
        self.transport = StringTransport()
        factory = ClosingFactory(Factory.forProtocol(Protocol), self.clock)
        self.wrapper = factory.buildProtocol(ADDRESS)
        self.protocol = self.wrapper.wrappedProtocol
        self.wrapper.makeConnection(self.transport)

    def test_silent(self) -> None:
        """
        The connection is aborted if the server does not close it within five seconds.
        """
        self.protocol.transport.loseConnection()
        self.clock.advance(4.9)
        before = self.transport.disconnected
        self.clock.advance(0.2)

        self.assertTrue(self.transport.disconnecting)
        self.assertEqual((before, self.transport.disconnected), (False, True))

    def test_ended(self) -> None:
        """
        If the server closes it in time, no timer is left.
        """
        self.protocol.transport.loseConnection()
        self.protocol.transport.loseConnection()
        self.wrapper.connectionLost(Failure(ConnectionDone()))

        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_open(self) -> None:
        """
        A connection that is not being closed stays open.
        """
        self.clock.advance(3600)

        self.assertFalse(self.transport.disconnecting)
        self.assertEqual(self.clock.getDelayedCalls(), [])
