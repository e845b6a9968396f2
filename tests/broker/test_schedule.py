"""
`Hub.every`: events that a hub publishes at an interval.
"""

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.support.history import AbsentHistory, SlowHistory
from tests.support.hubs import Subscriber, make_hub
from twisted_sse import Grant, ServerSentEvent
from twisted_sse.errors import InvalidEvent, InvalidTopic
from twisted_sse.history import MemoryHistory
from twisted_sse.interfaces import IHistoryProvider

__all__ = ["FailureTests", "IdleTests", "LifecycleTests", "TurnTests"]


class Scheduled(SynchronousTestCase):
    """
    A running hub service, and a subscriber to the topic ``a``.
    """

    def setUp(self) -> None:
        """
        Start a hub.
        """
        self.start()

    def start(self, history: IHistoryProvider | None = None) -> None:
        """
        Start a hub with *history*.
        """
        self.hub, self.clock = make_hub(history)
        self.service = self.hub.service()
        self.service.startService()
        self.subscriber = Subscriber(self.hub, "a")
        self.made = 0

    def count(self) -> str:
        """
        Make an event whose data is how many were made.
        """
        self.made += 1
        return str(self.made)

    def advance(self, seconds: float) -> None:
        """
        Advance the clock, and send what is published before and after.
        """
        self.clock.advance(0)
        self.clock.advance(seconds)
        self.clock.advance(0)


class TurnTests(Scheduled):
    """
    One interval.
    """

    def test_interval(self) -> None:
        """
        An event comes at once, and one after each interval.
        """
        self.hub.every(2, "a", self.count)
        self.advance(0)
        self.assertEqual(self.subscriber.data, ["1"])
        self.advance(1.9)
        self.assertEqual(self.subscriber.data, ["1"])
        self.advance(0.1)
        self.advance(2)

        self.assertEqual(self.subscriber.data, ["1", "2", "3"])

    def test_kinds(self) -> None:
        """
        The function returns an event, a string, other data or a Deferred; None publishes nothing.
        """
        event = ServerSentEvent("x", event="e")

        async def coroutine() -> object:
            return await succeed("coroutine")

        made: list[Callable[[], object]] = [
            lambda: event,
            lambda: {"n": 1},
            lambda: None,
            lambda: succeed("later"),
            coroutine,
            lambda: succeed(None),
            lambda: "last",
        ]
        turns = iter(made)
        self.hub.every(1, ["a", "b"], lambda: next(turns)())
        for _ in made[1:]:
            self.advance(1)

        self.assertEqual(self.subscriber.sink.events[0].event, "e")
        self.assertEqual(self.subscriber.data, ["x", '{"n":1}', "later", "coroutine", "last"])

    def test_under_way(self) -> None:
        """
        Intervals are skipped while an event is being made; then the rhythm continues.
        """
        making: list[Deferred[object]] = []

        def make() -> Deferred[object]:
            making.append(Deferred())
            return making[-1]

        self.hub.every(1, "a", make)
        self.advance(2.5)
        self.assertEqual(len(making), 1)
        making[0].callback("1")
        self.advance(0.4)
        self.assertEqual(len(making), 1)
        self.advance(0.1)

        self.assertEqual(len(making), 2)
        self.assertEqual(self.subscriber.data, ["1"])

    def test_history_takes_its_time(self) -> None:
        """
        No event is made before history has kept the last one.
        """
        history = SlowHistory(MemoryHistory())
        self.start(history)
        self.hub.every(1, "a", self.count)
        self.advance(0)
        self.advance(5)

        self.assertEqual(self.made, 1)

    def test_invalid(self) -> None:
        """
        Arguments that can never work are refused at once.
        """
        self.assertRaises(InvalidTopic, self.hub.every, 1, "", self.count)
        for seconds in (0, -1, float("inf"), float("nan")):
            self.assertRaises(ValueError, self.hub.every, seconds, "a", self.count)

        self.assertEqual(self.made, 0)


class IdleTests(Scheduled):
    """
    Publishing without subscribers.
    """

    def test_nobody(self) -> None:
        """
        By default it continues; with ``idle=False`` it pauses until a subscriber comes.
        """
        self.hub.every(1, "b", self.count, idle=False)
        self.advance(3)
        self.assertEqual(self.made, 0)
        other = Subscriber(self.hub, "b")
        self.advance(1)
        other.leave()
        self.advance(3)
        self.assertEqual(other.data, ["1"])
        self.hub.every(1, "b", self.count)
        self.advance(1)

        self.assertEqual(self.made, 3)

    def test_any_of_the_topics(self) -> None:
        """
        One subscriber to one of the topics is enough, even by a pattern.
        """
        for topics in (["b", "a"], ["c"]):
            with self.subTest(topics=topics):
                self.start()
                Subscriber(self.hub, "{letter}", grant=Grant("ann", subscribe=["c"]))
                schedule = self.hub.every(1, topics, self.count, idle=False)
                schedule.stop()

                self.assertEqual(self.made, 1)

    def test_not_allowed(self) -> None:
        """
        A subscriber that may read none of the topics does not count.
        """
        Subscriber(self.hub, "*", grant=Grant("ann", subscribe=["c"]))
        self.hub.every(1, "b", self.count, idle=False)

        self.assertEqual(self.made, 0)


