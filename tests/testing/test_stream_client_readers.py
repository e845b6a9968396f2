"""
`StreamClient` as a slow reader, and as a reader of generators.
"""

from itertools import count

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock, deferLater
from twisted.trial.unittest import SynchronousTestCase

from tests.testing.stream_tests import StreamTests
from twisted_sse import EventSourceResponse, Grant, ServerSentEvent
from twisted_sse.testing import StreamClient

__all__ = ["GeneratorTests", "SlowReaderTests"]


class SlowReaderTests(StreamTests):
    """
    Readers that are slow.
    """

    def test_slow_down(self) -> None:
        """
        A slow reader receives nothing and falls behind; after `speed_up` it receives everything.
        """
        stream = self.client.get("/news")
        (connection,) = self.hub.connections
        stream.slow_down()
        for number in range(300):
            self.publish(f"{number:0100}")
            self.clock.advance(0)
        behind = connection.live, connection.lag, len(stream.events)

        stream.speed_up()

        self.assertEqual((behind[0], behind[2]), (False, 0))
        self.assertGreater(behind[1], 200)
        self.assertEqual([int(str(each.data)) for each in stream.events], list(range(300)))
        self.assertTrue(connection.live)

    def test_before(self) -> None:
        """
        Events sent before `slow_down` have arrived.
        """
        stream = self.client.get("/news")
        self.publish("one")
        stream.slow_down()
        self.publish("two")

        self.assertEqual([event.data for event in stream.events], ["one"])

    def test_others(self) -> None:
        """
        A slow reader does not delay other readers.
        """
        slow, quick = self.client.get("/news"), self.client.get("/news")
        slow.slow_down()
        self.publish(*(f"{number:0100}" for number in range(300)))

        self.assertEqual((len(slow.events), len(quick.events)), (0, 300))

    def test_cut_for_it(self) -> None:
        """
        The hub aborts a reader that reads nothing for too long.
        """
        stream = self.client.get("/news")
        stream.slow_down()
        self.publish("x" * 100_000)

        self.client.advance(120)

        self.assertEqual(len(self.hub.connections), 0)
        self.assertTrue(stream.closed)
        self.assertFalse(stream.ended)

    def test_disconnect(self) -> None:
        """
        A slow reader can disconnect, too.
        """
        stream = self.client.get("/news")
        stream.slow_down()
        self.publish("x" * 100_000)

        stream.disconnect()

        self.assertEqual(len(self.hub.connections), 0)

    def test_ended_meanwhile(self) -> None:
        """
        After `speed_up`, everything sent before the end arrives, and then the end.
        """
        stream = self.client.get("/news")
        stream.slow_down()
        self.publish("x" * 100_000)
        self.clock.advance(0)
        (connection,) = self.hub.connections
        connection.close(ServerSentEvent("last"))
        before = stream.ended

        stream.speed_up()

        self.assertFalse(before)
        self.assertEqual([len(str(each.data)) for each in stream.events], [100_000, 4])
        self.assertTrue(stream.ended)

    def test_before_the_answer(self) -> None:
        """
        A reader may be slow before the answer arrives.
        """
        granted: Deferred[Grant] = Deferred()
        client = StreamClient(self.hub.resource(lambda _: granted), self.clock)
        self.addCleanup(client.close)
        stream = client.get("/?topic=news")
        stream.slow_down()

        granted.callback(Grant(public=True))
        self.clock.advance(0)
        self.publish(*(f"{number:0100}" for number in range(300)))
        before = stream.events
        stream.speed_up()

        self.assertLess(len(before), 300)
        self.assertEqual(len(stream.events), 300)

    def test_any_room(self) -> None:
        """
        Everything arrives with buffers of any size.
        """
        for room in (1, 7, 100):
            client = StreamClient(self.root, self.clock, room=room)
            self.addCleanup(client.close)
            stream = client.get("/news")
            self.publish("one", "two")

            self.assertEqual([event.data for event in stream.events], ["one", "two"], room)

    def test_no_room(self) -> None:
        """
        A room of 0 raises ValueError.
        """
        with self.assertRaisesRegex(ValueError, "room"):
            StreamClient(self.root, self.clock, room=0)

    def test_room(self) -> None:
        """
        *room* is the size of the network's buffers.
        """
        client = StreamClient(self.root, self.clock, room=1024 * 1024)
        self.addCleanup(client.close)
        client.get("/news").slow_down()
        self.publish(*(f"{number:0100}" for number in range(300)))
        self.clock.advance(0)
        (connection,) = self.hub.connections

        self.assertTrue(connection.live)


class GeneratorTests(SynchronousTestCase):
    """
    Streams of generators.
    """

    def setUp(self) -> None:
        """
        Make a clock, and a list of closed generators.
        """
        self.clock = Clock()
        self.closed: list[str] = []

    def serve(self, source: object, **options: object) -> StreamClient:
        """
        Make a client of the stream of *source*.
        """
        response = EventSourceResponse(source, clock=self.clock, **options)  # type: ignore[arg-type]
        client = StreamClient(response, self.clock)
        self.addCleanup(client.close)
        return client

    def test_finally(self) -> None:
        """
        A generator is closed when its reader disconnects.
        """

        async def ticks(last_event_id: str | None) -> object:
            try:
                for number in count(int(last_event_id or 0) + 1):
                    yield ServerSentEvent(str(number), id=str(number))
                    await deferLater(self.clock, 1.0)
            finally:
                self.closed.append("ticks")

        stream = self.serve(ticks).get("/", last_event_id="6")
        self.clock.advance(1)
        seen, before = [event.data for event in stream.events], list(self.closed)

        stream.disconnect()

        self.assertEqual(seen, ["7", "8"])
        self.assertEqual((before, self.closed), ([], ["ticks"]))

    def test_forget_id(self) -> None:
        """
        After an empty event ID, `resume` sends no last event ID.
        """
        asked: list[str | None] = []

        def forget(last_event_id: str | None) -> object:
            asked.append(last_event_id)
            yield ServerSentEvent("forget", id="")

        stream = self.serve(forget).get("/", last_event_id="5")
        again = stream.resume()

        self.assertEqual((asked, again.last_event_id), (["5", None], ""))

    def test_end(self) -> None:
        """
        When a generator ends, the stream ends.
        """
        stream = self.serve(lambda: iter(["a", "b"]), farewell=ServerSentEvent("bye")).get("/")

        self.assertEqual([event.data for event in stream.events], ["a", "b", "bye"])
        self.assertTrue(stream.ended)

    def test_failure(self) -> None:
        """
        A ``stream-error`` is a control event.
        """

        def broken() -> object:
            yield "a"
            raise ZeroDivisionError

        stream = self.serve(broken, error=True).get("/")

        self.assertEqual([event.data for event in stream.events], ["a"])
        self.assertEqual([event.event for event in stream.control], ["stream-error"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_without_end(self) -> None:
        """
        An endless generator that never waits is read in portions, one for each access.
        """

        def numbers() -> object:
            try:
                yield from ({"number": number} for number in count())
            finally:
                self.closed.append("numbers")

        stream = self.serve(numbers).get("/")
        first = len(stream.events)
        second = len(stream.events)

        stream.disconnect()

        self.assertGreater(second, first)
        self.assertLess(second, 50_000)
        self.assertEqual(self.closed, ["numbers"])
