"""
Listening on endpoints: in memory, and once on a real socket.
"""

import os
import socket
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ServerEndpoint, UNIXServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase, TestCase

from twisted_sse.server.listening import EndpointService, endpoint_for

__all__ = ["EndpointServiceTests", "EndpointTests", "RealEndpointTests"]


class EndpointTests(SynchronousTestCase):
    """
    `endpoint_for`: port numbers and endpoint descriptions.
    """

    def test_number(self) -> None:
        """
        A number listens on all addresses, with a large backlog.
        """
        reactor = MemoryReactorClock()
        factory = Factory()
        self.successResultOf(endpoint_for(reactor, "8080").listen(factory))
        ((port, used, backlog, interface),) = reactor.tcpServers

        self.assertEqual((port, used, backlog), (8080, factory, 4096))
        self.assertEqual(interface, "::" if socket.has_dualstack_ipv6() else "")

    def test_description(self) -> None:
        """
        A description is taken literally.
        """
        reactor = MemoryReactorClock()
        described = endpoint_for(reactor, "tcp:8081:interface=127.0.0.1:backlog=7")
        self.successResultOf(described.listen(Factory()))

        self.assertIsInstance(described, TCP4ServerEndpoint)
        self.assertEqual(reactor.tcpServers[0][2:], (7, "127.0.0.1"))
        self.assertIsInstance(endpoint_for(reactor, "unix:/tmp/x"), UNIXServerEndpoint)

    def test_systemd(self) -> None:
        """
        A socket that systemd has not passed is refused in words.
        """
        for description in ("systemd:domain=INET:name=hub", "systemd:domain=INET:index=0"):
            with self.assertRaisesRegex(ValueError, "systemd has passed no such socket: start"):
                endpoint_for(MemoryReactorClock(), description)

    def test_backlog(self) -> None:
        """
        A description that has no backlog gets ours.
        """
        for description, expected in [
            ("tcp:8081", 4096),
            ("tcp:8081:interface=127.0.0.1", 4096),
            ("tcp:8081:127.0.0.1", 4096),
            ("tcp:8081:127.0.0.1:9", 9),
            (r"tcp6:8081:interface=\:\:1", 4096),
            ("haproxy:tcp:8081", 4096),
            ("haproxy:tcp:8081:backlog=9", 9),
        ]:
            with self.subTest(description=description):
                reactor = MemoryReactorClock()
                self.successResultOf(endpoint_for(reactor, description).listen(Factory()))

                self.assertEqual(reactor.tcpServers[0][2], expected)

    def test_backlog_of_unix(self) -> None:
        """
        So does a UNIX socket.
        """
        for description, expected in [
            ("unix:/tmp/x", 4096),
            ("unix:/tmp/x:mode=660", 4096),
            ("unix:/tmp/x:660:9", 9),
            ("unix:address=/tmp/x:backlog=9", 9),
        ]:
            with self.subTest(description=description):
                reactor = MemoryReactorClock()
                self.successResultOf(endpoint_for(reactor, description).listen(Factory()))

                self.assertEqual(reactor.unixServers[0][2], expected)

    def test_neither(self) -> None:
        """
        Anything else is refused, numbers that are too large and non-ASCII digits included.
        """
        for description in ("", "65536", "-1", "80 80", "٨٠", "²", "nonsense:1", "tcp:http:"):
            with self.subTest(description=description), self.assertRaises(ValueError):
                endpoint_for(MemoryReactorClock(), description)

    def test_highest(self) -> None:
        """
        The highest port number is accepted.
        """
        reactor = MemoryReactorClock()
        self.successResultOf(endpoint_for(reactor, "65535").listen(Factory()))

        self.assertEqual(reactor.tcpServers[0][0], 65535)


class TakenReactor(MemoryReactorClock):
    """
    A reactor that cannot listen.
    """

    def listenTCP(self, port: int, *rest: Any, **options: Any) -> Any:
        """
        See `IReactorTCP.listenTCP`.
        """
        raise CannotListenError("", port, OSError(98, "Address already in use"))


def make_service(reactor: Any, description: str = "tcp:8080") -> EndpointService:
    """
    Make a service for an endpoint, with a factory that does nothing.
    """
    return EndpointService(serverFromString(reactor, description), Factory(), description, 60.0)


class EndpointServiceTests(SynchronousTestCase):
    """
    `EndpointService` on reactors in memory.
    """

    def test_taken(self) -> None:
        """
        If listening fails, the program exits with a sentence that names the option.
        """
        service = make_service(TakenReactor())
        with self.assertRaises(SystemExit) as caught:
            service.privilegedStartService()

        sentence = str(caught.exception)
        self.assertTrue(sentence.startswith("twistd sse: --port tcp:8080: "), sentence)
        self.assertIn("Address already in use", sentence)

    def test_port(self) -> None:
        """
        The port number is known once the service listens.
        """
        service = make_service(MemoryReactorClock())
        before = service.port
        service.privilegedStartService()

        self.assertEqual((before, service.port), (None, 8080))

    def test_no_port(self) -> None:
        """
        A UNIX socket has no port number.
        """
        service = make_service(MemoryReactorClock(), "unix:sse.sock")
        service.privilegedStartService()

        self.assertIsNone(service.port)

    def test_stop_before_start(self) -> None:
        """
        A service that never listened can be stopped.
        """
        self.successResultOf(make_service(MemoryReactorClock()).stopService())


class RealEndpointTests(TestCase):
    """
    `EndpointService` on the real reactor.
    """

    def test_limits_and_stop(self) -> Deferred[None]:
        """
        The listening socket gets the send time-out, and the stop closes it.
        """
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        service = EndpointService(endpoint, Factory(), "0", 3.0)
        service.privilegedStartService()
        service.startService()
        sock = service._port.socket  # type: ignore[union-attr] # no public attribute has it
        timeout = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)
        self.assertEqual(timeout, 15_000)

        return service.stopService()

    def test_held(self) -> Deferred[None]:
        """
        A socket that is only held for others still listens after the stop.
        """
        endpoint = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
        service = EndpointService(endpoint, Factory(), "0", None, held=True)
        service.privilegedStartService()
        service.startService()
        other = socket.socket(fileno=os.dup(service.descriptor))
        self.addCleanup(other.close)

        def check(_: object) -> None:
            self.assertEqual(other.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN), 1)

        return service.stopService().addCallback(check)
