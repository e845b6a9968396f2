"""
One open event stream: its state, its back pressure, and its single end.
"""

import contextlib

from twisted.trial.unittest import SynchronousTestCase

from tests.support.hubs import ADDRESS, Subscriber, make_hub
from tests.support.members import RecordingSink
from tests.support.orders import EVERYTHING, Order
from tests.support.sinks import MemorySink
from twisted_sse import Grant
from twisted_sse.broker.audiences.audience import Audience
from twisted_sse.broker.audiences.representation import PLAIN
from twisted_sse.broker.connections.connection import Connection, ConnectionObserver
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Position
from twisted_sse.topics import Selection
from twisted_sse.transport.framing import chunked, raw

__all__ = ["AttachTests", "BlockingTests", "DismissTests", "EndTests", "StateTests"]

FINAL = ServerSentEvent("bye")


class BrokenSink(MemorySink):
    """
    Raises at the end, as an aborted HTTP/2 stream does.
    """

    def spill(self, rest: bytes) -> None:
        """
        See `Sink.spill`.
        """
        raise KeyError(11)

    def finish(self) -> None:
        """
        See `Sink.finish`.
        """
        raise KeyError(11)


class ObservedConnection:
    """
    A connection, and the calls it has made to its observer.
    """

    def __init__(self, sink: MemorySink | None = None) -> None:
        self.calls: list[str] = []
        self.now = 5.0
        self.order = Order()
        self.sink = MemorySink() if sink is None else sink
        self.audience = Audience(EVERYTHING, PLAIN, self.sink.framing, self.order.window)
        observer = ConnectionObserver(
            resume=lambda connection: self.calls.append("resume"),
            blocked=lambda connection: self.calls.append("blocked"),
            unblocked=lambda connection: self.calls.append("unblocked"),
            ended=lambda connection, reason: self.calls.append(f"ended {reason.value}"),
            lag=self.order.window.count_after,
            seconds=lambda: self.now,
            name=str,
        )
        self.connection = Connection(observer, self.audience, self.sink, "ada", ADDRESS)

    def open(self) -> None:
        """
        Begin the stream.
        """
        self.connection.open(Position(0, "e-0"), None)


class StateTests(SynchronousTestCase):
    """
    What applications see of a connection.
    """

    def test_attributes(self) -> None:
        """
        It has a user, an address, a start time and topics.
        """
        hub, clock = make_hub()
        clock.advance(7)
        subscriber = Subscriber(hub, "a", "b", grant=Grant("ada", public=True))
        connection = subscriber.connection

        self.assertEqual((connection.user, connection.address), ("ada", ADDRESS))
        self.assertEqual(connection.since, 7)
        self.assertEqual(connection.topics, Selection.of(["b", "a"]))

    def test_state(self) -> None:
        """
        Each connection has a dictionary for the application.
        """
        one, other = ObservedConnection().connection, ObservedConnection().connection
        one.state["x"] = 1

        self.assertEqual((one.state, other.state), ({"x": 1}, {}))

    def test_live(self) -> None:
        """
        It is behind until it catches up, and then live until its transport is full.
        """
        hub, clock = make_hub()
        subscriber = Subscriber(hub, "a")
        connection = subscriber.connection
        states = [(connection.live, connection.ready)]
        clock.advance(0)
        states.append((connection.live, connection.ready))
        subscriber.sink.pause()
        states.append((connection.live, connection.ready))
        subscriber.leave()
        states.append((connection.live, connection.ready))

        self.assertEqual(states, [(False, True), (True, False), (False, False), (False, False)])

    def test_position_and_lag(self) -> None:
        """
        A live connection is at its audience's position; a blocked one stays where it left.
        """
        hub, clock = make_hub()
        subscriber = Subscriber(hub, "a")
        connection = subscriber.connection
        clock.advance(0)
        hub.publish("a", "1")
        clock.advance(0)
        self.assertEqual((connection.position, connection.lag), (hub.broker.position, 0))

        subscriber.sink.pause()
        for data in "23":
            hub.publish("a", data)
            clock.advance(0)
        self.assertEqual((connection.position.number, connection.lag), (1, 2))

    def test_not_opened(self) -> None:
        """
        Before it is opened it is neither live nor ready.
        """
        connection = ObservedConnection().connection

        self.assertEqual((connection.live, connection.ready), (False, False))

    def test_silent_since(self) -> None:
        """
        A live connection was last written to with its audience, one behind by itself.
        """
        observed = ObservedConnection()
        observed.open()
        observed.audience.written = 9.0
        self.assertEqual(observed.connection.silent_since, 5.0)

        observed.audience.join(observed.connection)
        self.assertEqual(observed.connection.silent_since, 9.0)
        observed.now = 11.0
        observed.connection.write(b"x")
        self.assertEqual(observed.connection.silent_since, 11.0)


