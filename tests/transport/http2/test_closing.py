"""
Every way in which our HTTP/2 connection and its streams end.
"""

from typing import Any

from h2.errors import ErrorCodes as Code
from h2.events import ConnectionTerminated
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame
from twisted.trial.unittest import SynchronousTestCase

from tests.support.h2_pair import Pair, Producer

__all__ = ["EndsTests", "IdleTests", "ShutDownTests"]

WINDOW = SettingCodes.INITIAL_WINDOW_SIZE

# A PING of one byte: a connection error.
_WRONG = b"\0\0\1\6\0\0\0\0\0x"


class IdleTests(SynchronousTestCase):
    """
    The client sends nothing for a minute.
    """

    def test_without_streams(self) -> None:
        """
        A connection without streams is closed without an error.
        """
        pair = Pair(timeout=60)

        pair.clock.advance(60)
        pair.listen()

        self.assertTrue(pair.transport.disconnecting)
        self.assertEqual(terminated(pair), Code.NO_ERROR)

    def test_with_a_stream(self) -> None:
        """
        A connection with a stream stays open until a minute after its last stream.
        """
        pair = Pair(timeout=60)
        _, request, _ = pair.answer()
        for _ in range(5):
            pair.clock.advance(60)
        self.assertFalse(pair.transport.disconnecting)

        request.finish()
        pair.exchange()
        pair.clock.advance(59)
        self.assertFalse(pair.transport.disconnecting)

        pair.clock.advance(1)
        self.assertTrue(pair.transport.disconnecting)

    def test_client_does_not_close(self) -> None:
        """
        If the client does not close its end, the connection is aborted after 15 seconds.
        """
        pair = Pair(timeout=60)
        pair.tell(_WRONG)
        self.assertTrue(pair.transport.disconnecting)

        pair.clock.advance(14)
        self.assertFalse(pair.transport.aborted)

        pair.clock.advance(1)
        self.assertTrue(pair.transport.aborted)
        self.assertEqual(pair.clock.getDelayedCalls(), [])


