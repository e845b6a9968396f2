"""
Our HTTP/2 connection: how responses leave it, and who has to wait.
"""

from types import SimpleNamespace

from h2.events import DataReceived
from h2.settings import SettingCodes
from twisted.trial.unittest import SynchronousTestCase

from tests.support.h2_pair import Pair, Producer
from twisted_sse.transport.http2.requirements import unmet_requirements

__all__ = ["BackPressureTests", "SendingTests", "ShortcomingsTests"]

WINDOW = SettingCodes.INITIAL_WINDOW_SIZE


class SendingTests(SynchronousTestCase):
    """
    From the queues of the streams to the transport.
    """

    def test_one_write(self) -> None:
        """
        What all streams send in a turn leaves in one write.
        """
        pair = Pair()
        answers = [pair.answer() for _ in range(10)]
        pair.transport.writes.clear()

        for stream, request, channel in answers:
            if stream % 4 == 1:
                request.write(b"by the request")
            else:
                self.assertEqual(channel.send(b"past the request"), 16)
        self.assertEqual(pair.transport.writes, [])
        pair.clock.advance(0)

        self.assertEqual(len(pair.transport.writes), 1)
        pair.listen()
        self.assertEqual(len(pair.bodies), 10)

    def test_rounds(self) -> None:
        """
        Streams that have much to send take turns, a frame each.
        """
        pair = Pair({WINDOW: 2**20}, window=2**20)
        answers = [pair.answer() for _ in range(3)]
        for _, request, _channel in answers:
            request.write(b"x" * 40_000)
        pair.exchange()

        order = [one.stream_id for one in pair.events if isinstance(one, DataReceived)]
        self.assertEqual(order, [1, 3, 5] * 3)

    def test_order(self) -> None:
        """
        On one stream nothing overtakes what waits.
        """
        pair = Pair({WINDOW: 10})
        stream, request, channel = pair.answer()
        request.write(b"0123456789abc")

        self.assertEqual(channel.send(b"d"), 0)
        channel.spill(b"d")
        pair.exchange()
        self.assertEqual(pair.bodies[stream], b"0123456789")

        pair.client.increment_flow_control_window(10, stream)
        pair.exchange()
        self.assertEqual(pair.bodies[stream], b"0123456789abcd")

    def test_too_large(self) -> None:
        """
        `send` takes all or nothing.
        """
        pair = Pair({WINDOW: 10})
        stream, _, channel = pair.answer()

        self.assertEqual(channel.send(b"x" * 11), 0)
        self.assertEqual(channel.send(b"x" * 10), 10)
        self.assertEqual(channel.send(b"x"), 0)
        pair.exchange()
        self.assertEqual(pair.bodies[stream], b"x" * 10)

    def test_large(self) -> None:
        """
        What is larger than a frame leaves in several.
        """
        pair = Pair({WINDOW: 2**20}, window=2**20)
        stream, _, channel = pair.answer()

        self.assertEqual(channel.send(b"x" * 40_000), 40_000)
        pair.exchange()

        self.assertEqual(pair.bodies[stream], b"x" * 40_000)

    def test_no_spin(self) -> None:
        """
        A stream without a window costs nothing: no call is due.
        """
        for settings in ({WINDOW: 0}, {WINDOW: 7}):
            with self.subTest(settings=settings):
                pair = Pair(settings)
                _, request, _ = pair.answer()
                request.write(b"01234567")
                pair.exchange()

                self.assertEqual(pair.clock.getDelayedCalls(), [])

    def test_negative_window(self) -> None:
        """
        Nor does one whose window is below zero; it goes on when that has changed.
        """
        pair = Pair()
        stream, request, _ = pair.answer()
        request.write(b"x" * 100)
        pair.exchange()
        pair.client.update_settings({WINDOW: 50})
        pair.exchange()
        request.write(b"y")
        pair.exchange()

        self.assertEqual(pair.clock.getDelayedCalls(), [])
        self.assertEqual(pair.bodies[stream], b"x" * 100)

        pair.client.update_settings({WINDOW: 101})
        pair.exchange()
        self.assertEqual(pair.bodies[stream], b"x" * 100 + b"y")

    def test_scarce_window(self) -> None:
        """
        A connection's window that grows by little goes round.
        """
        pair = Pair({WINDOW: 2**20})
        answers = [pair.answer() for _ in range(4)]
        for _, request, _channel in answers:
            request.write(b"x" * 60_000)
        pair.exchange()
        before = {stream: len(pair.bodies.get(stream, b"")) for stream, *_ in answers}

        for _ in range(8):
            pair.client.increment_flow_control_window(10)
            pair.exchange()

        grown = [len(pair.bodies[one]) - before[one] for one, *_ in answers]
        self.assertEqual(grown, [20, 20, 20, 20])

    def test_bound(self) -> None:
        """
        No write is much larger than 64 KiB, whatever the windows are.
        """
        pair = Pair({WINDOW: 2**24}, window=2**24)
        _, request, _ = pair.answer()
        pair.transport.writes.clear()

        request.write(b"x" * 2**20)
        pair.clock.advance(0)

        sizes = [len(one) for one in pair.transport.writes]
        self.assertGreater(sum(sizes), 2**20)
        self.assertLessEqual(max(sizes), 64 * 1024 + 16 * 1024 + 100)


