"""
The running hub, asked for its sockets; endpoints and transports are stubs here.
"""

from collections.abc import Sequence
from typing import Any

from twisted.internet.testing import MemoryReactorClock, StringTransportWithDisconnection
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.server.takeover.holder import Holder, Several, _Taking
from twisted_sse.server.takeover.messages import READY, Answer, Request, read_answer

__all__ = ["HolderTests"]


class StubEndpoint:
    """
    Records what happens to it.
    """

    description = "8080"
    descriptor = 42
    accepts = True
    given = False

    def pause(self) -> None:
        """
        See `EndpointService.pause`.
        """
        self.accepts = False

    def resume(self) -> None:
        """
        See `EndpointService.resume`.
        """
        self.accepts = True

    def give_away(self) -> None:
        """
        See `EndpointService.give_away`.
        """
        self.given = True


class StoppingReactor(MemoryReactorClock):
    """
    Counts its stops.
    """

    stops = 0

    def __init__(self) -> None:
        super().__init__()
        self.running = True

    def stop(self) -> None:
        """
        See `IReactorCore.stop`.
        """
        self.stops += 1


class SocketTransport(StringTransportWithDisconnection):
    """
    Records the descriptors that were sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.descriptors: list[int] = []

    def sendFileDescriptor(self, descriptor: int) -> None:
        """
        See `IUNIXTransport.sendFileDescriptor`.
        """
        self.descriptors.append(descriptor)


class HolderTests(SynchronousTestCase):
    """
    `Holder`.
    """

    def make(self, shared: bool) -> None:
        """
        Make a holder that runs, without its socket.
        """
        self.endpoint = StubEndpoint()
        endpoints: Any = [self.endpoint]
        self.reactor = StoppingReactor()
        self.holder = Holder(
            "/nowhere",
            endpoints,
            Several(endpoints),
            shared=shared,
            grace=8.0,
            reactor=self.reactor,
        )
        self.holder.running = True

    def ask(self, *lines: bytes) -> tuple[Any, SocketTransport]:
        """
        Connect, and send *lines*.
        """
        taking: Any = _Taking()
        taking.factory = self
        transport = SocketTransport()
        transport.protocol = taking
        taking.makeConnection(transport)
        for line in lines:
            taking.dataReceived(line)
        return taking, transport

    def answer_of(self, transport: SocketTransport) -> Answer:
        """
        What was answered.
        """
        return read_answer(transport.value())

    def test_shared(self) -> None:
        """
        With a shared history, the hub ends when the other one is ready.
        """
        self.make(True)
        taking, transport = self.ask(Request(True).encode())
        self.reactor.advance(0)

        self.assertEqual(self.answer_of(transport), Answer(["8080"], 0.0))
        self.assertEqual(transport.descriptors, [42])
        self.assertEqual((self.endpoint.accepts, self.endpoint.given), (False, False))
        self.assertEqual(self.reactor.stops, 0)

        taking.dataReceived(READY)
        self.reactor.advance(0)

        self.assertEqual((self.endpoint.given, self.reactor.stops), (True, 1))

    def test_own_history(self) -> None:
        """
        With histories of their own, the hub ends first, and says how long that may take.
        """
        self.make(False)
        _, transport = self.ask(Request(False).encode())
        self.reactor.advance(0)

        self.assertEqual(self.answer_of(transport).wait, 38.0)
        self.assertEqual((self.endpoint.given, self.reactor.stops), (True, 1))
        self.assertTrue(transport.connected)

    def test_another_store(self) -> None:
        """
        If one of the two histories is shared, they do not exclude each other.
        """
        for mine, other in [(True, False), (False, True)]:
            self.make(mine)
            _, transport = self.ask(Request(other).encode())

            self.assertEqual(self.answer_of(transport).wait, 0.0)

    def test_dies(self) -> None:
        """
        If the other one dies before it is ready, the hub goes on, and another may come.
        """
        self.make(True)
        _, transport = self.ask(Request(True).encode())

        with capturedLogs() as logged:
            transport.loseConnection()

        self.assertTrue(self.endpoint.accepts)
        self.assertIn("so this hub goes on", formatEvent(logged[0]))
        self.assertEqual(self.answer_of(self.ask(Request(True).encode())[1]).refusal, "")

    def test_leaving(self) -> None:
        """
        After it was ready, its end changes nothing.
        """
        self.make(True)
        taking, transport = self.ask(Request(True).encode())
        taking.dataReceived(READY)

        transport.loseConnection()

        self.assertFalse(self.endpoint.accepts)

    def assert_refused(self, transport: SocketTransport, reason: str) -> None:
        """
        Assert that nothing was given, and that the connection is closed.
        """
        self.assertIn(reason, self.answer_of(transport).refusal)
        self.assertEqual(transport.descriptors, [])
        self.assertFalse(transport.connected)

    def test_two(self) -> None:
        """
        One process after the other.
        """
        self.make(True)
        self.ask(Request(True).encode())

        self.assert_refused(self.ask(Request(True).encode())[1], "another process is taking over")

    def test_nonsense(self) -> None:
        """
        Who says something else gets nothing, and the hub goes on.
        """
        lines: Sequence[tuple[bytes, str]] = [
            (b"GET / HTTP/1.1\n", "Expecting value"),
            (b'{"version": 7}\n', "speaks version 1"),
        ]
        for line, reason in lines:
            self.make(True)
            self.assert_refused(self.ask(line)[1], reason)
            self.assertTrue(self.endpoint.accepts)

    def test_early_ready(self) -> None:
        """
        Who has no sockets cannot end the hub.
        """
        self.make(True)
        self.ask(READY, READY)
        self.reactor.advance(0)

        self.assertEqual(self.reactor.stops, 0)