class EndsTests(SynchronousTestCase):
    """
    Streams and connections that end, in every way.
    """

    def test_finish(self) -> None:
        """
        A response ends after all of its bytes, and its stream is forgotten.
        """
        pair = Pair()
        stream, request, _ = pair.answer()
        request.write(b"all")
        request.finish()
        pair.exchange()

        self.assertEqual(pair.bodies[stream], b"all")
        self.assertEqual(pair.ended, [stream])
        self.assertEqual(pair.ends[stream], ["NoneType"])
        self.assertEqual(pair.server.streams, {})

    def test_lose(self) -> None:
        """
        `loseConnection` ends the stream after what was written, and tells the request once.
        """
        pair = Pair()
        stream, request, _ = pair.answer()
        request.write(b"all")
        request.loseConnection()
        pair.exchange()

        self.assertEqual(pair.bodies[stream], b"all")
        self.assertEqual(pair.ended, [stream])
        self.assertEqual(pair.ends[stream], ["ConnectionDone"])
        request.write(b"more")
        # As it is with HTTP/1.1.
        self.assertRaises(RuntimeError, request.finish)

    def test_truncate(self) -> None:
        """
        A stream that is not complete is reset after what was written, and the request told
        once.
        """
        pair = Pair()
        stream, request, _ = pair.answer()
        request.write(b"half")
        channel: Any = request.channel
        channel.truncate()
        pair.exchange()

        self.assertEqual(pair.bodies[stream], b"half")
        self.assertEqual((pair.ended, pair.reset), ([], {stream: Code.INTERNAL_ERROR}))
        self.assertEqual(pair.ends[stream], ["ConnectionDone"])
        self.assertEqual(pair.server.streams, {})

    def test_lose_before_headers(self) -> None:
        """
        A stream that ends without headers is reset.
        """
        pair = Pair()
        stream = pair.ask()
        pair.requests[stream].loseConnection()
        pair.exchange()

        self.assertEqual(pair.reset, {stream: Code.CANCEL})
        self.assertEqual(pair.ends[stream], ["ConnectionAborted"])

    def test_finish_after_lose(self) -> None:
        """
        A request may be finished after `loseConnection`.
        """
        pair = Pair()
        stream, request, _ = pair.answer()
        request.loseConnection()
        request.write(b"late")
        request.finish()
        pair.exchange()

        self.assertEqual(pair.ended, [stream])
        self.assertEqual(pair.ends[stream], ["NoneType"])

    def test_abort(self) -> None:
        """
        `abortConnection` resets the stream at once, and tells the request once.
        """
        pair = Pair({WINDOW: 1})
        stream, request, channel = pair.answer()
        request.write(b"not sent")
        channel.abortConnection()
        channel.abortConnection()
        request.write(b"more")
        pair.exchange()

        self.assertEqual(pair.reset, {stream: Code.CANCEL})
        self.assertEqual(pair.ends[stream], ["ConnectionAborted"])

    def test_reset_with_queue(self) -> None:
        """
        A client may reset a stream that has something queued, and open another one.
        """
        pair = Pair({WINDOW: 1})
        stream, request, _ = pair.answer()
        request.write(b"waits")
        pair.client.reset_stream(stream, Code.CANCEL)
        other = pair.ask()

        self.assertEqual(pair.ends[stream], ["ConnectionLost"])
        self.assertEqual(list(pair.server.streams), [other])

    def test_in_one_read(self) -> None:
        """
        Events of a stream that h2 has already forgotten are handled.
        """
        pair = Pair({WINDOW: 1})
        stream, request, _ = pair.answer()
        request.write(b"waits")
        pair.exchange()
        pair.client.increment_flow_control_window(10, stream)
        pair.client.reset_stream(stream, Code.CANCEL)
        other = pair.ask()

        self.assertEqual(list(pair.server.streams), [other])

    def test_answer_after_reset(self) -> None:
        """
        A request may be answered at once although it has been reset.
        """
        pair = Pair()
        pair.at_once = True
        for _ in range(3):
            pair.client.reset_stream(pair.prepare(), Code.CANCEL)
        other = pair.ask()

        self.assertEqual(pair.bodies, {other: b"here you are"})
        self.assertEqual(pair.ended, [other])

    def test_upload_to_a_finished_request(self) -> None:
        """
        When a request is answered before it is complete, the rest of it is ignored, and the
        client is told to stop.
        """
        pair = Pair({WINDOW: 1})
        stream = pair.ask("POST", end=False)
        request = pair.requests[stream]
        request.write(b"no")
        request.finish()
        pair.client.send_data(stream, b"x" * 10_000)
        pair.exchange()
        pair.client.increment_flow_control_window(10, stream)
        pair.exchange()

        self.assertEqual(pair.bodies[stream], b"no")
        self.assertEqual(pair.ended, [stream])
        self.assertEqual(pair.reset, {stream: Code.NO_ERROR})

    def test_upload_to_an_ended_stream(self) -> None:
        """
        Data for a stream that has ended does not exhaust the connection's window.
        """
        pair = Pair()
        for _ in range(20):
            stream = pair.ask("POST", end=False)
            pair.requests[stream].write(b"no")
            pair.requests[stream].finish()
            pair.client.send_data(stream, b"x" * 10_000)
            pair.exchange()

        self.assertFalse(pair.transport.disconnecting)
        self.assertEqual(len(pair.reset), 20)

    def test_beyond_the_window(self) -> None:
        """
        A client that exceeds its window ends the connection with an error.
        """
        pair = Pair()
        stream = pair.ask("POST", end=False)

        pair.tell(b"".join(DataFrame(stream, bytes(16384)).serialize() for _ in range(5)))
        pair.listen()

        self.assertEqual(terminated(pair), Code.FLOW_CONTROL_ERROR)
        self.assertEqual(pair.ends[stream], ["ConnectionLost"])

    def test_loss(self) -> None:
        """
        When a connection is lost, all its streams end, and their producers are stopped.
        """
        pair = Pair()
        producers = [Producer(), Producer()]
        for producer in producers:
            _, request, _channel = pair.answer()
            request.registerProducer(producer, True)

        pair.lose()

        self.assertEqual(list(pair.ends.values()), [["ConnectionDone"]] * 2)
        self.assertEqual([one.told for one in producers], [["stop"]] * 2)
        self.assertEqual(pair.clock.getDelayedCalls(), [])

    def test_loss_that_ends_others(self) -> None:
        """
        A request may abort others when it ends; each request is told once.
        """
        for ending in ("loss", "error"):
            with self.subTest(ending=ending):
                pair = Pair()
                answers = [pair.answer() for _ in range(3)]
                for _, request, _channel in answers:
                    request.notifyFinish().addErrback(
                        lambda _, all_=answers: [one.abortConnection() for *_, one in all_]
                    )

                if ending == "loss":
                    pair.lose()
                else:
                    pair.tell(_WRONG)

                self.assertEqual([len(one) for one in pair.ends.values()], [1, 1, 1])

    def test_error_while_full(self) -> None:
        """
        An error is sent even if the transport is full.
        """
        pair = Pair()
        pair.server.pauseProducing()

        pair.tell(_WRONG)
        pair.listen()

        self.assertEqual(terminated(pair), Code.FRAME_SIZE_ERROR)
        self.assertIsNone(pair.transport.producer)

    def test_end_while_full(self) -> None:
        """
        The end of the last stream is sent before the connection is closed.
        """
        pair = Pair()
        stream, request, channel = pair.answer()
        pair.server.shut_down()
        pair.transport.full = True
        channel.send(b"the last")
        request.finish()
        pair.clock.advance(0)
        pair.listen()

        self.assertEqual(pair.ended, [stream])
        self.assertTrue(pair.transport.disconnecting)

    def test_after_the_end(self) -> None:
        """
        Data after an error is ignored.
        """
        pair = Pair()
        pair.tell(_WRONG)
        pair.transport.writes.clear()

        pair.tell(_WRONG * 5000)

        self.assertEqual(pair.transport.writes, [])


