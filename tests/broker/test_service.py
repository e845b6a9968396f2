"""
A hub that starts and stops with its application.
"""

from collections.abc import Sequence
from typing import Any

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs, formatEvent
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.history import AbsentHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.stores import BookkeepingHistory
from twisted_sse import Hub
from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.history import MemoryHistory

__all__ = ["ServiceTests", "WithoutServiceTests"]


class RunningHistory(BookkeepingHistory, Service):
    """
    A provider that has to be started, and takes its time to stop.
    """

    def __init__(self) -> None:
        super().__init__(MemoryHistory())
        self.told: list[str] = []
        self.stopped: Deferred[None] = Deferred()

    def append(self, publications: Sequence[Publication]) -> Sequence[Record]:
        """
        See `IHistoryProvider.append`.
        """
        self.told.append("append")
        return super().append(publications)

    def tail(self, limit: int) -> Tail:
        """
        See `IHistoryProvider.tail`.
        """
        self.told.append("tail")
        return super().tail(limit)

    def startService(self) -> None:
        """
        See `IService.startService`.
        """
        super().startService()
        self.told.append("start")

    def stopService(self) -> Deferred[None]:
        """
        See `IService.stopService`.
        """
        super().stopService()
        self.told.append("stop")
        return self.stopped


class ServiceTests(SynchronousTestCase):
    """
    `Hub.service`.
    """

    def test_interface(self) -> None:
        """
        It is a service.
        """
        hub, _ = make_hub()

        self.assertTrue(verifyObject(IService, hub.service()))

    def test_starts(self) -> None:
        """
        A hub that is started is ready.
        """
        hub, _ = make_hub()
        service = hub.service()
        service.startService()

        self.assertTrue(hub.broker.ready)
        self.assertTrue(service.running)

    def test_around_the_history(self) -> None:
        """
        A history that is a service starts before it is used, and stops when nobody uses it.
        """
        history = RunningHistory()
        hub, clock = make_hub(history)
        service = hub.service(grace=1.0)
        service.startService()
        self.assertEqual(history.told, ["start", "tail"])
        subscriber = Subscriber(hub, "a")
        clock.advance(0)
        hub.publish("a", "1")
        clock.advance(0)
        stopped = service.stopService()
        clock.advance(0)
        self.assertEqual(history.told, ["start", "tail", "append"])
        clock.advance(0.2)
        self.assertEqual(history.told, ["start", "tail", "append", "stop"])
        self.assertTrue(subscriber.sink.finished)
        self.assertNoResult(stopped)
        history.stopped.callback(None)

        self.successResultOf(stopped)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_history_away(self) -> None:
        """
        A hub whose history is away starts nevertheless, says so once, and works later.
        """
        history = AbsentHistory()
        hub, clock = make_hub(history)
        with capturedLogs() as events:
            hub.service().startService()
        said = [formatEvent(event) for event in events]
        self.assertEqual(sum("not available" in line for line in said), 1)
        self.failureResultOf(hub.publish("a", "1"), HistoryUnavailable)
        history.away = False
        done = hub.publish("a", "2")
        clock.advance(0)

        self.assertEqual(self.successResultOf(done).subscribers, 0)

    def test_stops(self) -> None:
        """
        On stop the streams end with the farewell event, and nothing is taken any more.
        """
        hub, clock = make_hub(keepalive=15.0)
        service = hub.service(spread=0.0, farewell=ServerSentEvent("bye"))
        application = MultiService()
        service.setServiceParent(application)
        application.startService()
        subscriber = Subscriber(hub, "a")
        clock.advance(0)
        stopped = application.stopService()
        clock.pump([0.1] * 5)

        self.successResultOf(stopped)
        self.assertEqual(subscriber.sink.blocks[-1], ServerSentEvent("bye", retry=3000))
        self.failureResultOf(hub.publish("a", "1"), HubClosed)
        self.assertFalse(service.running)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_grace(self) -> None:
        """
        The grace is obeyed.
        """
        hub, clock = make_hub()
        service = hub.service(grace=2.0)
        service.startService()
        subscriber = Subscriber(hub, "a")
        clock.advance(0)
        subscriber.sink.pause()
        stopped = service.stopService()
        clock.pump([0.1] * 19)
        self.assertFalse(subscriber.sink.aborted)
        clock.pump([0.1] * 5)

        self.assertTrue(subscriber.sink.aborted)
        self.successResultOf(stopped)

    def test_stuck(self) -> None:
        """
        With a reader that takes nothing and a history that does not stop, a stop takes less
        than ten seconds by default.
        """
        history = RunningHistory()
        hub, clock = make_hub(history)
        service = hub.service()
        service.startService()
        subscriber = Subscriber(hub, "a")
        clock.advance(0)
        subscriber.sink.pause()
        stopped = service.stopService()
        with capturedLogs() as logs:
            clock.pump([0.1] * 98)

        self.successResultOf(stopped)
        self.assertEqual(
            [event["log_format"] for event in logs], ["History has not stopped in time"]
        )

    def test_history_that_takes_long(self) -> None:
        """
        Without slow readers, history may use the grace to stop.
        """
        history = RunningHistory()
        hub, clock = make_hub(history)
        service = hub.service(grace=2.0)
        service.startService()
        stopped = service.stopService()
        clock.pump([0.1] * 28)
        self.assertNoResult(stopped)
        history.stopped.callback(None)

        self.successResultOf(stopped)
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_history_that_fails(self) -> None:
        """
        A failure of history to stop is logged, be it in time or too late.
        """
        for turns in (1, 20):
            with self.subTest(turns=turns):
                history = RunningHistory()
                hub, clock = make_hub(history)
                service = hub.service(grace=0.0)
                service.startService()
                stopped = service.stopService()
                clock.pump([0.1] * turns)
                history.stopped.errback(ZeroDivisionError())

                self.successResultOf(stopped)
                self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)


