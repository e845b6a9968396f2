"""
The client: a slow consumer.
"""

import gc

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.client.memory import MemoryServer, Reader
from twisted_sse.client import Lost, Opened, ReadyState
from twisted_sse.client.body import Body
from twisted_sse.errors import EventTooLarge, ReadTimeout
from twisted_sse.events.codec import Decoder
from twisted_sse.events.event import ServerSentEvent

__all__ = ["BodyTests", "SlowConsumerTests"]


def living_events() -> int:
    """
    The number of events that something refers to.
    """
    return sum(isinstance(each, ServerSentEvent) for each in gc.get_objects())


class SlowConsumerTests(SynchronousTestCase):
    """
    A consumer that asks for one event at a time.
    """

    def setUp(self) -> None:
        """
        Open a stream, and take no event.
        """
        self.server = MemoryServer()
        self.source = self.server.source(read_timeout=60.0)
        self.reader = Reader(self.source.signals(), greedy=False)
        self.reader.ask()
        self.server.newest.answer()
        self.assertIsInstance(self.reader.newest, Opened)

    def take(self, count: int) -> None:
        """
        Take *count* signals.
        """
        for _ in range(count):
            self.reader.ask()

    def test_pause(self) -> None:
        """
        Nothing is read while an event waits; after the last one the next read is made.
        """
        exchange = self.server.newest
        exchange.send(b"data: 1\n\ndata: 2\n\n")
        exchange.send(b"data: 3\n\n")
        self.assertEqual(exchange.producerState, "paused")
        self.assertGreater(exchange.unread, 0)

        self.take(1)
        self.assertGreater(exchange.unread, 0)

        self.take(1)
        self.assertEqual(exchange.unread, 0)
        self.take(1)
        self.assertEqual(self.reader.data, ["1", "2", "3"])
        self.assertEqual(exchange.producerState, "producing")

    def test_bound(self) -> None:
        """
        However much the server sends, one read is taken from the socket.
        """
        exchange = self.server.newest
        for _ in range(1000):
            exchange.send(b"data: x\n\n")

        self.assertEqual(exchange.unread, 999 * len(b"9\r\ndata: x\n\n\r\n"))

    def test_fast(self) -> None:
        """
        A consumer that waits for events never pauses the socket.
        """
        self.take(1)

        self.server.newest.send(b"data: 1\n\n")

        self.assertEqual(self.server.newest.producerState, "producing")

    def test_no_silence(self) -> None:
        """
        A slow consumer does not count as the server's silence, whose time then starts over.
        """
        self.server.newest.send(b"data: 1\n\ndata: 2\n\n")
        self.server.clock.advance(1000.0)
        self.take(2)
        self.server.clock.advance(59.9)
        self.assertIs(self.source.ready_state, ReadyState.OPEN)
        self.assertFalse(self.server.newest.lost)

        self.server.clock.advance(0.1)
        self.take(1)
        self.assertIsInstance(self.reader.newest.reason, ReadTimeout)

    def test_loss(self) -> None:
        """
        Events before a loss are delivered before it, and set the ID as they are taken.
        """
        exchange = self.server.newest
        exchange.send(b"id: 1\ndata: a\n\nid: 2\ndata: b\n\n")
        exchange.cut()
        self.take(1)
        self.assertEqual(self.source.last_event_id, "1")
        self.assertIs(self.source.ready_state, ReadyState.OPEN)

        self.take(2)
        self.assertEqual(self.reader.data, ["a", "b"])
        self.assertIsInstance(self.reader.newest, Lost)
        self.assertEqual(len(self.server.exchanges), 1)

        self.take(1)
        self.server.clock.advance(2.0)
        self.assertEqual(self.server.newest.headers["Last-Event-ID"], "2")

    def test_close(self) -> None:
        """
        Closing works while the socket is paused, and discards waiting events.
        """
        self.server.newest.send(b"data: 1\n\ndata: 2\n\n")
        self.take(1)

        self.source.close()
        self.take(1)

        self.assertTrue(self.server.newest.lost)
        self.assertTrue(self.reader.ended)
        self.assertEqual(self.reader.data, ["1"])

    def test_first_read(self) -> None:
        """
        If events come with the headers, one read is taken, too.
        """
        server = MemoryServer()
        reader = Reader(server.source().signals(), greedy=False)
        reader.ask()
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
        server.newest.raw(head + b"data: 1\n\n")
        server.newest.raw(b"data: 2\n\n")

        self.assertEqual(server.newest.producerState, "paused")
        self.assertGreater(server.newest.unread, 0)


