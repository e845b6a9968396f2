"""
The network in memory, which must behave like sockets.
"""

import gc
import weakref
from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import (
    ConnectionAborted,
    ConnectionDone,
    ConnectionLost,
    ConnectionRefusedError,
)
from twisted.internet.interfaces import IConsumer, IPushProducer, ITransport
from twisted.internet.protocol import Factory
from twisted.internet.task import Clock
from twisted.internet.testing import AccumulatingProtocol
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import URI
from zope.interface.verify import verifyObject

from twisted_sse.testing.streams.network import MemoryNetwork

__all__ = ["ClosingTests", "ProducerTests", "TransportTests"]

ROOM = 10


class Producer:
    """
    Records the calls of its methods, and writes when it is resumed.
    """

    def __init__(self, transport: Any, *pieces: bytes) -> None:
        self.transport = transport
        self.pieces = list(pieces)
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        """
        See `IPushProducer.pauseProducing`.
        """
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        """
        See `IPushProducer.resumeProducing`.
        """
        self.calls.append("resume")
        if self.pieces:
            self.transport.write(self.pieces.pop(0))

    def stopProducing(self) -> None:
        """
        See `IProducer.stopProducing`.
        """
        self.calls.append("stop")


class Accumulating(Factory):
    """
    Makes protocols that record their data.
    """

    protocol = AccumulatingProtocol
    protocolConnectionMade = None


class PairTests(SynchronousTestCase):
    """
    Two protocols on a network with buffers of ten bytes.
    """

    def setUp(self) -> None:
        """
        Connect them.
        """
        self.clock = Clock()
        self.network = MemoryNetwork(Accumulating(), self.clock, ROOM)
        endpoint = self.network.endpointForURI(URI.fromBytes(b"http://a/"))
        self.client: Any = self.successResultOf(endpoint.connect(Accumulating()))
        self.server: Any = self.client.transport._other._protocol

    def turn(self) -> None:
        """
        Run everything that needs no time.
        """
        self.network.settle()


class TransportTests(PairTests):
    """
    The transfer of bytes.
    """

    def test_interfaces(self) -> None:
        """
        A transport provides ITransport, IConsumer and IPushProducer.
        """
        for interface in (ITransport, IConsumer, IPushProducer):
            self.assertTrue(verifyObject(interface, self.client.transport))

    def test_addresses(self) -> None:
        """
        Each end knows the other's address.
        """
        address = self.client.transport.getHost()

        self.assertIsInstance(address, IPv4Address)
        self.assertEqual(self.server.transport.getPeer(), address)
        self.assertEqual(self.client.transport.getPeer(), self.server.transport.getHost())

    def test_not_at_once(self) -> None:
        """
        Written bytes arrive in a call of the clock, not within the write.
        """
        self.client.transport.write(b"abc")
        before = self.server.data

        self.turn()

        self.assertEqual((before, self.server.data), (b"", b"abc"))

    def test_order(self) -> None:
        """
        More data than the buffers hold arrives in order, in both directions.
        """
        data = bytes(range(256))
        self.client.transport.write(data)
        self.server.transport.writeSequence([data[:100], data[100:]])

        self.turn()

        self.assertEqual((self.server.data, self.client.data), (data, data))

    def test_turn_in_a_turn(self) -> None:
        """
        A protocol that advances the clock within `dataReceived` receives nothing meanwhile.
        """
        begun: list[bytes] = []
        done: list[bytes] = []

        def receive(data: bytes) -> None:
            begun.append(data)
            self.turn()
            done.append(data)

        self.server.dataReceived = receive
        self.client.transport.write(b"x" * ROOM + b"y" * 5)
        self.turn()

        self.assertEqual(begun, [b"x" * ROOM, b"y" * 5])
        self.assertEqual(done, begun)

    def test_not_reading(self) -> None:
        """
        A paused reader receives nothing, and later everything.
        """
        self.server.transport.pauseProducing()
        self.client.transport.write(b"x" * 30)
        self.turn()
        before = self.server.data

        self.server.transport.resumeProducing()
        self.turn()

        self.assertEqual((before, self.server.data), (b"", b"x" * 30))