class BlockingTests(SynchronousTestCase):
    """
    Slow readers.
    """

    def test_short_write(self) -> None:
        """
        The unsent rest of a payload is spilled once; then the connection resumes.
        """
        observed = ObservedConnection()
        observed.open()
        observed.calls.clear()
        observed.sink.room = 3
        observed.connection.write(b"abcdef")
        self.assertEqual((observed.sink.received, observed.sink.spilled), (b"abc", b"def"))
        self.assertEqual(observed.calls, ["blocked"])
        self.assertFalse(observed.connection.ready)

        observed.sink.make_room(100)
        self.assertEqual(observed.sink.received, b"abcdef")
        self.assertEqual(observed.calls, ["blocked", "unblocked", "resume"])

    def test_error(self) -> None:
        """
        When sending raises, everything is spilled: the transport reports the error.
        """
        observed = ObservedConnection()
        observed.open()
        observed.sink.room = 0
        observed.connection.write(b"abcdef")

        self.assertEqual(observed.sink.spilled, b"abcdef")

    def test_blocked_and_unblocked_at_once(self) -> None:
        """
        A sink that fills and empties within one write leaves its connection live or catching up.
        """
        hub, clock = make_hub()
        sink = RecordingSink()
        subscriber = Subscriber(hub, "a", sink=sink)
        clock.advance(0)

        def pause_for_a_moment() -> None:
            sink.pause()
            sink.make_room(0)

        sink.on_send = pause_for_a_moment
        hub.publish("a", "1")
        clock.advance(0)
        sink.on_send = lambda: None
        hub.publish("a", "2")
        clock.advance(0)
        clock.advance(0)

        self.assertEqual(subscriber.data, ["1", "2"])

    def test_keep_alive(self) -> None:
        """
        A comment is framed, and is not written before the start or while blocked.
        """
        sink = MemorySink()
        sink.framing = chunked
        observed = ObservedConnection(sink)
        observed.connection.keep_alive(b":\n\n")
        observed.open()
        observed.sink.pause()
        observed.connection.keep_alive(b":\n\n")
        self.assertEqual(sink.received, b"")

        observed.sink.make_room(0)
        observed.connection.keep_alive(b":\n\n")
        self.assertEqual(sink.received, chunked(b":\n\n"))


class AttachTests(SynchronousTestCase):
    """
    `Connection.attach`: continue with another interest.
    """

    def setUp(self) -> None:
        """
        A ready connection, and an audience that it does not belong to.
        """
        self.observed = ObservedConnection()
        self.observed.open()
        self.connection = self.observed.connection
        self.other = Audience(EVERYTHING, PLAIN, raw, self.observed.order.window)
        self.observed.calls.clear()

    def test_catches_up(self) -> None:
        """
        It asks to catch up from its position.
        """
        position = self.connection.position
        self.connection.attach(self.other)

        self.assertIs(self.connection.audience, self.other)
        self.assertEqual(self.connection.position, position)
        self.assertEqual(self.observed.calls, ["resume"])

    def test_while_reading(self) -> None:
        """
        It waits for the read that was started for its old audience.
        """
        self.connection.reading = True
        self.connection.attach(self.other)

        self.assertFalse(self.connection.ready)
        self.assertEqual(self.observed.calls, [])


class DismissTests(SynchronousTestCase):
    """
    `Connection.dismiss`.
    """

    def test_in_good_order(self) -> None:
        """
        A connection that can be written to ends in good order.
        """
        observed = ObservedConnection()
        observed.open()
        observed.connection.dismiss(EndReason.REVOKED)

        self.assertEqual((observed.sink.finished, observed.sink.aborted), (True, False))
        self.assertEqual(observed.calls[-1], "ended revoked")

    def test_slow_reader(self) -> None:
        """
        A blocked connection is aborted.
        """
        observed = ObservedConnection()
        observed.open()
        observed.sink.pause()
        observed.connection.dismiss(EndReason.EXPIRED)
        observed.connection.dismiss(EndReason.REVOKED)

        self.assertEqual((observed.sink.finished, observed.sink.aborted), (False, True))
        self.assertEqual(observed.connection.ended, EndReason.EXPIRED)

    def test_before_it_began(self) -> None:
        """
        A stream that has not begun is neither finished nor aborted.
        """
        observed = ObservedConnection()
        observed.connection.dismiss(EndReason.REVOKED)

        self.assertEqual((observed.sink.finished, observed.sink.aborted), (False, False))
        self.assertEqual(observed.connection.ended, EndReason.REVOKED)