class ShutDownTests(SynchronousTestCase):
    """
    `H2Connection.shut_down`.
    """

    def test_streams(self) -> None:
        """
        Open streams continue, new ones are refused, and the connection closes after the last.
        """
        pair = Pair()
        stream, request, channel = pair.answer()
        pair.server.shut_down()
        # The client must not send requests now, but may not have received GOAWAY yet.
        excess = pair.ask()
        channel.send(b"still here")
        pair.exchange()

        self.assertEqual(terminated(pair), Code.NO_ERROR)
        self.assertEqual(pair.reset, {excess: Code.REFUSED_STREAM})
        self.assertEqual(pair.bodies[stream], b"still here")
        self.assertFalse(pair.transport.disconnecting)

        request.finish()
        pair.exchange()
        self.assertEqual(pair.ended, [stream])
        self.assertTrue(pair.transport.disconnecting)

    def test_twice(self) -> None:
        """
        GOAWAY is sent once.
        """
        pair = Pair()
        pair.answer()
        pair.transport.writes.clear()

        pair.server.shut_down()
        pair.server.shut_down()

        self.assertEqual(len(pair.transport.writes), 1)

    def test_without_streams(self) -> None:
        """
        A connection without streams is closed at once.
        """
        pair = Pair()

        pair.server.shut_down()

        self.assertTrue(pair.transport.disconnecting)


def terminated(pair: Pair) -> int | None:
    """
    The code of the last GOAWAY that the client has received.
    """
    codes = [one.error_code for one in pair.events if isinstance(one, ConnectionTerminated)]
    return None if not codes else codes[-1]
