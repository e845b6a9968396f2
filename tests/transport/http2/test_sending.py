"""
How our HTTP/2 connection sends responses, and which streams have to wait.
"""

from h2.events import DataReceived
from h2.settings import SettingCodes
from twisted.trial.unittest import SynchronousTestCase

from tests.support.h2_pair import Pair, Producer

__all__ = ["BackPressureTests", "SendingTests"]

WINDOW = SettingCodes.INITIAL_WINDOW_SIZE


class SendingTests(SynchronousTestCase):
    """
    From the streams' queues to the transport.
    """

    def test_one_write(self) -> None:
        """
        One write sends what all streams have sent in a turn.
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
        Streams with much to send take turns, one frame each.
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
        On one stream, nothing overtakes what is queued.
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
        `send` accepts all or nothing.
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
        A payload that is larger than a frame is sent in several frames.
        """
        pair = Pair({WINDOW: 2**20}, window=2**20)
        stream, _, channel = pair.answer()

        self.assertEqual(channel.send(b"x" * 40_000), 40_000)
        pair.exchange()

        self.assertEqual(pair.bodies[stream], b"x" * 40_000)

    def test_no_spin(self) -> None:
        """
        A stream whose window is exhausted costs nothing: no call is scheduled.
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
        A stream whose window is negative costs nothing, and continues when it is positive.
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
        A connection's window that grows by little is shared among the streams.
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
        No write is much larger than 64 KiB, however large the windows are.
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
    A full transport, and exhausted windows.
    """

    def test_transport(self) -> None:
        """
        All producers pause while the transport is full, and resume when it has room.
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
        While the transport is full, nothing is written and no call is scheduled.
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
        After a write that fills the transport, there is no other write.
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
        A producer pauses when it has written more than the window allows, and resumes when
        all of it has been sent.
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
        A producer that is registered when nothing can be sent is paused at once.
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
        A stuck stream does not delay another.
        """
        pair = Pair({WINDOW: 10})
        _, stuck, _ = pair.answer()
        stuck.write(b"x" * 100)
        stream, request, _ = pair.answer()
        request.write(b"y" * 10)
        pair.exchange()

        self.assertEqual(pair.bodies[stream], b"y" * 10)
