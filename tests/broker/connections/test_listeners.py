"""
What listeners are told of connections, and events pushed to one connection.
"""

from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.server import Site

from tests.support.history import SlowHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.sinks import MemorySink
from tests.support.wires import FDClock, Wire
from twisted_sse import Hub, ServerSentEvent
from twisted_sse.broker.connections.connection import Connection
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.errors import InvalidEvent
from twisted_sse.history import MemoryHistory
from twisted_sse.transport.sink import Stream

__all__ = ["DurationTests", "ListenerTests", "PushTests", "SocketTests"]

HELLO = ServerSentEvent("hello", event="greeting")


class DelayedSink(MemorySink):
    """
    Has room only after the first bytes of the response were sent, as a socket has.
    """

    def open(self, stream: Stream) -> None:
        """
        See `Sink.open`.
        """
        self._stream = stream


class ListenerTests(SynchronousTestCase):
    """
    `Hub.on_connect` and `Hub.on_disconnect`.
    """

    def setUp(self) -> None:
        """
        A hub, and a list of what its listeners are told.
        """
        self.hub, self.clock = make_hub()
        self.heard: list[tuple[Connection, EndReason | None]] = []

    def connected(self, connection: Connection) -> None:
        """
        Record a connection.
        """
        self.heard.append((connection, None))

    def disconnected(self, connection: Connection, reason: EndReason) -> None:
        """
        Record a disconnection.
        """
        self.heard.append((connection, reason))

    def listen(self) -> None:
        """
        Register both listeners.
        """
        self.hub.on_connect(self.connected)
        self.hub.on_disconnect(self.disconnected)

    def test_once_each(self) -> None:
        """
        Listeners are told once when a connection begins, and once when it ends, with the reason.
        """
        self.listen()
        ann, bob = Subscriber(self.hub, "a"), Subscriber(self.hub, "a")
        ann.sink.pause()
        ann.sink.make_room(1)
        ann.leave()
        ann.leave()
        bob.connection.close()

        expected = [
            (ann.connection, None),
            (bob.connection, None),
            (ann.connection, EndReason.GONE),
            (bob.connection, EndReason.CLOSED),
        ]
        self.assertEqual(self.heard, expected)

    def test_not_begun(self) -> None:
        """
        Listeners are not told of a connection that ends before its stream begins.
        """
        history = SlowHistory(MemoryHistory())
        self.hub, self.clock = make_hub(history)
        self.listen()
        searching = Subscriber(self.hub, "a", last_event_id="unknown")
        waiting = Subscriber(self.hub, "a", sink=DelayedSink())
        self.clock.advance(0)
        searching.leave()
        waiting.leave()
        history.answer_next()

        self.assertEqual(self.heard, [])

    def test_first_bytes(self) -> None:
        """
        A stream has begun when its first bytes were sent.
        """
        self.listen()
        subscriber = Subscriber(self.hub, "a", sink=DelayedSink())
        self.assertEqual(self.heard, [])
        subscriber.sink.make_room(1000)

        self.assertEqual(self.heard, [(subscriber.connection, None)])

    def test_aborted(self) -> None:
        """
        A stream aborted before its first bytes has not begun, even if its transport has room later.
        """
        self.listen()
        subscriber = Subscriber(self.hub, "a", sink=DelayedSink())
        subscriber.connection.abort(EndReason.SEND_TIMEOUT)
        subscriber.sink.make_room(1000)

        self.assertEqual(self.heard, [])

    def test_out_of_the_registry(self) -> None:
        """
        An ended connection is out of the registry before its listeners are told.
        """
        counts: list[int] = []
        self.hub.on_disconnect(lambda connection, reason: counts.append(len(self.hub.connections)))
        Subscriber(self.hub, "a")
        Subscriber(self.hub, "a").leave()

        self.assertEqual(counts, [1])

    def test_failing(self) -> None:
        """
        An error in a listener, immediate or later, is logged and affects nothing else.
        """

        async def later(connection: Connection) -> None:
            raise KeyError(connection)

        self.hub.on_connect(lambda connection: 1 / 0)
        self.hub.on_connect(lambda connection: fail(OSError("away")))
        self.hub.on_connect(later)
        self.listen()
        subscriber = Subscriber(self.hub, "a")
        self.hub.publish("a", "1")
        self.clock.advance(0)

        self.assertEqual(self.heard, [(subscriber.connection, None)])
        self.assertEqual(subscriber.data, ["1"])
        for error in (ZeroDivisionError, OSError, KeyError):
            self.assertEqual(len(self.flushLoggedErrors(error)), 1)

    def test_not_waited_for(self) -> None:
        """
        The hub does not wait for a listener's Deferred.
        """
        self.hub.on_connect(lambda connection: Deferred())
        self.listen()
        subscriber = Subscriber(self.hub, "a")

        self.assertEqual(self.heard, [(subscriber.connection, None)])

    def test_closed_by_a_listener(self) -> None:
        """
        If a listener ends a connection, all listeners hear of its beginning before its end.
        """
        self.hub.on_connect(lambda connection: connection.close(HELLO))
        self.listen()
        subscriber = Subscriber(self.hub, "a")

        connection = subscriber.connection
        self.assertEqual(self.heard, [(connection, None), (connection, EndReason.CLOSED)])
        self.assertEqual(subscriber.sink.events, [HELLO])
        self.assertTrue(subscriber.sink.finished)

    def test_decorator(self) -> None:
        """
        `on_connect` decorates functions and returns them unchanged.
        """

        @self.hub.on_connect
        def connected(connection: Connection) -> None:
            self.heard.append((connection, None))

        subscriber = Subscriber(self.hub, "a")
        connected(subscriber.connection)

        self.assertEqual(self.heard, [(subscriber.connection, None)] * 2)

    def test_removed(self) -> None:
        """
        A removed listener is not called, and removing it again is allowed.
        """
        self.listen()
        for _ in range(2):
            self.hub.remove_listener(self.connected)
        subscriber = Subscriber(self.hub, "a")
        subscriber.leave()

        self.assertEqual(self.heard, [(subscriber.connection, EndReason.GONE)])


