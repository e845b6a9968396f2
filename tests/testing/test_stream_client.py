"""
`StreamClient`: streams of a hub, and time.
"""

from itertools import count

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.web.server import Request

from tests.testing.stream_tests import StreamTests
from twisted_sse import Grant, ServerSentEvent
from twisted_sse.broker.connections.endreason import EndReason
from twisted_sse.testing import StreamClient

__all__ = ["HubTests", "TimeTests"]


class HubTests(StreamTests):
    """
    Streams of a hub in a tree of resources.
    """

    def test_events(self) -> None:
        """
        `events` has everything that was published, without control events.
        """
        stream = self.client.get("/news")
        self.publish("one", "two")

        self.assertEqual([event.data for event in stream.events], ["one", "two"])
        self.assertEqual([event.event for event in stream.control], ["stream-open"])
        self.assertEqual(stream.last_event_id, stream.events[-1].id)

    def test_head_of_the_answer(self) -> None:
        """
        Status, headers and the reconnection time are those of the hub.
        """
        stream = self.client.get("/news")

        self.assertEqual(stream.status, 200)
        self.assertEqual(stream.header("content-type"), "text/event-stream")
        self.assertEqual(stream.headers.getRawHeaders("X-Accel-Buffering"), ["no"])
        self.assertIsNone(stream.header("X-Else"))
        self.assertEqual(stream.reconnection_time, 3.0)

    def test_take(self) -> None:
        """
        `take` returns each event once.
        """
        stream = self.client.get("/news")
        self.publish("one")
        first = stream.take()
        self.publish("two", "three")

        self.assertEqual([event.data for event in first], ["one"])
        self.assertEqual([event.data for event in stream.take()], ["two", "three"])
        self.assertEqual(stream.take(), [])

    def test_last_event_id(self) -> None:
        """
        With a last event ID, the stream begins with the next event.
        """
        self.publish("one", "two", "three")
        stream = self.client.get("/news", last_event_id="earliest")
        first = stream.events[0]

        again = self.client.get("/news", last_event_id=first.id)

        self.assertEqual([event.data for event in again.events], ["two", "three"])
        self.assertEqual(again.control[0].json()["resumed"], True)

    def test_unknown_id(self) -> None:
        """
        With an unknown last event ID, the stream begins with `stream-reset`.
        """
        stream = self.client.get("/news", last_event_id="7")

        self.assertEqual([event.event for event in stream.control], ["stream-reset"])
        self.assertEqual(stream.last_event_id, "7")

    def test_disconnect(self) -> None:
        """
        After `disconnect`, the hub has no connection, and no event arrives.
        """
        stream = self.client.get("/news")
        before = len(self.hub.connections)

        stream.disconnect()
        self.publish("one")

        self.assertEqual((before, len(self.hub.connections)), (1, 0))
        self.assertTrue(stream.closed)
        self.assertFalse(stream.ended)
        self.assertEqual(stream.events, [])

    def test_disconnect_again(self) -> None:
        """
        `disconnect` may be called again, and after the answer has ended.
        """
        left, ended = self.client.get("/news"), self.client.get("/else")
        for answer in (left, left, ended):
            answer.disconnect()

        self.assertEqual((left.ended, ended.ended), (False, True))

    def test_resume(self) -> None:
        """
        `resume` opens a new connection and receives the missed events.
        """
        stream = self.client.get("/news")
        self.publish("one")
        stream.disconnect()
        self.publish("two")

        again = stream.resume()
        self.publish("three")

        self.assertEqual([event.data for event in stream.events], ["one"])
        self.assertEqual([event.data for event in again.events], ["two", "three"])
        self.assertEqual(len(self.hub.connections), 1)

    def test_resume_open(self) -> None:
        """
        `resume` closes a stream that is open.
        """
        stream = self.client.get("/news")

        again = stream.resume()

        self.assertTrue(stream.closed)
        self.assertFalse(again.closed)
        self.assertEqual(len(self.hub.connections), 1)

    def test_several(self) -> None:
        """
        Each stream has its own connection.
        """
        streams = [self.client.get("/news") for _ in range(3)]
        streams[1].disconnect()
        self.publish("one")

        self.assertEqual([len(stream.events) for stream in streams], [1, 0, 1])
        self.assertEqual(len({str(each.address) for each in self.hub.connections}), 2)

    def test_drain(self) -> None:
        """
        When the hub stops, streams end after its farewell event.
        """
        service = self.hub.service(spread=0.0, farewell=ServerSentEvent("bye"))
        service.startService()
        stream = self.client.get("/news")

        stopping = service.stopService()
        self.client.advance(1)

        self.successResultOf(stopping)
        self.assertEqual([event.data for event in stream.events], ["bye"])
        self.assertTrue(stream.ended)
        self.assertTrue(stream.closed)

    def test_cut(self) -> None:
        """
        A stream that the server aborts is closed, but not ended.
        """
        stream = self.client.get("/news")
        (connection,) = self.hub.connections
        connection.abort(EndReason.SEND_TIMEOUT)

        self.assertTrue(stream.closed)
        self.assertFalse(stream.ended)

    def test_close(self) -> None:
        """
        After `close` there are no connections and no delayed calls, and requests
        fail.
        """
        self.client.get("/news")
        self.client.get("/news").slow_down()

        self.client.close()

        self.assertEqual(len(self.hub.connections), 0)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        with self.assertRaisesRegex(AssertionError, "GET /news was not answered.*closed"):
            print(self.client.get("/news").status)

    def test_context(self) -> None:
        """
        The client is closed at the end of a ``with`` block.
        """
        with StreamClient(self.hub, self.clock) as client:
            stream = client.get("/", params={"topic": "news"})
            self.publish("one")
            self.assertEqual(len(stream.events), 1)

        self.assertEqual(len(self.hub.connections), 0)
        self.assertTrue(stream.closed)


