"""
Flow control: only what exceeds a client's windows waits.
"""

from hyperframe.frame import DataFrame, SettingsFrame, WindowUpdateFrame

from tests.support.h2_client import H2Client
from tests.transport.http2.hub import HubTestCase

__all__ = ["WindowsTests"]

# RFC 9113, 6.5.2.
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 4, 5

#: RFC 9113, 6.9.2: the initial size of every window.
_INITIAL_WINDOW = 65535

_LARGE = "x" * 100_000


class WindowsTests(HubTestCase):
    """
    RFC 9113, 5.2 and 6.9.
    """

    def received(self, client: H2Client, stream: int) -> int:
        """
        Wait for all that was sent so far, and count the bytes of a stream's body.
        """
        client.ping()
        return len(client.response(stream).body)

    def open_stuck(self, client: H2Client, topic: str) -> int:
        """
        Open an event stream whose window is 0, and wait for its headers.
        """
        stream = client.open(f"/events?topic={topic}")
        client.wait(lambda: client.response(stream).status == "200")
        return stream

    def test_none(self) -> None:
        """
        A window of 0 allows headers, but no byte of the body until it grows.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 0})
        stream = self.open_stuck(client, "none")
        self.publish("none", "a", "b", "c")

        self.assertEqual(self.received(client, stream), 0)

        client.send(WindowUpdateFrame(stream, window_increment=_INITIAL_WINDOW))
        client.wait(lambda: len(client.response(stream).data) == 3)

        self.assertEqual(client.response(stream).data, ["a", "b", "c"])

    def test_byte_by_byte(self) -> None:
        """
        A window that grows by one byte allows one byte.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 0})
        stream = self.open_stuck(client, "bytes")

        for size in range(1, 30):
            client.send(WindowUpdateFrame(stream, window_increment=1))
            client.wait(lambda size=size: len(client.response(stream).body) == size)
            self.assertEqual(self.received(client, stream), size)

        client.send(WindowUpdateFrame(stream, window_increment=_INITIAL_WINDOW))
        self.publish("bytes", "all")
        client.wait(lambda: client.response(stream).data == ["all"])

    def test_below_zero(self) -> None:
        """
        A window that settings have made negative blocks the stream until it is positive.
        """
        client = self.connect()
        stream = client.subscribe("/events?topic=below")
        client.send(SettingsFrame(0, {INITIAL_WINDOW_SIZE: 0}))
        before = self.received(client, stream)
        self.publish("below", "a", "b")

        self.assertEqual(self.received(client, stream), before)

        client.send(WindowUpdateFrame(stream, window_increment=before))
        self.assertEqual(self.received(client, stream), before)

        client.send(SettingsFrame(0, {INITIAL_WINDOW_SIZE: _INITIAL_WINDOW}))
        client.wait(lambda: client.response(stream).data == ["a", "b"])

    def test_stream(self) -> None:
        """
        An event that is larger than the window is sent in parts that fit into it.
        """
        client = self.connect(window=2**20)
        stream = client.subscribe("/events?topic=stream")
        self.publish("stream", _LARGE)
        client.wait(lambda: len(client.response(stream).body) == _INITIAL_WINDOW)

        self.assertEqual(self.received(client, stream), _INITIAL_WINDOW)

        client.send(WindowUpdateFrame(stream, window_increment=2**20))
        client.wait(lambda: client.response(stream).data == [_LARGE])

    def test_connection(self) -> None:
        """
        The connection's window blocks all its streams, and then each receives everything.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 2**24})
        streams = [client.subscribe("/events?topic=connection") for _ in range(5)]
        self.publish("connection", _LARGE, "the end")
        client.wait(
            lambda: sum(len(client.response(one).body) for one in streams) == _INITIAL_WINDOW
        )
        client.ping()

        self.assertEqual(sum(len(client.response(one).body) for one in streams), _INITIAL_WINDOW)

        client.send(WindowUpdateFrame(0, window_increment=2**24))
        client.wait(lambda: all(len(client.response(one).data) == 2 for one in streams))

        for stream in streams:
            self.assertEqual(client.response(stream).data, [_LARGE, "the end"])

    def test_fair(self) -> None:
        """
        A connection's window that grows little by little is shared by all its streams.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 2**24})
        streams = [client.subscribe("/events?topic=fair") for _ in range(5)]
        before = [len(client.response(one).body) for one in streams]
        self.publish("fair", _LARGE)
        client.wait(
            lambda: sum(len(client.response(one).body) for one in streams) == _INITIAL_WINDOW
        )
        held = [len(client.response(one).body) for one in streams]

        for _ in range(10):
            client.send(WindowUpdateFrame(0, window_increment=100))
            client.ping()
        client.wait(
            lambda: sum(len(client.response(one).body) for one in streams) == _INITIAL_WINDOW + 1000
        )

        self.assertTrue(any(held > before for held, before in zip(held, before, strict=True)))
        for stream, size in zip(streams, held, strict=True):
            self.assertEqual(len(client.response(stream).body) - size, 200)

    def test_neighbours(self) -> None:
        """
        A stuck stream delays no other, and receives everything when its window grows.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 0}, window=2**20)
        stuck = self.open_stuck(client, "beside")
        others = [self.open_stuck(client, "beside") for _ in range(10)]
        for other in others:
            client.send(WindowUpdateFrame(other, window_increment=2**20))
        sent = [str(number) for number in range(200)]
        self.publish("beside", *sent)
        client.wait(lambda: all(len(client.response(one).data) == 200 for one in others))

        self.assertEqual(self.received(client, stuck), 0)

        client.send(WindowUpdateFrame(stuck, window_increment=2**20))
        client.wait(lambda: len(client.response(stuck).data) == 200)

        for stream in [stuck, *others]:
            self.assertEqual(client.response(stream).data, sent)

    def test_frames(self) -> None:
        """
        No frame is larger than 16 KiB, even if the client accepts larger ones.
        """
        settings = {INITIAL_WINDOW_SIZE: 2**24, MAX_FRAME_SIZE: 2**24 - 1}
        client = self.connect(settings, window=2**24)
        stream = client.subscribe("/events?topic=frames")
        self.publish("frames", _LARGE)
        client.wait(lambda: client.response(stream).data == [_LARGE])

        sizes = [len(frame.data) for frame in client.frames if isinstance(frame, DataFrame)]
        self.assertEqual(max(sizes), 16384)