class DurationTests(SynchronousTestCase):
    """
    `Connection.duration`.
    """

    def test_duration(self) -> None:
        """
        The duration grows until the connection has ended.
        """
        hub, clock = make_hub(send_timeout=None)
        clock.advance(5)
        subscriber = Subscriber(hub, "a")
        clock.advance(2.5)
        self.assertEqual(subscriber.connection.duration, 2.5)
        subscriber.leave()
        clock.advance(10)

        self.assertEqual(subscriber.connection.duration, 2.5)


class PushTests(SynchronousTestCase):
    """
    `Connection.push`.
    """

    def setUp(self) -> None:
        """
        A hub and two subscribers.
        """
        self.hub, self.clock = make_hub()
        self.ann, self.bob = Subscriber(self.hub, "a"), Subscriber(self.hub, "a")
        self.clock.advance(0)

    def publish(self, data: str) -> None:
        """
        Publish *data*, and send it.
        """
        self.hub.publish("a", data)
        self.clock.advance(0)

    def test_one(self) -> None:
        """
        One subscriber gets the event, in order with published ones, and its position stays.
        """
        self.publish("1")
        before = self.ann.connection.position
        pushed = self.ann.connection.push(HELLO)
        self.assertEqual(self.ann.connection.position, before)
        self.publish("2")

        self.assertTrue(pushed)
        self.assertEqual(self.ann.data, ["1", "hello", "2"])
        self.assertEqual(self.bob.data, ["1", "2"])

    def test_not_kept(self) -> None:
        """
        A pushed event is not replayed.
        """
        self.ann.connection.push(HELLO)
        self.publish("1")
        returning = Subscriber(self.hub, "a", last_event_id="earliest")
        self.clock.advance(0)

        self.assertEqual(returning.data, ["1"])

    def test_id(self) -> None:
        """
        An event with an ID is refused, and nothing is written.
        """
        event = ServerSentEvent("hello", id="1")

        self.assertRaises(InvalidEvent, self.ann.connection.push, event)
        self.assertEqual(self.ann.data, [])

    def test_slow(self) -> None:
        """
        A full connection gets nothing pushed and queues nothing; pushing works again later.
        """
        connection, sink = self.ann.connection, self.ann.sink
        sink.room = 0
        self.publish("1")
        spilled = sink.spilled
        self.assertFalse(connection.push(HELLO))
        self.assertEqual(sink.spilled, spilled)
        sink.make_room(1000)
        self.clock.advance(0)

        self.assertTrue(connection.push(HELLO))
        self.assertEqual(self.ann.data, ["1", "hello"])

    def test_split(self) -> None:
        """
        An event sent in two parts arrives whole, before what is published next.
        """
        connection, sink = self.ann.connection, self.ann.sink
        sink.room = 5
        self.assertTrue(connection.push(HELLO))
        self.assertFalse(connection.push(HELLO))
        self.publish("1")
        sink.make_room(1000)
        self.clock.advance(0)

        self.assertEqual(self.ann.data, ["hello", "1"])

    def test_not_open(self) -> None:
        """
        Nothing is written before the stream has begun, nor after it has ended.
        """
        early = Subscriber(self.hub, "a", sink=DelayedSink())
        self.assertFalse(early.connection.push(HELLO))
        self.ann.connection.close()
        self.assertFalse(self.ann.connection.push(HELLO))

        self.assertEqual((early.data, self.ann.data), ([], []))

    def test_welcome(self) -> None:
        """
        A listener can push to a stream when it begins, before missed events are replayed.
        """
        self.publish("1")
        self.hub.on_connect(lambda connection: connection.push(HELLO))
        returning = Subscriber(self.hub, "a", last_event_id="earliest")
        self.clock.advance(0)

        self.assertEqual(returning.data, ["hello", "1"])


class SocketTests(SynchronousTestCase):
    """
    The same over the socket of an HTTP/1.1 connection.
    """

    def setUp(self) -> None:
        """
        A hub with a site.
        """
        self.clock = FDClock()
        self.hub = Hub(reactor=self.clock, keepalive=None)

    def ask(self) -> Wire:
        """
        Request a stream.
        """
        site = Site(self.hub.subscribe("a"), reactor=self.clock)
        wire = Wire(self.clock, site.buildProtocol(None))
        self.addCleanup(wire.close)
        wire.client.sendall(b"GET / HTTP/1.1\r\nHost: hub.example\r\n\r\n")
        return wire

    def test_welcome(self) -> None:
        """
        An event pushed when the stream begins follows the stream's first blocks.
        """
        pushed: list[bool] = []
        self.hub.on_connect(lambda connection: pushed.append(connection.push(HELLO)))
        wire = self.ask()
        wire.run_until(lambda: b"greeting" in wire.received)

        self.assertEqual(pushed, [True])
        self.assertLess(wire.received.index(b"stream-open"), wire.received.index(b"greeting"))

    def test_closed_by_a_listener(self) -> None:
        """
        A stream that a listener ends when it begins ends in good order.
        """
        self.hub.on_connect(lambda connection: connection.close(HELLO))
        wire = self.ask()
        wire.run_until(lambda: wire.received.endswith(b"0\r\n\r\n"))

        self.assertIn(b"event: greeting", wire.received)
        self.assertEqual(len(self.hub.connections), 0)
