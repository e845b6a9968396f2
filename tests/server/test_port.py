"""
A port as a service: in memory, and once for real.
"""

import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_sse.server.listening import Port

__all__ = ["PortTests", "RealPortTests"]


class TakenReactor(MemoryReactorClock):
    """
    Has no port that is free.
    """

    def listenTCP(self, port: int, *rest: Any, **options: Any) -> Any:
        """
        See `IReactorTCP.listenTCP`.
        """
        raise CannotListenError("", port, OSError(98, "Address already in use"))


def make_port(reactor: Any, description: str = "tcp:8080") -> Port:
    """
    A port that listens for nothing in particular.
    """
    return Port(serverFromString(reactor, description), Factory(), description, 60.0)


class PortTests(SynchronousTestCase):
    """
    On reactors that listen to nothing.
    """

    def test_taken(self) -> None:
        """
        A port that cannot be had ends the program with a sentence that names it.
        """
        port = make_port(TakenReactor())
        with self.assertRaises(SystemExit) as caught:
            port.privilegedStartService()

        sentence = str(caught.exception)
        self.assertTrue(sentence.startswith("twistd sse: --port tcp:8080: "), sentence)
        self.assertIn("Address already in use", sentence)

    def test_number(self) -> None:
        """
        The number is known from when the port listens.
        """
        port = make_port(MemoryReactorClock())
        before = port.number
        port.privilegedStartService()

        self.assertEqual((before, port.number), (None, 8080))

    def test_no_number(self) -> None:
        """
        A UNIX socket has none.
        """
        port = make_port(MemoryReactorClock(), "unix:sse.sock")
        port.privilegedStartService()

        self.assertIsNone(port.number)

    def test_stop_before_start(self) -> None:
        """
        What never listened stops all the same.
        """
        self.successResultOf(make_port(MemoryReactorClock()).stopService())


class RealPortTests(TestCase):
    """
    On the real reactor.
    """

    def test_limits_and_stop(self) -> Deferred[None]:
        """
        It limits its socket, and stops listening when it is stopped.
        """
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        port = Port(endpoint, Factory(), "0", 3.0)
        port.privilegedStartService()
        port.startService()
        listening = port._port.socket  # type: ignore[union-attr] # nothing public has it
        timeout = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        self.assertEqual(timeout, 15_000)

        return port.stopService()
