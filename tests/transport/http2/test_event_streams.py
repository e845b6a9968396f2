"""
Event streams over HTTP/2: many on one connection, and every way in which they end.
"""

import signal

from h2.errors import ErrorCodes as Code
from hyperframe.frame import GoAwayFrame, RstStreamFrame, WindowUpdateFrame
from twisted.trial.unittest import SynchronousTestCase

from tests.support.h2_client import H2Client
from tests.support.h2_frames import request_fields
from tests.support.waiting import eventually
from tests.transport.http2.hub import HubTestCase, secure_hub

__all__ = ["DrainTests", "EndsTests", "ManyTests", "StuckTests"]

INITIAL_WINDOW_SIZE = 4

_LARGEST_WINDOW = 2**31 - 1


class ManyTests(HubTestCase):
    """
    Many streams of a client that reads.
    """

    def test_order(self) -> None:
        """
        Each of a hundred streams on one connection receives its topic's events in order.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 2**30}, window=2**30)
        topics = [f"many-{number % 4}" for number in range(100)]
        streams = [client.open(f"/events?topic={topic}") for topic in topics]
        client.wait(lambda: all(client.response(one).events for one in streams))

        for batch in range(5):
            for topic in range(4):
                sent = [f"{topic}:{batch}:{number}" for number in range(20)]
                self.assertEqual(self.publish(f"many-{topic}", *sent), [25] * 20)
        client.wait(lambda: all(len(client.response(one).data) == 100 for one in streams))

        for topic, stream in zip(topics, streams, strict=True):
            expected = [f"{topic[-1]}:{batch}:{one}" for batch in range(5) for one in range(20)]
            self.assertEqual(client.response(stream).data, expected)


class StuckTests(HubTestCase):
    """
    A client that does not read.
    """

    def test_connection(self) -> None:
        """
        A client with large windows that does not read receives everything in order once it
        reads.
        """
        client = self.connect(
            {INITIAL_WINDOW_SIZE: _LARGEST_WINDOW}, window=2**30, receive_buffer=4096
        )
        streams = [client.subscribe("/events?topic=unread") for _ in range(3)]
        sent = [f"{number} {'x' * 50_000}" for number in range(96)]
        for start in range(0, len(sent), 16):
            self.publish("unread", *sent[start : start + 16])

        # The stuck streams do not delay others: they are not live, and not written to.
        lively = self.connect()
        stream = lively.subscribe("/events?topic=lively")
        self.publish("lively", "news")
        lively.wait(lambda: lively.response(stream).data == ["news"])

        client.wait(lambda: all(b"95 x" in client.response(one).body[-50_100:] for one in streams))
        client.wait(lambda: all(client.response(one).body[-2:] == b"\n\n" for one in streams))
        for stream in streams:
            self.assertEqual(client.response(stream).data, sent)

    def test_send_timeout(self) -> None:
        """
        A stream that accepts nothing for longer than the send time-out is reset alone.
        """
        with secure_hub("--send-timeout", "0.5") as hub:
            client = H2Client(hub.port, {INITIAL_WINDOW_SIZE: 0})
            self.addCleanup(client.close)
            alive = client.open("/events?topic=news")
            client.send(WindowUpdateFrame(alive, window_increment=2**20))
            client.wait(lambda: bool(client.response(alive).events))
            stuck = client.open("/events?topic=news")
            client.wait(lambda: client.response(stuck).reset is not None)
            posted = client.post(("news", "still here"))
            client.wait(lambda: client.response(alive).data == ["still here"])
            client.send(WindowUpdateFrame(posted, window_increment=2**20))
            receipt = client.answer(posted).body

        self.assertEqual(client.response(stuck).reset, Code.CANCEL)
        self.assertIn(b'"subscribers": 1', receipt)


class EndsTests(HubTestCase):
    """
    A client that ends a stream or a connection is unsubscribed at once.
    """

    def assert_gone(self, topic: str) -> None:
        """
        Wait until *topic* has lost its subscribers.
        """
        eventually(lambda: self.publish(topic, "?") == [0], f"{topic} still has a subscriber")

    def test_reset(self) -> None:
        """
        RST_STREAM ends one subscription, and no other on the connection.
        """
        client = self.connect()
        streams = [client.subscribe("/events?topic=reset") for _ in range(3)]

        client.send(*[RstStreamFrame(one, int(Code.CANCEL)) for one in streams[:2]])
        client.ping()

        self.assertEqual(self.publish("reset", "who is left?"), [1])

    def test_reset_with_queue(self) -> None:
        """
        RST_STREAM ends a subscription that has something queued.
        """
        client = self.connect({INITIAL_WINDOW_SIZE: 0})
        stream = client.open("/events?topic=queued")
        client.wait(lambda: client.response(stream).status == "200")
        self.publish("queued", "x" * 10_000)

        # In one read: a window, the reset, and the next request, at which h2 forgets
        # the stream.
        client.send(
            WindowUpdateFrame(stream, window_increment=10),
            RstStreamFrame(stream, int(Code.CANCEL)),
            client.headers(stream + 2, request_fields(), "END_STREAM"),
        )
        client.ping()

        self.assertEqual(self.publish("queued", "?"), [0])

    def test_goaway_with_error(self) -> None:
        """
        A GOAWAY with an error closes the connection with all its streams at once.
        """
        client = self.connect()
        client.subscribe("/events?topic=error")
        client.subscribe("/events?topic=error")

        client.send(GoAwayFrame(0, error_code=int(Code.INTERNAL_ERROR)))
        client.rest()

        self.assertEqual(self.publish("error", "?"), [0])

    def test_goaway(self) -> None:
        """
        A GOAWAY without an error leaves the streams open until the client ends the last one.
        """
        client = self.connect()
        streams = [client.subscribe("/events?topic=goodbye") for _ in range(2)]
        client.send(GoAwayFrame(0))
        self.publish("goodbye", "still here")
        client.wait(lambda: all(client.response(one).data for one in streams))
        client.send(RstStreamFrame(streams[0], int(Code.CANCEL)))
        client.ping()

        client.send(RstStreamFrame(streams[1], int(Code.CANCEL)))
        said = client.rest()

        self.assertIsNone(said)
        self.assertEqual(self.publish("goodbye", "?"), [0])

    def test_goaway_without_streams(self) -> None:
        """
        At a GOAWAY, a connection without streams is closed at once.
        """
        client = self.connect()

        client.send(GoAwayFrame(0))

        self.assertIsNone(client.rest())

    def test_loss(self) -> None:
        """
        When a TCP connection is lost, its streams end.
        """
        client = self.connect()
        for _ in range(3):
            client.subscribe("/events?topic=lost")

        client.close()

        self.assert_gone("lost")


class DrainTests(SynchronousTestCase):
    """
    SIGTERM.
    """

    def test_streams(self) -> None:
        """
        The server sends GOAWAY, ends every stream after a reconnection time, and closes.
        """
        with secure_hub("--retry", "100") as hub:
            client = H2Client(hub.port)
            self.addCleanup(client.close)
            streams = [client.subscribe("/events?topic=news") for _ in range(5)]
            before = len(client.frames)
            hub.send_signal(signal.SIGTERM)
            said = client.rest()

        self.assertEqual(said, Code.NO_ERROR)
        self.assertIsInstance(client.frames[before], GoAwayFrame)
        for stream in streams:
            response = client.response(stream)
            self.assertTrue(response.ended)
            self.assertIsNone(response.reset)
            self.assertGreaterEqual(response.events[-1].retry or 0, 100)

    def test_new_requests(self) -> None:
        """
        The server waits for a stuck stream, and refuses new requests meanwhile.
        """
        with secure_hub() as hub:
            client = H2Client(hub.port, {INITIAL_WINDOW_SIZE: 0})
            self.addCleanup(client.close)
            stuck = client.open("/events?topic=news")
            client.wait(lambda: client.response(stuck).status == "200")
            hub.send_signal(signal.SIGTERM)
            client.wait(lambda: any(type(one) is GoAwayFrame for one in client.frames))

            late = client.open()
            client.wait(lambda: client.response(late).reset is not None)
            client.send(WindowUpdateFrame(stuck, window_increment=2**20))
            said = client.rest()

        self.assertEqual(client.response(late).reset, Code.REFUSED_STREAM)
        self.assertEqual(said, Code.NO_ERROR)
        self.assertTrue(client.response(stuck).ended)
        self.assertIsNotNone(client.response(stuck).events[-1].retry)

    def test_idle(self) -> None:
        """
        A connection without streams is closed at once, even if another one is stuck.
        """
        with secure_hub() as hub:
            waiting = H2Client(hub.port, {INITIAL_WINDOW_SIZE: 0})
            self.addCleanup(waiting.close)
            stream = waiting.open("/events?topic=news")
            waiting.wait(lambda: waiting.response(stream).status == "200")
            idle = H2Client(hub.port)
            self.addCleanup(idle.close)
            idle.ping()
            hub.send_signal(signal.SIGTERM)

            self.assertEqual(idle.rest(), Code.NO_ERROR)
            waiting.close()