class TimeTests(StreamTests):
    """
    Time passes only when the test advances the clock.
    """

    def test_keepalive(self) -> None:
        """
        A keepalive arrives after 15 silent seconds, and none earlier.
        """
        stream = self.client.get("/news")
        self.clock.advance(14)
        early = stream.comments
        self.clock.advance(1)

        self.assertEqual(early, [])
        self.assertEqual(stream.comments, [""])
        self.assertEqual(stream.events, [])

    def test_advance(self) -> None:
        """
        `advance` runs every delayed call at its time, and ends at the right time.
        """
        stream = self.client.get("/news")

        self.client.advance(60)

        self.assertEqual(stream.comments, [""] * 4)
        self.assertEqual(self.clock.seconds(), 60)

    def test_fractions(self) -> None:
        """
        Times that floats cannot express exactly are reached.
        """
        seen: list[float] = []
        for tenths in (1, 3, 7):
            self.clock.callLater(tenths / 10, seen.append, tenths)

        for _ in range(7):
            self.client.advance(0.1)

        self.assertEqual(seen, [1, 3, 7])

    def test_own_clock(self) -> None:
        """
        Without a clock the client makes one.
        """
        client = StreamClient(self.root)
        self.addCleanup(client.close)

        client.advance(3)

        self.assertEqual(client.clock.seconds(), 3)

    def test_schedule(self) -> None:
        """
        Scheduled events of the hub follow the clock.
        """
        numbers = count(1)
        self.hub.every(10, "news", lambda: str(next(numbers)))
        service = self.hub.service(spread=0)
        service.startService()
        self.addCleanup(service.stopService)
        stream = self.client.get("/news")

        self.client.advance(30)

        self.assertEqual([event.data for event in stream.take()][-3:], ["2", "3", "4"])

    def test_answered_later(self) -> None:
        """
        A request that waits has no status until the clock is advanced.
        """

        async def authorize(request: Request) -> Grant:
            await deferLater(self.clock, 2.0)
            return Grant("ann", public=True)

        client = StreamClient(self.hub.resource(authorize), self.clock)
        self.addCleanup(client.close)
        stream = client.get("/?topic=news")
        before = stream.answered, stream.closed
        with self.assertRaisesRegex(AssertionError, "not been answered yet"):
            print(stream.status)

        client.advance(2)

        self.assertEqual(before, (False, False))
        self.assertEqual(stream.status, 200)
        self.assertEqual([each.user for each in self.hub.connections], ["ann"])

    def test_left_unanswered(self) -> None:
        """
        `disconnect` before there is an answer closes the connection, too.
        """
        left: list[object] = []

        def authorize(request: Request) -> Deferred[Grant]:
            request.notifyFinish().addErrback(left.append)
            return Deferred()

        client = StreamClient(self.hub.resource(authorize), self.clock)
        self.addCleanup(client.close)
        stream = client.get("/?topic=news")

        stream.disconnect()

        self.assertEqual(len(left), 1)
        self.assertTrue(stream.closed)
        self.assertEqual(stream.last_event_id, "")