class BackPressureTests(SynchronousTestCase):
    """
    A transport that is full, and windows that are used up.
    """

    def test_transport(self) -> None:
        """
        All producers pause while the transport is full, and go on when it has room.
        """
        pair = Pair()
        producers = [Producer(), Producer()]
        for producer in producers:
            _, request, _channel = pair.answer()
            request.registerProducer(producer, True)

        pair.server.pauseProducing()
        self.assertEqual([one.told for one in producers], [["pause"], ["pause"]])

        pair.server.resumeProducing()
        self.assertEqual([one.told for one in producers], [["pause", "resume"]] * 2)

    def test_full(self) -> None:
        """
        While it is full nothing is written, and no call is due.
        """
        pair = Pair()
        stream, request, channel = pair.answer()
        pair.server.pauseProducing()
        pair.transport.writes.clear()

        self.assertEqual(channel.send(b"a"), 0)
        request.write(b"b")
        request.finish()
        pair.clock.advance(0)
        self.assertEqual(pair.transport.writes, [])
        self.assertEqual(pair.clock.getDelayedCalls(), [])

        pair.server.resumeProducing()
        pair.exchange()
        self.assertEqual(pair.bodies[stream], b"b")
        self.assertEqual(pair.ended, [stream])

    def test_one_flush(self) -> None:
        """
        A transport that gets full at a write gets no other.
        """
        pair = Pair({WINDOW: 2**24}, window=2**24)
        _, request, _ = pair.answer()
        pair.transport.writes.clear()
        pair.transport.full = True

        request.write(b"x" * 2**20)
        pair.clock.advance(0)

        self.assertEqual(len(pair.transport.writes), 1)

    def test_window(self) -> None:
        """
        A producer pauses when more was written than the window has room for, and goes on
        when all of that has left.
        """
        pair = Pair({WINDOW: 10})
        producer = Producer()
        stream, request, _ = pair.answer()
        request.registerProducer(producer, True)
        request.write(b"x" * 15)
        pair.exchange()
        self.assertEqual(producer.told, ["pause"])

        pair.client.increment_flow_control_window(5, stream)
        pair.exchange()
        self.assertEqual(producer.told, ["pause"])

        pair.client.increment_flow_control_window(1, stream)
        pair.exchange()
        self.assertEqual(producer.told, ["pause", "resume"])

    def test_registered_late(self) -> None:
        """
        A producer that comes when nothing can be sent pauses at once.
        """
        for settings, full in [({WINDOW: 0}, False), ({WINDOW: 100}, True)]:
            with self.subTest(full=full):
                pair = Pair(settings)
                producer = Producer()
                stream, request, _ = pair.answer()
                if full:
                    pair.server.pauseProducing()
                request.registerProducer(producer, True)
                self.assertEqual(producer.told, ["pause"])

                pair.client.increment_flow_control_window(1, stream)
                pair.server.resumeProducing()
                pair.exchange()
                self.assertEqual(producer.told, ["pause", "resume"])

    def test_neighbours(self) -> None:
        """
        A stream that is stuck holds no other up.
        """
        pair = Pair({WINDOW: 10})
        _, stuck, _ = pair.answer()
        stuck.write(b"x" * 100)
        stream, request, _ = pair.answer()
        request.write(b"y" * 10)
        pair.exchange()

        self.assertEqual(pair.bodies[stream], b"y" * 10)


class ShortcomingsTests(SynchronousTestCase):
    """
    Another Twisted.
    """

    def test_this_one(self) -> None:
        """
        The one that is installed has all that is needed.
        """
        self.assertEqual(unmet_requirements(), [])

    def test_another(self) -> None:
        """
        What one does not have is named.
        """
        other = SimpleNamespace(H2Connection=object)

        lacking = unmet_requirements(other)

        self.assertIn("H2Connection._requestDone", lacking)
        self.assertIn("H2Stream.windowUpdated", lacking)
