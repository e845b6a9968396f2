"""
The outbox alone: what it writes, and when it tells streams to pause or to produce.
"""

import struct
from collections import deque
from typing import Any

from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from twisted_sse.transport.http2.outbox import Outbox

__all__ = ["CloseTests", "QueueTests", "SendTests", "TurnsTests"]


class Windows:
    """
    The flow-control windows of a connection, without h2.
    """

    def __init__(self, size: int) -> None:
        self.outbound_flow_control_window = size
        self.streams: dict[int, Windows] = {}


class Stream:
    """
    Records what the outbox tells it.
    """

    def __init__(self) -> None:
        self.queue: deque[memoryview | None] = deque()
        self.queued = 0
        self.told: list[str] = []

    def windowUpdated(self) -> None:
        """
        See `OutgoingStream.windowUpdated`.
        """
        self.told.append("produce")

    def flowControlBlocked(self) -> None:
        """
        See `OutgoingStream.flowControlBlocked`.
        """
        self.told.append("pause")


class Transport(StringTransport):
    """
    Records each write.

    Attributes:
        on_write: Called after a write.
    """

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.on_write: Any = lambda: None

    def write(self, data: bytes) -> None:
        """
        See `ITransport.write`.
        """
        self.writes.append(data)
        self.on_write()


def frames(written: list[bytes]) -> list[tuple[int, bytes]]:
    """
    Parse DATA frames into pairs of a stream ID and a payload.
    """
    found = []
    data = b"".join(written)
    while data:
        high, low, kind, flags, stream_id = struct.unpack(">BHBBL", data[:9])
        assert (kind, flags) == (0, 0)
        end = 9 + (high << 16 | low)
        found.append((stream_id, data[9:end]))
        data = data[end:]
    return found


class OutboxTestCase(SynchronousTestCase):
    """
    An outbox with two streams, 1 and 3.
    """

    def setUp(self) -> None:
        """
        Open the windows of 1,000 bytes for the connection, and of 100 for each stream.
        """
        self.clock = Clock()
        self.transport = Transport()
        self.windows = Windows(1000)
        self.ended: list[int] = []
        self.outbox: Outbox[Stream] = Outbox(
            self.windows, self.transport, self.clock, self.ended.append
        )
        self.one, self.three = self.open(1), self.open(3)

    def open(self, stream_id: int, size: int = 100) -> Stream:
        """
        Open a stream whose window is *size* bytes.
        """
        self.windows.streams[stream_id] = Windows(size)
        stream = self.outbox.streams[stream_id] = Stream()
        return stream

    def widen(self, stream_id: int, size: int) -> None:
        """
        Enlarge the window of a stream, as the client does.
        """
        self.windows.streams[stream_id].outbound_flow_control_window += size
        self.outbox.wake([stream_id])

    def sent(self) -> list[tuple[int, bytes]]:
        """
        Let a turn pass, and take the frames that were written.
        """
        self.clock.advance(0)
        found = frames(self.transport.writes)
        self.transport.writes.clear()
        return found


class SendTests(OutboxTestCase):
    """
    `Outbox.send`.
    """

    def test_one_write(self) -> None:
        """
        The frames of all streams are written once, in the next turn.
        """
        self.assertTrue(self.outbox.send(1, b"a"))
        self.assertTrue(self.outbox.send(3, b"b"))
        self.assertTrue(self.outbox.send(1, b"c"))
        self.assertEqual(self.transport.writes, [])

        self.clock.advance(0)
        self.assertEqual(len(self.transport.writes), 1)
        self.assertEqual(self.sent(), [(1, b"a"), (3, b"b"), (1, b"c")])

    def test_windows(self) -> None:
        """
        Both windows shrink by what is sent.
        """
        self.outbox.send(1, b"x" * 40)

        self.assertEqual(self.windows.outbound_flow_control_window, 960)
        self.assertEqual(self.windows.streams[1].outbound_flow_control_window, 60)
        self.assertEqual(self.windows.streams[3].outbound_flow_control_window, 100)

    def test_no_room(self) -> None:
        """
        A payload is refused as a whole if the stream or the connection has too little room.
        """
        self.open(5, 2000)

        self.assertFalse(self.outbox.send(1, b"x" * 101))
        self.assertFalse(self.outbox.send(5, b"x" * 1001))
        self.assertEqual(self.windows.outbound_flow_control_window, 1000)
        self.assertEqual(self.sent(), [])

    def test_unknown_stream(self) -> None:
        """
        Nothing is sent on a stream that h2 does not know any more.
        """
        del self.windows.streams[1]

        self.assertFalse(self.outbox.send(1, b"a"))

    def test_large(self) -> None:
        """
        A payload of more than 16 KiB is sent in several frames.
        """
        self.windows.outbound_flow_control_window = 2**20
        self.open(5, 2**20)
        self.outbox.send(5, b"x" * 40_000)

        self.assertEqual([len(data) for _, data in self.sent()], [16384, 16384, 7232])

    def test_flush_size(self) -> None:
        """
        As soon as 64 KiB are to be written they are written, before the turn ends.
        """
        self.windows.outbound_flow_control_window = 2**20
        self.open(5, 2**20)

        for _ in range(7):
            self.outbox.send(5, b"x" * 10_000)

        self.assertEqual(len(self.transport.writes), 1)
        self.assertEqual(len(self.sent()), 7)