class FailureTests(Scheduled):
    """
    Failures while making or publishing an event.
    """

    def test_logged(self) -> None:
        """
        A failure is logged with the topics, and the schedule continues.
        """

        def make() -> object:
            return self.count() if self.made else 1 / self.made

        async def later() -> object:
            return make()

        for make_event in (make, later):
            with self.subTest(make_event=make_event):
                self.start()
                with capturedLogs() as events:
                    self.hub.every(1, ["a", "b"], make_event)
                self.made = 1
                self.advance(1)

                self.assertEqual([one["topics"] for one in events], [("a", "b")])
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
                self.assertEqual(self.subscriber.data, ["2"])

    def test_cannot_be_sent(self) -> None:
        """
        A value that cannot be sent is a failure, too.
        """
        made = iter([object(), "good"])
        self.hub.every(1, "a", lambda: next(made))
        self.advance(1)

        self.assertEqual(len(self.flushLoggedErrors(InvalidEvent)), 1)
        self.assertEqual(self.subscriber.data, ["good"])

    def test_cancelled_elsewhere(self) -> None:
        """
        A cancellation from elsewhere is a failure like any other.
        """
        making: Deferred[object] = Deferred()
        self.hub.every(1, "a", lambda: making)
        making.cancel()

        self.assertEqual(len(self.flushLoggedErrors(CancelledError)), 1)

    def test_outage(self) -> None:
        """
        An outage of history is logged once, and the schedule continues when it is over.
        """
        history = AbsentHistory()
        with capturedLogs() as events:
            self.start(history)
            self.subscriber.located.addErrback(lambda _: None)
            self.hub.every(1, "a", self.count)
            for _ in range(3):
                self.advance(1)
        history.away = False
        self.advance(1)
        subscriber = Subscriber(self.hub, "a")
        self.advance(1)

        ours = [one for one in events if "topics" in one]
        self.assertEqual(len(ours), 1)
        self.assertEqual(len(subscriber.data), 1)


class LifecycleTests(Scheduled):
    """
    Starting and stopping.
    """

    def test_with_the_service(self) -> None:
        """
        A schedule starts and stops with the service.
        """
        self.hub, self.clock = make_hub()
        service = self.hub.service(grace=1.0)
        self.hub.every(1, "a", self.count)
        self.advance(5)
        self.assertEqual(self.made, 0)
        service.startService()
        self.advance(1)
        self.assertEqual(self.made, 2)
        stopped = service.stopService()
        self.advance(5)

        self.successResultOf(stopped)
        self.assertEqual(self.made, 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """
        A stopped schedule does not start again, and may be stopped twice.
        """
        self.hub, self.clock = make_hub()
        schedule = self.hub.every(1, "a", self.count)
        schedule.stop()
        self.hub.service().startService()
        running = self.hub.every(1, "a", self.count)
        running.stop()
        running.stop()
        self.advance(5)

        self.assertEqual(self.made, 1)

    def test_stopped_by_itself(self) -> None:
        """
        A schedule may be stopped while it makes an event, which is then not published.
        """

        def make() -> str:
            if self.made == 2:
                schedule.stop()
            return self.count()

        schedule = self.hub.every(1, "a", make)
        self.advance(1)
        self.advance(1)
        self.advance(5)

        self.assertEqual(self.subscriber.data, ["1", "2"])

    def test_cancelled(self) -> None:
        """
        An event being made at the stop is cancelled, and neither published nor logged.
        """
        cancelled: list[object] = []
        making: Deferred[object] = Deferred(cancelled.append)
        schedule = self.hub.every(1, "a", lambda: making)
        schedule.stop()
        self.advance(5)

        self.assertEqual(cancelled, [making])
        self.assertEqual(self.subscriber.data, [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_published_before(self) -> None:
        """
        An event already published is not taken back.
        """
        schedule = self.hub.every(1, "a", self.count)
        schedule.stop()
        self.advance(0)

        self.assertEqual(self.subscriber.data, ["1"])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_started_again(self) -> None:
        """
        After a pause and a start there is one rhythm, even if an event was being made.
        """
        history = SlowHistory(MemoryHistory())
        self.start(history)
        schedule = self.hub.every(1, "a", self.count)
        self.advance(0)
        schedule.pause()
        schedule.start()
        history.answer_next()
        self.advance(0)
        history.answer_next()
        self.assertEqual(self.made, 2)
        self.advance(1)

        self.assertEqual(self.made, 3)
