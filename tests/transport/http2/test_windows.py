"""
Flow control: what a client has no room for waits, and nothing else does.
"""

from hyperframe.frame import DataFrame, SettingsFrame, WindowUpdateFrame

from tests.support.h2_client import H2Client
from tests.transport.http2.hub import HubTestCase

__all__ = ["WindowsTests"]

# RFC 9113, 6.5.2.
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = 4, 5

#: RFC 9113, 6.9.2: every window at the beginning.
_BEGINNING = 65535

_LARGE = "x" * 100_000


class WindowsTests(HubTestCase):
    """
    RFC 9113, 5.2 and 6.9.
    """

    def received(self, client: H2Client, stream: int) -> int:
        """
        How many bytes of a body have come, as soon as all have that were sent.
        """
        client.ping()
        return len(client.response(stream).body)

    def open_stuck(self, client: H2Client, topic: str) -> int:
        """
        Open an event stream whose window is 0; its headers have come.
        """
        stream = client.open(f"/events?topic={topic}")
        client.wait(lambda: client.response(stream).status == "200")
        return stream

    def test_none(self) -> None:
        """
        A window of 0 lets headers through, and no byte of the body, until it is opened.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 0})
        stream = self.open_stuck(client, "none")
        self.publish("none", "a", "b", "c")

        self.assertEqual(self.received(client, stream), 0)

        client.send(WindowUpdateFrame(stream, window_increment=_BEGINNING))
        client.wait(lambda: len(client.response(stream).data) == 3)

        self.assertEqual(client.response(stream).data, ["a", "b", "c"])

    def test_byte_by_byte(self) -> None:
        """
        A window that is opened by one byte lets one byte through.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 0})
        stream = self.open_stuck(client, "bytes")

        for size in range(1, 30):
            client.send(WindowUpdateFrame(stream, window_increment=1))
            client.wait(lambda size=size: len(client.response(stream).body) == size)
            self.assertEqual(self.received(client, stream), size)

        client.send(WindowUpdateFrame(stream, window_increment=_BEGINNING))
        self.publish("bytes", "all")
        client.wait(lambda: client.response(stream).data == ["all"])

    def test_below_zero(self) -> None:
        """
        A window that settings have made negative holds the stream back, and gives way again.
        """
        client = self.connect()
        stream = client.subscribe("/events?topic=below")
        client.send(SettingsFrame(0, {INITIAL_WINDOW_SIZE: 0}))
        before = self.received(client, stream)
        self.publish("below", "a", "b")

        self.assertEqual(self.received(client, stream), before)

        client.send(WindowUpdateFrame(stream, window_increment=before))
        self.assertEqual(self.received(client, stream), before)

        client.send(SettingsFrame(0, {INITIAL_WINDOW_SIZE: _BEGINNING}))
        client.wait(lambda: client.response(stream).data == ["a", "b"])

    def test_stream(self) -> None:
        """
        An event that is larger than the window comes in parts, none beyond what was granted.
        """
        client = self.connect(window=2**20)
        stream = client.subscribe("/events?topic=stream")
        self.publish("stream", _LARGE)
        client.wait(lambda: len(client.response(stream).body) == _BEGINNING)

        self.assertEqual(self.received(client, stream), _BEGINNING)

        client.send(WindowUpdateFrame(stream, window_increment=2**20))
        client.wait(lambda: client.response(stream).data == [_LARGE])

    def test_connection(self) -> None:
        """
        The connection's window holds all its streams back, and then each gets everything.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 2**24})
        streams = [client.subscribe("/events?topic=connection") for _ in range(5)]
        self.publish("connection", _LARGE, "the end")
        client.wait(lambda: sum(len(client.response(one).body) for one in streams) == _BEGINNING)
        client.ping()

        self.assertEqual(sum(len(client.response(one).body) for one in streams), _BEGINNING)

        client.send(WindowUpdateFrame(0, window_increment=2**24))
        client.wait(lambda: all(len(client.response(one).data) == 2 for one in streams))

        for stream in streams:
            self.assertEqual(client.response(stream).data, [_LARGE, "the end"])

    def test_fair(self) -> None:
        """
        A connection's window that is opened little by little is shared by all its streams.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 2**24})
        streams = [client.subscribe("/events?topic=fair") for _ in range(5)]
        before = [len(client.response(one).body) for one in streams]
        self.publish("fair", _LARGE)
        client.wait(lambda: sum(len(client.response(one).body) for one in streams) == _BEGINNING)
        held = [len(client.response(one).body) for one in streams]

        for _ in range(10):
            client.send(WindowUpdateFrame(0, window_increment=100))
            client.ping()
        client.wait(
            lambda: sum(len(client.response(one).body) for one in streams) == _BEGINNING + 1000
        )

        self.assertTrue(any(held > before for held, before in zip(held, before, strict=True)))
        for stream, size in zip(streams, held, strict=True):
            self.assertEqual(len(client.response(stream).body) - size, 200)

    def test_neighbours(self) -> None:
        """
        A stream that is stuck holds nobody up, and has everything when its window is opened.
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
        No frame is larger than 16 KiB, even if the client would take it.
        """
        settings = {INITIAL_WINDOW_SIZE: 2**24, MAX_FRAME_SIZE: 2**24 - 1}
        client = self.connect(settings, window=2**24)
        stream = client.subscribe("/events?topic=frames")
        self.publish("frames", _LARGE)
        client.wait(lambda: client.response(stream).data == [_LARGE])

        sizes = [len(frame.data) for frame in client.frames if isinstance(frame, DataFrame)]
        self.assertEqual(max(sizes), 16384)
