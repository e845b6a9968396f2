"""
Where the hub on its own listens.
"""

import socket

from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.listening import endpoint_for

__all__ = ["EndpointTests"]


class EndpointTests(SynchronousTestCase):
    """
    Numbers and descriptions.
    """

    def test_number(self) -> None:
        """
        A number listens on every address, with room for a crowd that comes back.
        """
        reactor = MemoryReactorClock()
        factory = Factory()
        self.successResultOf(endpoint_for(reactor, "8080").listen(factory))
        ((port, used, backlog, interface),) = reactor.tcpServers

        self.assertEqual((port, used, backlog), (8080, factory, 4096))
        self.assertEqual(interface, "::" if socket.has_dualstack_ipv6() else "")

    def test_description(self) -> None:
        """
        A description is taken as it is.
        """
        reactor = MemoryReactorClock()
        described = endpoint_for(reactor, "tcp:8081:interface=127.0.0.1:backlog=7")
        self.successResultOf(described.listen(Factory()))

        self.assertIsInstance(described, TCP4ServerEndpoint)
        self.assertEqual(reactor.tcpServers[0][2:], (7, "127.0.0.1"))
        self.assertIsInstance(endpoint_for(reactor, "unix:/tmp/x"), UNIXServerEndpoint)

    def test_neither(self) -> None:
        """
        What is neither is refused, numbers of no port and other scripts' digits included.
        """
        for description in ("", "65536", "-1", "80 80", "٨٠", "²", "nonsense:1", "tcp:http:"):
            with self.subTest(description=description), self.assertRaises(ValueError):
                endpoint_for(MemoryReactorClock(), description)

    def test_highest(self) -> None:
        """
        The highest port is one.
        """
        reactor = MemoryReactorClock()
        self.successResultOf(endpoint_for(reactor, "65535").listen(Factory()))

        self.assertEqual(reactor.tcpServers[0][0], 65535)