class EndTests(SynchronousTestCase):
    """
    The end of a connection.
    """

    def test_once(self) -> None:
        """
        Only the first end counts.
        """
        observed = ObservedConnection()
        observed.open()
        observed.calls.clear()
        observed.connection.close()
        observed.connection.end(EndReason.GONE)
        observed.connection.gone()
        observed.connection.abort(EndReason.SEND_TIMEOUT)
        observed.connection.close(FINAL)

        self.assertEqual(observed.calls, ["ended closed"])
        self.assertEqual(observed.connection.ended, EndReason.CLOSED)
        self.assertEqual((observed.sink.received, observed.sink.aborted), (b"", False))

    def test_close(self) -> None:
        """
        The final event is sent, framed, after everything already written; then the response ends.
        """
        sink = MemorySink(room=2)
        sink.framing = chunked
        observed = ObservedConnection(sink)
        observed.open()
        observed.connection.write(b"abcdef")
        observed.connection.close(FINAL)

        self.assertEqual(sink.received, b"abcdef" + chunked(b"data: bye\n\n"))
        self.assertTrue(sink.finished)

    def test_close_without_final(self) -> None:
        """
        Without a final event the response just ends.
        """
        observed = ObservedConnection()
        observed.open()
        observed.connection.close()

        self.assertEqual((observed.sink.received, observed.sink.finished), (b"", True))

    def test_gone(self) -> None:
        """
        Nothing is written to a subscriber that has left.
        """
        observed = ObservedConnection()
        observed.open()
        observed.connection.end(EndReason.GONE, FINAL)

        self.assertEqual((observed.sink.received, observed.sink.finished), (b"", False))

    def test_abort(self) -> None:
        """
        An aborted connection is sent nothing more, and its sink is aborted.
        """
        observed = ObservedConnection()
        observed.open()
        observed.connection.abort(EndReason.SEND_TIMEOUT)

        self.assertEqual((observed.sink.aborted, observed.sink.finished), (True, False))
        self.assertEqual(observed.calls[-1], "ended send-timeout")

    def test_before_it_began(self) -> None:
        """
        Before the stream begins nothing is written: the response is not a stream yet.
        """
        observed = ObservedConnection()
        observed.connection.close(FINAL)

        self.assertEqual((observed.sink.received, observed.sink.finished), (b"", False))
        self.assertEqual(observed.calls, ["ended closed"])

    def test_leaves_its_audience(self) -> None:
        """
        An ended connection is no longer live.
        """
        observed = ObservedConnection()
        observed.open()
        observed.audience.join(observed.connection)
        observed.connection.close()

        self.assertFalse(observed.connection.live)
        observed.audience.add(observed.order.publish())
        self.assertFalse(observed.audience.waiting)

    def test_drain(self) -> None:
        """
        A live connection ends at once, one that is behind when it has caught up.
        """
        free, full = ObservedConnection(), ObservedConnection()
        for observed in (free, full):
            observed.open()
        free.connection.caught_up()
        full.sink.room = 1
        full.connection.write(b"abc")
        for observed in (free, full):
            observed.connection.drain(FINAL)
        self.assertEqual((free.connection.ended, full.connection.ended), (EndReason.DRAINED, None))

        full.sink.make_room(100)
        self.assertIsNone(full.connection.ended)

        full.connection.caught_up()
        self.assertEqual(full.connection.ended, EndReason.DRAINED)
        self.assertEqual(full.sink.received, b"abcdata: bye\n\n")

    def test_broken_end(self) -> None:
        """
        If the sink raises at the end, the hub still forgets the connection.
        """
        for final in (None, FINAL):
            with self.subTest(final=final):
                observed = ObservedConnection(BrokenSink())
                observed.open()
                # What is asked here is only whether it is let go.
                with contextlib.suppress(KeyError):
                    observed.connection.close(final)
                self.flushLoggedErrors(KeyError)
                self.assertEqual(observed.calls[-1], "ended closed")

    def test_sinks_of_audience(self) -> None:
        """
        The audience uses the sink's framing.
        """
        self.assertIs(ObservedConnection().audience.framing, raw)