class QueueTests(OutboxTestCase):
    """
    `Outbox.enqueue`, `Outbox.end` and `Outbox.room`.
    """

    def test_enqueue(self) -> None:
        """
        Queued bytes are sent in the next turn, and the stream may then produce more.
        """
        self.outbox.enqueue(1, b"abc")
        self.assertEqual(self.one.queued, 3)

        self.assertEqual(self.sent(), [(1, b"abc")])
        self.assertEqual((self.one.queued, self.one.told), (0, ["produce"]))

    def test_window_exhausted(self) -> None:
        """
        Bytes beyond the window wait without a delayed call until the window grows.
        """
        self.outbox.enqueue(1, b"x" * 130)
        self.assertEqual(self.sent(), [(1, b"x" * 100)])
        self.assertEqual((self.one.queued, self.one.told), (30, ["pause"]))
        self.sent()
        self.assertEqual(self.clock.getDelayedCalls(), [])

        self.widen(1, 50)
        self.assertEqual(self.sent(), [(1, b"x" * 30)])
        self.assertEqual(self.one.told, ["pause", "produce"])

    def test_room(self) -> None:
        """
        A stream's room is the smaller window, less what the stream has queued.
        """
        self.assertEqual(self.outbox.room(1), 100)
        self.outbox.enqueue(1, b"x" * 30)
        self.assertEqual(self.outbox.room(1), 70)
        self.windows.outbound_flow_control_window = 20
        self.assertEqual(self.outbox.room(1), -10)

        self.assertEqual(self.outbox.room(7), 0)

    def test_wake_without_queue(self) -> None:
        """
        A stream that has nothing queued is told at once that its window has grown.
        """
        self.outbox.wake([1, 7])

        self.assertEqual(self.one.told, ["produce"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_end(self) -> None:
        """
        A response ends when all of it has been sent, even if the window is exhausted.
        """
        self.outbox.enqueue(1, b"x" * 101)
        self.outbox.end(1)
        self.sent()
        self.assertEqual(self.ended, [])

        self.widen(1, 1)
        self.sent()
        self.sent()
        self.assertEqual(self.ended, [1])

    def test_closed_stream(self) -> None:
        """
        What is queued for a stream that was removed, or for an unknown one, is ignored.
        """
        self.outbox.enqueue(1, b"abc")
        self.assertIs(self.outbox.remove(1), self.one)
        self.assertIsNone(self.outbox.remove(1))
        self.outbox.enqueue(1, b"abc")
        self.outbox.end(7)

        self.assertEqual((self.sent(), self.ended), ([], []))


class TurnsTests(OutboxTestCase):
    """
    Streams that share a connection, and a transport that is full.
    """

    def test_round_robin(self) -> None:
        """
        Streams with much to send take turns, one frame each.
        """
        self.windows.outbound_flow_control_window = 2**20
        for stream_id in (5, 7):
            self.open(stream_id, 2**20)
            self.outbox.enqueue(stream_id, b"x" * 40_000)

        order = [stream_id for stream_id, _ in self.sent() + self.sent()]
        self.assertEqual(order, [5, 7, 5, 7, 5, 7])

    def test_fair(self) -> None:
        """
        A connection's window that grows by little is given to each stream in turn.
        """
        self.windows.outbound_flow_control_window = 0
        self.outbox.enqueue(1, b"x" * 50)
        self.outbox.enqueue(3, b"x" * 50)
        self.sent()

        order = []
        for _ in range(4):
            self.windows.outbound_flow_control_window = 10
            self.outbox.wake(list(self.outbox.streams))
            order += self.sent()
        self.assertEqual(order, [(1, b"x" * 10), (3, b"x" * 10)] * 2)

    def test_pause(self) -> None:
        """
        While the transport is full nothing is written, and there is no room.
        """
        self.outbox.pause()
        self.outbox.enqueue(1, b"queued")

        self.assertFalse(self.outbox.send(3, b"refused"))
        self.assertEqual(self.outbox.room(3), 0)
        self.assertEqual(self.sent(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual((self.one.told, self.three.told), (["pause", "pause"], ["pause"]))

    def test_resume(self) -> None:
        """
        When the transport has room, queues are sent and all other streams may produce.
        """
        self.outbox.pause()
        self.outbox.enqueue(1, b"queued")
        self.outbox.resume()

        self.assertEqual(self.three.told, ["pause", "produce"])
        self.assertEqual(self.sent(), [(1, b"queued")])

    def test_paused_by_a_write(self) -> None:
        """
        A transport that pauses the outbox during a write gets no other write.
        """
        self.windows.outbound_flow_control_window = 2**20
        self.open(5, 2**20)
        self.transport.on_write = self.outbox.pause
        self.outbox.enqueue(5, b"x" * 100_000)

        self.sent()

        self.assertEqual(self.sent(), [])
        self.assertGreater(self.outbox.streams[5].queued, 0)


class CloseTests(OutboxTestCase):
    """
    `Outbox.close`.
    """

    def test_close(self) -> None:
        """
        Closing returns the open streams, and cancels and discards what was to be sent.
        """
        self.outbox.enqueue(1, b"queued")
        self.outbox.send(3, b"framed")

        self.assertEqual(self.outbox.close(), [self.one, self.three])
        self.outbox.flush()
        self.assertEqual(self.outbox.streams, {})
        self.assertEqual(self.transport.writes, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after_close(self) -> None:
        """
        Nothing is scheduled after the close.
        """
        self.outbox.close()
        self.outbox.send(1, b"late")
        self.outbox.enqueue(1, b"late")
        self.outbox.wake([1])

        self.assertEqual(self.sent(), [])
        self.assertEqual(self.clock.getDelayedCalls(), [])
