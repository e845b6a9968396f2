"""
A hub that starts and stops with its application.
"""

from collections.abc import Sequence

from twisted.application.service import IService, MultiService, Service
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.support.history import AbsentHistory
from tests.support.hubs import Subscriber, make_hub
from tests.support.stores import BookkeepingHistory
from twisted_sse.errors import HistoryUnavailable, HubClosed
from twisted_sse.events.event import ServerSentEvent
from twisted_sse.events.publication import Publication, Record, Tail
from twisted_sse.history import MemoryHistory

__all__ = ["ServiceTests"]


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
        self.assertEqual(len(events), 1)
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
        A failure of history to stop is that of the service, and is logged if it comes too late.
        """
        for early in (True, False):
            with self.subTest(early=early):
                history = RunningHistory()
                hub, clock = make_hub(history)
                service = hub.service(grace=0.0)
                service.startService()
                stopped = service.stopService()
                clock.pump([0.1] * (1 if early else 20))
                history.stopped.errback(ZeroDivisionError())

                if early:
                    self.failureResultOf(stopped, ZeroDivisionError)
                else:
                    self.successResultOf(stopped)
                    self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
