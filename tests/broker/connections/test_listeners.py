"""
Who hears of connections, when, and what is sent to one of them alone.
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
from twisted_sse.transport.sinks.sink import Stream

__all__ = ["DurationTests", "ListenerTests", "PushTests", "WireTests"]

HELLO = ServerSentEvent("hello", event="greeting")


class PatientSink(MemorySink):
    """
    Has room only after the response's first bytes have left, as a socket has.
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
        A hub, and notes of what its listeners hear.
        """
        self.hub, self.clock = make_hub()
        self.heard: list[tuple[Connection, EndReason | None]] = []

    def connected(self, connection: Connection) -> None:
        """
        Listen to who comes.
        """
        self.heard.append((connection, None))

    def disconnected(self, connection: Connection, reason: EndReason) -> None:
        """
        Listen to who goes.
        """
        self.heard.append((connection, reason))

    def listen(self) -> None:
        """
        Hear of everybody.
        """
        self.hub.on_connect(self.connected)
        self.hub.on_disconnect(self.disconnected)

    def test_once_each(self) -> None:
        """
        A connection is told of when it begins, and once more when it ends, with the reason.
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
        Who leaves before the stream has begun is not told of at all.
        """
        history = SlowHistory(MemoryHistory())
        self.hub, self.clock = make_hub(history)
        self.listen()
        searching = Subscriber(self.hub, "a", last_event_id="unknown")
        waiting = Subscriber(self.hub, "a", sink=PatientSink())
        self.clock.advance(0)
        searching.leave()
        waiting.leave()
        history.answer_next()

        self.assertEqual(self.heard, [])

    def test_first_bytes(self) -> None:
        """
        A stream has begun when its first bytes have left.
        """
        self.listen()
        subscriber = Subscriber(self.hub, "a", sink=PatientSink())
        self.assertEqual(self.heard, [])
        subscriber.sink.make_room(1000)

        self.assertEqual(self.heard, [(subscriber.connection, None)])

    def test_cut(self) -> None:
        """
        One that was cut before has not begun, even if its transport has room then.
        """
        self.listen()
        subscriber = Subscriber(self.hub, "a", sink=PatientSink())
        subscriber.connection.abort(EndReason.SEND_TIMEOUT)
        subscriber.sink.make_room(1000)

        self.assertEqual(self.heard, [])

    def test_out_of_the_registry(self) -> None:
        """
        Who has ended is not in the registry any more when its end is told.
        """
        counts: list[int] = []
        self.hub.on_disconnect(lambda connection, reason: counts.append(len(self.hub.connections)))
        Subscriber(self.hub, "a")
        Subscriber(self.hub, "a").leave()

        self.assertEqual(counts, [1])

    def test_failing(self) -> None:
        """
        What goes wrong in a listener is logged, at once or later, and harms nobody.
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
        Nobody waits for a listener that takes its time.
        """
        self.hub.on_connect(lambda connection: Deferred())
        self.listen()
        subscriber = Subscriber(self.hub, "a")

        self.assertEqual(self.heard, [(subscriber.connection, None)])

    def test_closed_by_a_listener(self) -> None:
        """
        If a listener ends a connection, all hear of its beginning before they hear of its end.
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
        They decorate functions, which stay what they were.
        """

        @self.hub.on_connect
        def connected(connection: Connection) -> None:
            self.heard.append((connection, None))

        subscriber = Subscriber(self.hub, "a")
        connected(subscriber.connection)

        self.assertEqual(self.heard, [(subscriber.connection, None)] * 2)

    def test_removed(self) -> None:
        """
        Who does not listen any more hears nothing, and may be removed again.
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
        It grows until the connection has ended.
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
        Have *data* sent.
        """
        self.hub.publish("a", data)
        self.clock.advance(0)

    def test_one(self) -> None:
        """
        One subscriber gets it, in order with what is published, and no position moves.
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
        Who comes back does not get what was pushed.
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
        A reader that is full gets nothing pushed, nothing is queued, and later it works again.
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

    def test_torn(self) -> None:
        """
        What the network takes in two parts arrives as one, before what is published next.
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
        Before the stream has begun, and after it has ended, nothing is written.
        """
        early = Subscriber(self.hub, "a", sink=PatientSink())
        self.assertFalse(early.connection.push(HELLO))
        self.ann.connection.close()
        self.assertFalse(self.ann.connection.push(HELLO))

        self.assertEqual((early.data, self.ann.data), ([], []))

    def test_welcome(self) -> None:
        """
        A listener that hears of a stream's beginning can push to it, before what was missed.
        """
        self.publish("1")
        self.hub.on_connect(lambda connection: connection.push(HELLO))
        returning = Subscriber(self.hub, "a", last_event_id="earliest")
        self.clock.advance(0)

        self.assertEqual(returning.data, ["hello", "1"])


class WireTests(SynchronousTestCase):
    """
    The same over the socket of a plain HTTP/1.1 connection.
    """

    def setUp(self) -> None:
        """
        A hub that is served.
        """
        self.clock = FDClock()
        self.hub = Hub(reactor=self.clock, keepalive=None)

    def ask(self) -> Wire:
        """
        Send a request for a stream.
        """
        site = Site(self.hub.subscribe("a"), reactor=self.clock)
        wire = Wire(self.clock, site.buildProtocol(None))
        self.addCleanup(wire.close)
        wire.client.sendall(b"GET / HTTP/1.1\r\nHost: hub.example\r\n\r\n")
        return wire

    def test_welcome(self) -> None:
        """
        What is pushed when a stream begins follows what every stream begins with.
        """
        pushed: list[bool] = []
        self.hub.on_connect(lambda connection: pushed.append(connection.push(HELLO)))
        wire = self.ask()
        wire.run_until(lambda: b"greeting" in wire.received)

        self.assertEqual(pushed, [True])
        self.assertLess(wire.received.index(b"stream-open"), wire.received.index(b"greeting"))

    def test_closed_by_a_listener(self) -> None:
        """
        A stream that a listener ends at its beginning ends in good order.
        """
        self.hub.on_connect(lambda connection: connection.close(HELLO))
        wire = self.ask()
        wire.run_until(lambda: wire.received.endswith(b"0\r\n\r\n"))

        self.assertIn(b"event: greeting", wire.received)
        self.assertEqual(len(self.hub.connections), 0)
