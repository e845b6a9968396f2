"""
Our HTTP/2 connection: every way in which its streams end, and it.
"""

from h2.errors import ErrorCodes as Code
from h2.events import ConnectionTerminated
from h2.settings import SettingCodes
from hyperframe.frame import DataFrame
from twisted.trial.unittest import SynchronousTestCase

from tests.support.h2_pair import Pair, Producer

__all__ = ["EndsTests", "IdleTests", "ShutDownTests"]

WINDOW = SettingCodes.INITIAL_WINDOW_SIZE

# A PING of one byte: an error of the connection.
_WRONG = b"\0\0\1\6\0\0\0\0\0x"


class IdleTests(SynchronousTestCase):
    """
    Nothing comes for a minute.
    """

    def test_without_streams(self) -> None:
        """
        A connection without streams is closed, in good order.
        """
        pair = Pair(timeout=60)

        pair.clock.advance(60)
        pair.listen()

        self.assertTrue(pair.transport.disconnecting)
        self.assertEqual(terminated(pair), Code.NO_ERROR)

    def test_with_a_stream(self) -> None:
        """
        One with a stream is not, until it has none for a minute.
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

    def test_no_goodbye(self) -> None:
        """
        A client that does not close its end is cut after 15 seconds.
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
        A response ends after all of it, and nothing is left.
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
        `loseConnection` ends the stream after what was written, and tells the request, once.
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

    def test_lose_before_headers(self) -> None:
        """
        Without headers there is no end in good order: the stream is reset.
        """
        pair = Pair()
        stream = pair.ask()
        pair.requests[stream].loseConnection()
        pair.exchange()

        self.assertEqual(pair.reset, {stream: Code.CANCEL})
        self.assertEqual(pair.ends[stream], ["ConnectionAborted"])

    def test_finish_after_lose(self) -> None:
        """
        Whoever finishes what is about to be lost does no harm.
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
        `abortConnection` resets the stream at once, and tells the request, once.
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
        The client resets a stream that has something to send: neither it nor the others suffer.
        """
        pair = Pair({WINDOW: 1})
        stream, request, _ = pair.answer()
        request.write(b"waits")
        pair.client.reset_stream(stream, Code.CANCEL)
        other = pair.ask()

        self.assertEqual(pair.ends[stream], ["ConnectionLost"])
        self.assertEqual(list(pair.server.streams), [other])

    def test_in_one_breath(self) -> None:
        """
        What h2 has forgotten when its event is handled is no surprise.
        """
        pair = Pair({WINDOW: 1})
        stream, request, _ = pair.answer()
        request.write(b"waits")
        pair.exchange()
        pair.client.increment_flow_control_window(10, stream)
        pair.client.reset_stream(stream, Code.CANCEL)
        other = pair.ask()

        self.assertEqual(list(pair.server.streams), [other])

    def test_answer_to_nobody(self) -> None:
        """
        Nor is a request that is answered at once, and was reset even before.
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
        A request that is answered before it is complete: what still comes is let pass, and
        the client is told to stop.
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

    def test_upload_to_nobody(self) -> None:
        """
        What comes for a stream that has ended counts against the connection's window no more.
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
        A client that sends more than it may is let go.
        """
        pair = Pair()
        stream = pair.ask("POST", end=False)

        pair.tell(b"".join(DataFrame(stream, bytes(16384)).serialize() for _ in range(5)))
        pair.listen()

        self.assertEqual(terminated(pair), Code.FLOW_CONTROL_ERROR)
        self.assertEqual(pair.ends[stream], ["ConnectionLost"])

    def test_loss(self) -> None:
        """
        A connection that is lost ends all its streams, and stops their producers.
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
        A request that hears of it may end any other; each hears of one end.
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
        What went wrong is said even if the transport is full.
        """
        pair = Pair()
        pair.server.pauseProducing()

        pair.tell(_WRONG)
        pair.listen()

        self.assertEqual(terminated(pair), Code.FRAME_SIZE_ERROR)
        self.assertIsNone(pair.transport.producer)

    def test_end_while_full(self) -> None:
        """
        The last stream's end is sent before a connection is closed.
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
        What still comes after an error is not looked at.
        """
        pair = Pair()
        pair.tell(_WRONG)
        pair.transport.writes.clear()

        pair.tell(_WRONG * 5000)

        self.assertEqual(pair.transport.writes, [])


class ShutDownTests(SynchronousTestCase):
    """
    The server goes.
    """

    def test_streams(self) -> None:
        """
        Streams that are open go on, others are refused, and the last one takes the connection
        with it.
        """
        pair = Pair()
        stream, request, channel = pair.answer()
        pair.server.shut_down()
        # The rules forbid the client to ask now, and it may not know yet.
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
        It says so once.
        """
        pair = Pair()
        pair.answer()
        pair.transport.writes.clear()

        pair.server.shut_down()
        pair.server.shut_down()

        self.assertEqual(len(pair.transport.writes), 1)

    def test_nobody(self) -> None:
        """
        A connection without streams is closed at once.
        """
        pair = Pair()

        pair.server.shut_down()

        self.assertTrue(pair.transport.disconnecting)


def terminated(pair: Pair) -> int | None:
    """
    The code of the last GOAWAY that the client has got.
    """
    codes = [one.error_code for one in pair.events if isinstance(one, ConnectionTerminated)]
    return None if not codes else codes[-1]