class CountingReactor(MemoryReactorClock):
    """
    A reactor in memory that can forget what it was told to do at its shutdown.
    """

    def addSystemEventTrigger(self, *arguments: Any, **options: Any) -> Any:
        """
        See `IReactorCore.addSystemEventTrigger`.
        """
        super().addSystemEventTrigger(*arguments, **options)
        return arguments

    def removeSystemEventTrigger(self, triggerID: Any) -> None:
        """
        See `IReactorCore.removeSystemEventTrigger`.
        """
        phase, event, function, *arguments = triggerID
        self.triggers[phase][event].remove((function, tuple(arguments), {}))


class WithoutServiceTests(SynchronousTestCase):
    """
    A hub whose service is never started, in a program that runs a reactor.
    """

    def setUp(self) -> None:
        """
        A hub on a reactor that a test runs by hand.
        """
        self.reactor = CountingReactor()
        self.history = RunningHistory()
        self.hub = Hub(self.history, reactor=self.reactor, keepalive=None)

    def shut_down(self) -> list[Deferred[None]]:
        """
        Do what the reactor does before it shuts down.
        """
        triggers = self.reactor.triggers.get("before", {}).get("shutdown", [])
        return [function(*args, **kwargs) for function, args, kwargs in triggers]

    def turn(self, times: int = 4) -> None:
        """
        Let the reactor turn.
        """
        for _ in range(times):
            self.reactor.advance(0.2)

    def test_untouched(self) -> None:
        """
        A hub that is not used starts nothing.
        """
        self.turn()

        self.assertEqual((self.history.told, self.shut_down()), ([], []))

    def test_publication(self) -> None:
        """
        The first publication starts history, and the shutdown drains the hub.
        """
        done = self.hub.publish("a", "1")
        self.turn()
        self.successResultOf(done)
        subscriber = Subscriber(self.hub, "a")
        self.turn()
        (stopped,) = self.shut_down()
        self.turn()
        self.history.stopped.callback(None)

        self.successResultOf(stopped)
        self.assertTrue(subscriber.sink.finished)
        self.assertEqual(self.history.told, ["start", "tail", "append", "stop"])

    def test_log(self) -> None:
        """
        One line in the log says that the hub starts, however it is started.
        """
        with capturedLogs() as events:
            self.hub.publish("a", "1")
            self.hub.service().startService()
            self.turn()
        lines = [formatEvent(event) for event in events]

        self.assertEqual(lines, ["The hub starts; its history is a RunningHistory"])

    def test_subscriber(self) -> None:
        """
        So does the first subscriber.
        """
        Subscriber(self.hub, "a")
        self.turn()

        self.assertEqual(self.history.told, ["start", "tail"])
        self.assertEqual(len(self.shut_down()), 1)

    def test_schedule(self) -> None:
        """
        A schedule begins when the reactor runs.
        """
        self.hub.every(1.0, "a", lambda: "x")
        self.assertEqual(self.history.told, [])
        for function, args, kwargs in self.reactor.whenRunningHooks:
            function(*args, **kwargs)
        self.turn()

        self.assertEqual(self.history.told[:3], ["start", "tail", "append"])

    def test_schedule_of_an_application(self) -> None:
        """
        If the service belongs to an application, a schedule waits for it.
        """
        self.hub.service().setServiceParent(MultiService())
        self.hub.every(1.0, "a", lambda: "x")
        for function, args, kwargs in self.reactor.whenRunningHooks:
            function(*args, **kwargs)
        self.turn()

        self.assertEqual(self.history.told, [])

    def test_both(self) -> None:
        """
        With a service that runs, history starts once, and nothing else drains the hub.
        """
        service = self.hub.service()
        service.startService()
        self.hub.publish("a", "1")
        self.turn()

        self.assertEqual(self.history.told, ["start", "tail", "append"])
        self.assertEqual(self.shut_down(), [])

    def test_stop_alone(self) -> None:
        """
        A program that only stops the service drains the hub once, even if it does so twice,
        and the shutdown of the reactor does nothing more.
        """
        self.hub.publish("a", "1")
        self.turn()
        stopped = [self.hub.service().stopService(), self.hub.service().stopService()]
        self.assertEqual(self.shut_down(), [])
        self.turn()
        for one in stopped:
            self.assertNoResult(one)
        self.history.stopped.callback(None)

        self.assertEqual([self.successResultOf(one) for one in stopped], [None, None])
        self.assertEqual(self.history.told.count("stop"), 1)

    def test_after_the_stop(self) -> None:
        """
        A hub that has stopped is not started again.
        """
        stopped = self.hub.service(grace=0).stopService()
        self.turn()
        self.successResultOf(stopped)
        self.hub.publish("a", "1").addErrback(lambda failure: failure.trap(HubClosed))
        self.turn()

        self.assertEqual(self.history.told, [])