class _RecordingTransport:
    """
    Records its method calls.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> object:
        return lambda: self.calls.append(name)


class _EarlyResponse:
    """
    Delivers an event at once, then resumes the transport, as Twisted's responses do.
    """

    def __init__(self, transport: _RecordingTransport) -> None:
        self._transport = transport

    def deliverBody(self, protocol: Body) -> None:
        """
        See `IResponse.deliverBody`.
        """
        protocol.makeConnection(self._transport)  # type: ignore[arg-type]
        protocol.dataReceived(b"data: 1\n\n")
        self._transport.calls.append("resumeProducing")


class BodyTests(SynchronousTestCase):
    """
    The body of a stream.
    """

    def setUp(self) -> None:
        """
        Connect a body.
        """
        self.clock = Clock()
        self.transport = _RecordingTransport()
        self.body = Body(Decoder(), self.clock, 60.0)
        self.body.makeConnection(self.transport)  # type: ignore[arg-type]

    def test_after_pause(self) -> None:
        """
        Data that arrives while paused, as over TLS, is kept.
        """
        self.body.dataReceived(b"data: 1\n\n")
        self.body.dataReceived(b"data: 2\n\n")

        taken = [self.body.take(), self.body.take(), self.body.take()]
        self.assertEqual([block and block.data for block in taken], ["1", "2", None])
        self.assertEqual(self.transport.calls, ["pauseProducing", "resumeProducing"])

    def test_resumed(self) -> None:
        """
        A response that resumes the transport after its first data does not undo the pause.
        """
        body, transport = Body(Decoder(), self.clock, None), self.transport

        body.read(_EarlyResponse(transport))  # type: ignore[arg-type]

        self.assertEqual(transport.calls[-1], "pauseProducing")

    def test_close_tls(self) -> None:
        """
        A TLS connection is closed without waiting for the server's close_notify.
        """
        self.body.close()

        self.assertEqual(self.transport.calls, ["loseConnection", "stopProducing"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_busy(self) -> None:
        """
        Data that is unread at the timeout because the program was busy is not silence.
        """
        self.clock.callLater(60.0, self.body.dataReceived, b":\n\n")

        self.clock.advance(60.0)

        self.assertIsNone(self.body.reason)
        self.assertEqual(self.transport.calls, ["pauseProducing"])

    def test_decompressed(self) -> None:
        """
        A large read, such as a decompressed one, is decoded in slices.
        """
        count = 100_000
        # Other tests may have left some.
        gc.collect()
        before = living_events()
        self.body.dataReceived(b"data:\n\n" * count)
        made = living_events() - before
        self.body.connectionLost()

        self.assertLess(made, 20_000)
        self.assertEqual(len(list(iter(self.body.take, None))), count)

    def test_too_large_behind(self) -> None:
        """
        Events before one that is too large are delivered, wherever the slices end.
        """
        body = Body(Decoder(100_000), self.clock, 60.0)
        body.makeConnection(self.transport)  # type: ignore[arg-type]
        body.dataReceived(b"data: 1\n\ndata: " + b"x" * 200_000 + b"\n\ndata: 2\n\n")

        taken = list(iter(body.take, None))

        self.assertEqual([block.data for block in taken], ["1"])
        self.assertIsInstance(body.reason, EventTooLarge)
        self.assertEqual(self.transport.calls[-2:], ["loseConnection", "stopProducing"])

    def test_after_end(self) -> None:
        """
        Data after the end is ignored, and events that were not taken are gone.
        """
        self.body.dataReceived(b"data: 0\n\n")
        self.body.close()

        self.body.dataReceived(b"data: 1\n\n")

        self.assertIsNone(self.body.take())