class ProducerTests(PairTests):
    """
    Producers that are paused.
    """

    def setUp(self) -> None:
        """
        Pause the client.
        """
        super().setUp()
        self.client.transport.pauseProducing()

    def test_push(self) -> None:
        """
        A producer is paused when the buffer is full, and resumed when everything is sent.
        """
        producer = Producer(self.server.transport)
        self.server.transport.registerProducer(producer, True)
        self.server.transport.write(b"x" * ROOM)
        full = list(producer.calls)
        self.server.transport.write(b"y")
        self.server.transport.write(b"z")
        self.turn()
        over = list(producer.calls)

        self.client.transport.resumeProducing()
        self.turn()

        self.assertEqual((full, over, producer.calls), ([], ["pause"], ["pause", "resume"]))
        self.assertEqual(self.client.data, b"x" * ROOM + b"yz")

    def test_pull(self) -> None:
        """
        A pull producer is resumed for each piece when the previous one is sent.
        """
        producer = Producer(self.server.transport, b"a" * 15, b"b", b"c")
        self.server.transport.registerProducer(producer, False)
        self.turn()
        before = list(producer.calls)

        self.client.transport.resumeProducing()
        self.turn()

        self.assertEqual((before, producer.pieces), (["resume"], []))
        self.assertEqual(self.client.data, b"a" * 15 + b"bc")

    def test_pull_at_the_end(self) -> None:
        """
        A connection is not closed before a pull producer that was resumed has written.
        """
        self.server.transport.registerProducer(Producer(self.server.transport), False)
        self.server.transport.loseConnection()
        self.client.transport.resumeProducing()
        self.turn()
        before = self.client.closed
        self.server.transport.write(b"last")
        self.server.transport.unregisterProducer()
        self.turn()

        self.assertEqual((before, self.client.closed), (0, 1))
        self.assertEqual(self.client.data, b"last")

    def test_one_at_a_time(self) -> None:
        """
        Registering a second producer raises RuntimeError.
        """
        self.server.transport.registerProducer(Producer(None), True)

        with self.assertRaises(RuntimeError):
            self.server.transport.registerProducer(Producer(None), True)

    def test_unregistered(self) -> None:
        """
        A producer that is not registered any more is not called.
        """
        producer = Producer(self.server.transport)
        self.server.transport.registerProducer(producer, True)
        self.server.transport.write(b"x" * 30)
        self.server.transport.unregisterProducer()
        self.client.transport.resumeProducing()
        self.turn()

        self.assertEqual(producer.calls, ["pause"])

    def test_stopped(self) -> None:
        """
        A producer is stopped when its connection is lost; a later one is stopped at once.
        """
        first, second = Producer(self.server.transport), Producer(self.server.transport)
        self.server.transport.registerProducer(first, True)
        self.client.transport.abortConnection()
        self.turn()
        self.server.transport.registerProducer(second, True)

        self.assertEqual((first.calls, second.calls), (["stop"], ["stop"]))


class ClosingTests(PairTests):
    """
    Connections that end.
    """

    def test_lose(self) -> None:
        """
        Written bytes arrive before the end.
        """
        self.server.transport.write(b"x" * 30)
        self.server.transport.loseConnection()
        self.turn()

        self.assertEqual(self.client.data, b"x" * 30)
        self.assertIsInstance(self.client.closedReason.value, ConnectionDone)
        self.assertIsInstance(self.server.closedReason.value, ConnectionDone)

    def test_lose_unread(self) -> None:
        """
        A paused reader does not see the end, and the writer waits until it has written everything.
        """
        self.client.transport.pauseProducing()
        self.server.transport.write(b"x" * 30)
        self.server.transport.loseConnection()
        self.turn()

        self.assertEqual((self.client.closed, self.server.closed), (0, 0))

    def test_stop(self) -> None:
        """
        `stopProducing` of a transport closes the connection.
        """
        self.client.transport.stopProducing()
        self.turn()

        self.assertIsInstance(self.client.closedReason.value, ConnectionDone)

    def test_abort(self) -> None:
        """
        After an abort the other end loses its connection, even while paused; nothing more arrives.
        """
        self.client.transport.pauseProducing()
        self.server.transport.write(b"x" * 30)
        self.server.transport.abortConnection()
        self.server.transport.write(b"y")
        self.turn()

        self.assertEqual(self.client.data, b"")
        self.assertIsInstance(self.client.closedReason.value, ConnectionLost)
        self.assertIsInstance(self.server.closedReason.value, ConnectionAborted)

    def test_write_to_the_gone(self) -> None:
        """
        Writing to a closed connection loses it, even while paused.
        """
        self.server.transport.pauseProducing()
        self.client.transport.loseConnection()
        self.turn()
        before = self.server.closed

        self.server.transport.write(b"x")
        self.turn()

        self.assertEqual(before, 0)
        self.assertIsInstance(self.server.closedReason.value, ConnectionLost)

    def test_after_the_end(self) -> None:
        """
        Calls after the connection is lost have no effect.
        """
        self.client.transport.loseConnection()
        self.turn()

        self.client.transport.write(b"x")
        self.client.transport.loseConnection()
        self.client.transport.abortConnection()
        self.turn()

        self.assertEqual((self.client.closed, self.server.closed), (1, 1))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_forgotten(self) -> None:
        """
        A closed connection is garbage-collected.
        """
        ends = [weakref.ref(end.transport) for end in (self.client, self.server)]
        self.client.transport.loseConnection()
        self.turn()
        del self.client, self.server
        gc.collect()

        self.assertEqual([end() for end in ends], [None, None])

    def test_failing_protocol(self) -> None:
        """
        If a protocol fails, the error is logged and the connection aborted, as by the reactor.
        """
        self.server.dataReceived = lambda data: 1 / 0
        self.client.transport.write(b"x")
        self.turn()

        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual((self.client.closed, self.server.closed), (1, 1))

    def test_no_protocol(self) -> None:
        """
        A factory that makes no protocol refuses the connection.
        """

        class Refusing(Factory):
            def buildProtocol(self, address: object) -> None:
                return None

        network = MemoryNetwork(Refusing(), self.clock, ROOM)
        endpoint = network.endpointForURI(URI.fromBytes(b"http://a/"))
        connecting = endpoint.connect(Accumulating())

        self.failureResultOf(connecting, ConnectionRefusedError)
