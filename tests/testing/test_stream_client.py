"""
The client that application authors test their streams with: streams and time.
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
        What is published is there at the next look, and control events are kept apart.
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
        Each event is taken once.
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
        Who comes with the ID of an event gets what follows it.
        """
        self.publish("one", "two", "three")
        stream = self.client.get("/news", last_event_id="earliest")
        first = stream.events[0]

        again = self.client.get("/news", last_event_id=first.id)

        self.assertEqual([event.data for event in again.events], ["two", "three"])
        self.assertEqual(again.control[0].json(), {"resumed": True})

    def test_unknown_id(self) -> None:
        """
        Who comes with an ID that nobody knows is told of the gap.
        """
        stream = self.client.get("/news", last_event_id="7")

        self.assertEqual([event.event for event in stream.control], ["stream-reset"])
        self.assertEqual(stream.last_event_id, "7")

    def test_disconnect(self) -> None:
        """
        Who disconnects is gone for the hub at once, and gets nothing more.
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
        Who has left, or was let go, can be told to leave.
        """
        left, ended = self.client.get("/news"), self.client.get("/else")
        for answer in (left, left, ended):
            answer.disconnect()

        self.assertEqual((left.ended, ended.ended), (False, True))

    def test_resume(self) -> None:
        """
        Who resumes gets what was missed, on a new connection.
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
        Resuming a stream that is open leaves it.
        """
        stream = self.client.get("/news")

        again = stream.resume()

        self.assertTrue(stream.closed)
        self.assertFalse(again.closed)
        self.assertEqual(len(self.hub.connections), 1)

    def test_several(self) -> None:
        """
        Streams that are open together each have a connection of their own.
        """
        streams = [self.client.get("/news") for _ in range(3)]
        streams[1].disconnect()
        self.publish("one")

        self.assertEqual([len(stream.events) for stream in streams], [1, 0, 1])
        self.assertEqual(len({str(each.address) for each in self.hub.connections}), 2)

    def test_drain(self) -> None:
        """
        When the hub stops, streams end in good order, after its farewell.
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
        A stream that the server cuts is closed, and has not ended in good order.
        """
        stream = self.client.get("/news")
        (connection,) = self.hub.connections
        connection.abort(EndReason.SEND_TIMEOUT)

        self.assertTrue(stream.closed)
        self.assertFalse(stream.ended)

    def test_close(self) -> None:
        """
        When the client is closed nobody is connected any more, nothing is due,
        and requests fail.
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
        It is closed at the end of a ``with`` block.
        """
        with StreamClient(self.hub, self.clock) as client:
            stream = client.get("/", params={"topic": "news"})
            self.publish("one")
            self.assertEqual(len(stream.events), 1)

        self.assertEqual(len(self.hub.connections), 0)
        self.assertTrue(stream.closed)


class TimeTests(StreamTests):
    """
    Time that passes when it is told to.
    """

    def test_keepalive(self) -> None:
        """
        A comment comes after 15 silent seconds, and none earlier.
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
        Time that passes through the client passes step by step, and not too far.
        """
        stream = self.client.get("/news")

        self.client.advance(60)

        self.assertEqual(stream.comments, [""] * 4)
        self.assertEqual(self.clock.seconds(), 60)

    def test_fractions(self) -> None:
        """
        Times that floats cannot express exactly are reached nevertheless.
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
        What the hub publishes by schedule comes by the clock.
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
        A request that waits has no status yet, and gets one by the clock.
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
        Who disconnects before there is an answer is gone for the application, too.
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
