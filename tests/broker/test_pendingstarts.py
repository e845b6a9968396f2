"""
Subscribers that come while history is not available wait for it, as connected ones do.
"""

from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.sinks import MemorySink
from twisted_sse import Grant, Hub, ServerSentEvent
from twisted_sse.history import MemoryHistory

__all__ = ["WaitingTests"]


class WaitingTests(SynchronousTestCase):
    """
    An outage, and who comes during it.
    """

    def setUp(self) -> None:
        """
        Ten events, of which the window has two; then an outage.
        """
        self.history = AbsentHistory(away=False)
        self.hub, self.clock = make_hub(self.history, window_events=2, retry_spread=0)
        self.ids = [self.publish(str(number)) for number in range(10)]
        self.history.away = True

    def publish(self, data: str) -> str:
        """
        Publish, and return the event ID.
        """
        done = self.hub.publish("a", data)
        self.clock.advance(0)
        return self.successResultOf(done).id

    def pass_seconds(self, count: int, hub_clock: Clock | None = None) -> None:
        """
        Let time pass, in turns.
        """
        clock = self.clock if hub_clock is None else hub_clock
        for _ in range(count):
            clock.advance(1)
            for _ in range(10):
                clock.advance(0)

    def test_resume(self) -> None:
        """
        They get what they missed, once, and what follows, whatever the outage lasts.
        """
        waiting = [Subscriber(self.hub, "a", last_event_id=one) for one in self.ids[:8]]
        self.pass_seconds(100)
        self.assertEqual({one.sink.received for one in waiting}, {b"retry: 3000\n\n"})
        self.history.away = False
        self.publish("10")
        self.pass_seconds(1)
        self.publish("11")

        for number, one in enumerate(waiting):
            self.assertEqual(one.data, [str(each) for each in range(number + 1, 12)])
            opened = [block for block in one.sink.blocks if block.event == "stream-open"]
            self.assertEqual([block.id for block in opened], [self.ids[number]])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_one_by_one(self) -> None:
        """
        However many wait, one question is asked each second.
        """
        asked: list[str | None] = []
        since = self.history.since
        self.history.since = lambda *given: asked.append(given[0]) or since(*given)  # type: ignore
        for _ in range(50):
            Subscriber(self.hub, "a", last_event_id=self.ids[0])
            Subscriber(self.hub, "a", last_event_id=self.ids[1])
        asked.clear()
        self.pass_seconds(10)

        self.assertEqual(len(asked), 10)
        self.assertEqual(set(asked), {self.ids[0], self.ids[1]})

    def test_leaves(self) -> None:
        """
        A subscriber that leaves is forgotten; the others are not.
        """
        leaving, staying = (Subscriber(self.hub, "a", last_event_id=self.ids[0]) for _ in range(2))
        leaving.leave()
        self.history.away = False
        self.pass_seconds(1)

        self.assertEqual(leaving.sink.received, b"retry: 3000\n\n")
        self.assertEqual(len(staying.data), 9)
        self.assertEqual(len(self.hub.connections), 1)
        staying.leave()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_blocked(self) -> None:
        """
        A reader that takes nothing meanwhile gets everything in order when it reads.
        """
        waiting = Subscriber(self.hub, "a", last_event_id=self.ids[5])
        waiting.sink.pause()
        self.history.away = False
        self.pass_seconds(2)
        waiting.sink.make_room(1 << 20)
        self.pass_seconds(1)

        self.assertEqual(waiting.data, ["6", "7", "8", "9"])
        self.assertEqual([one.event for one in waiting.sink.blocks if one.event], ["stream-open"])

    def test_pushed(self) -> None:
        """
        They can be pushed to, and `on_connect` is called for them at once.
        """
        connected: list[object] = []
        self.hub.on_connect(connected.append)
        waiting = Subscriber(self.hub, "a", last_event_id=self.ids[5])
        self.clock.advance(0)

        self.assertEqual(connected, [waiting.connection])
        self.assertEqual(self.hub.push(ServerSentEvent("hello")), 1)
        self.assertEqual(waiting.data, ["hello"])

    def test_drained(self) -> None:
        """
        A hub that stops ends them at once, with the time to come back after.
        """
        waiting = Subscriber(self.hub, "a", last_event_id=self.ids[5])
        service = self.hub.service()
        service.startService()
        stopping = service.stopService()
        self.clock.advance(0)
        self.assertIsNotNone(waiting.connection.ended)
        self.pass_seconds(3)

        self.successResultOf(stopping)
        self.assertIn(b"retry: ", waiting.sink.received[len(b"retry: 3000\n\n") :])
        self.assertTrue(waiting.sink.finished)
        self.assertFalse(waiting.sink.aborted)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_grant(self) -> None:
        """
        A grant that ends meanwhile ends the stream.
        """
        grant = Grant("ada", subscribe=["a"], expires=self.clock.seconds() + 5)
        waiting = Subscriber(self.hub, "a", last_event_id=self.ids[5], grant=grant)
        self.pass_seconds(7)

        self.assertIsNotNone(waiting.connection.ended)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_private(self) -> None:
        """
        What may not be read is not told afterwards either.
        """
        history = AbsentHistory(MemoryHistory(), away=False)
        hub, clock = make_hub(history, retry_spread=0)
        hub.publish("b", "x", id="secret", private=True)
        clock.advance(0)
        history.away = True
        waiting = Subscriber(hub, "*", last_event_id="elsewhere")
        history.away = False
        self.pass_seconds(1, clock)

        self.assertNotIn(b"secret", waiting.sink.received)

    def test_bug(self) -> None:
        """
        If history has a bug, the stream ends, and the log says why.
        """
        waiting = Subscriber(self.hub, "a", last_event_id=self.ids[5])
        self.history.since = lambda *given: 1 // 0  # type: ignore[assignment]
        self.pass_seconds(1)

        self.assertIsNotNone(waiting.connection.ended)
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)

    def test_log(self) -> None:
        """
        An outage does not fill the log.
        """
        with capturedLogs() as events:
            for number in range(20):
                Subscriber(self.hub, "a", last_event_id=self.ids[number % 8])
            self.pass_seconds(30)

        self.assertEqual(events, [])

    def test_never_started(self) -> None:
        """
        A hub whose history has never been there lets everybody wait too.
        """
        history = AbsentHistory()
        hub = Hub(history, keepalive=None, reactor=self.clock)
        waiting = [
            Subscriber(hub, "a", last_event_id=one, sink=MemorySink()) for one in (None, "x")
        ]
        self.pass_seconds(3)
        history.away = False
        self.pass_seconds(1)
        hub.publish("a", "first")
        self.clock.advance(0)

        self.assertEqual([one.data for one in waiting], [["first"], ["first"]])
        kinds = [[block.event for block in one.sink.blocks[1:2]] for one in waiting]
        self.assertEqual(kinds, [["stream-open"], ["stream-reset"]])
